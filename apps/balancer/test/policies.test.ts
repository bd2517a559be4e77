import { loadConfig } from '@plimsoll/config'
import t from 'tap'
import { balancerProgram } from '../src/index.ts'
import {
  acceptOptions,
  budgetOptions,
  changedFixedOptions,
  clientOptions,
  outlierOptions,
  poolSettings,
  rateLimiterOptions,
  reportOptions,
  retryOptions,
  upstreamOptions,
} from '../src/policies.ts'

function configOf(...argv: string[]) {
  const loaded = loadConfig(balancerProgram, { env: {}, argv: ['--upstream=http://127.0.0.1:3001', ...argv] })
  if (loaded.kind !== 'run') throw new Error('the flags ask for help')
  return loaded.config
}

const sources = { random: { next: () => 0.5 }, clock: { now: () => 0 } }

await t.test('with nothing said the numbers are those of the option table', t => {
  const config = configOf()
  const { picker, ...settings } = poolSettings(config, sources)
  t.same(settings, {
    endpoint: {
      circuit: {
        consecutiveFailures: 5,
        minSuccessRatio: 0.5,
        minRequests: 20,
        windowMs: 10_000,
        baseMs: 10_000,
        maxMs: 300_000,
      },
      maxRequests: Infinity,
    },
    slowStart: { durationMs: 10_000, fromRatio: 0.1 },
    panicBelowRatio: 0.5,
    loadBalancing: true,
  })
  t.equal(picker.strategy, 'least-connections')
  t.same(outlierOptions(config), { maxEjectedRatio: 0.5, rise: 2, checksAsk: false })
  t.match(retryOptions(config), { count: 1, statuses: [502, 503, 504], backoffMs: 25, maxBackoffMs: 250 })
  t.equal(budgetOptions(config).ratio, 0.2)
  const messageLimits = { maxHeadBytes: 16_384, maxHeaders: 100 }
  t.match(clientOptions(config), { limits: { ...messageLimits, maxBodyBytes: 10_485_760 }, times: { idleMs: 60_000 } })
  t.match(upstreamOptions(config), { limits: messageLimits, connectMs: 1_000 })
  t.match(acceptOptions(config), { maxConnectionsPerAddress: 0 })
  t.equal(rateLimiterOptions(config), null)
  t.end()
})

await t.test('each flag reaches the part that it is for', t => {
  const config = configOf(
    '--strategy=peak-ewma',
    '--limits.max-requests-per-endpoint=7',
    '--outlier.ejection-ms=50',
    '--outlier.max-ejection-ms=60',
    '--outlier.max-ejected-ratio=0.3',
    '--health.path=/ready',
    '--health.rise=4',
    '--slow-start.duration-ms=5',
    '--panic.below-ratio=0.2',
    '--retry.count=3',
    '--retry.budget-ratio=0.9',
    '--retry.budget-min-per-second=8',
  )
  const { picker, endpoint, slowStart, panicBelowRatio } = poolSettings(config, sources)
  t.equal(picker.strategy, 'peak-ewma')
  t.match(endpoint, { circuit: { baseMs: 50, maxMs: 60 }, maxRequests: 7 })
  t.match({ slowStart, panicBelowRatio }, { slowStart: { durationMs: 5 }, panicBelowRatio: 0.2 })
  t.same(outlierOptions(config), { maxEjectedRatio: 0.3, rise: 4, checksAsk: true })
  t.equal(retryOptions(config).count, 3)
  t.equal(budgetOptions(config).ratio, 0.9)
  t.end()
})

await t.test('an idle endpoint is believed from one check to the next, unless checks are rare', t => {
  for (const [argv, expiryMs] of [
    [[], 3000],
    [['--health.path=/ready'], 3200],
    [['--health.path=/ready', '--health.interval-ms=1000'], 3000],
    [['--health.path=/ready', '--health.interval-ms=3000'], 4300],
    [['--health.path=/ready', '--health.interval-ms=60000'], 5000],
    [['--health.path=/ready', '--reports.expiry-ms=20000'], 20_000],
    [['--reports.expiry-ms=500'], 500],
  ] as const)
    t.equal(reportOptions(configOf(...argv)).expiryMs, expiryMs, argv.join(' '))
  t.match(reportOptions(configOf()), { from: 'unix', maxDatabaseWaiting: 1 })
  t.end()
})

await t.test('limits by address are there when they are asked for', t => {
  const off = rateLimiterOptions(configOf('--rate-limit.overall-limit=5'))
  t.equal(off, null)
  const all = rateLimiterOptions(configOf('--rate-limit.enabled=true'))
  t.match(all, {
    overallLimit: 1000,
    overallWindowMs: 900_000,
    endpointLimit: 100,
    endpointWindowMs: 60_000,
    endpoints: [],
    ipv6PrefixBits: 64,
    maxKeys: 50_000,
    fields: true,
  })
  t.equal(all?.isExempt('127.0.0.1'), false)
  const some = rateLimiterOptions(configOf('--rate-limit.enabled=true', '--rate-limit.exempt=127.0.0.0/8'))
  t.same([some?.isExempt('127.9.9.9'), some?.isExempt('128.0.0.1'), some?.isExempt('')], [true, false, false])
  t.end()
})

await t.test('a single instance is never ejected', t => {
  const config = configOf('--load-balancing=false', '--outlier.max-ejected-ratio=1')
  t.equal(outlierOptions(config).maxEjectedRatio, 0)
  t.equal(poolSettings(config, sources).loadBalancing, false)
  t.end()
})

await t.test('what only a restart can change is named by its path, and nothing else is', t => {
  const current = configOf()
  const cases: [readonly string[], readonly string[]][] = [
    [[], []],
    [['--listen=127.0.0.1:8081'], ['listen']],
    [['--admin=127.0.0.1:9902'], ['admin']],
    [['--admin-token=0123456789abcdef0123456789abcdef'], ['adminToken']],
    [['--discovery.file=/run/endpoints.json', '--discovery.poll-ms=1234'], []],
    [['--log.level=warn'], ['log']],
    [['--limits.backlog=7'], ['limits.backlog']],
    [
      ['--listen=127.0.0.1:1', '--limits.backlog=7', '--retry.count=0'],
      ['listen', 'limits.backlog'],
    ],
    [['--upstream=http://127.0.0.1:3002,weight=3'], []],
    [['--strategy=random', '--load-balancing=false', '--hash.key=client'], []],
    [['--retry.count=0', '--timeouts.total-ms=60000', '--shutdown.drain-ms=5', '--trusted-proxies=10.0.0.0/8'], []],
    [['--health.path=/x', '--outlier.window-ms=500', '--stall.factor=3', '--slow-start.duration-ms=0'], []],
    [['--limits.max-headers=7', '--panic.below-ratio=0'], []],
    [['--reports.from=all', '--reports.expiry-ms=500', '--reports.database-free=/static'], []],
  ]
  for (const [argv, expected] of cases) {
    const next = configOf(...argv)
    t.same(changedFixedOptions(current, next), expected, argv.join(' '))
    t.same(changedFixedOptions(next, current), expected, `back from ${argv.join(' ')}`)
  }
  t.end()
})
