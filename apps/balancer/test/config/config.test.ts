import { ConfigError, loadConfig, toJsonSchema } from '@plimsoll/config'
import t from 'tap'
import { balancerProgram } from '../../src/index.ts'

const load = (...argv: string[]) => loadConfig(balancerProgram, { env: {}, argv })
const issuesOf = (...argv: string[]): string => {
  try {
    load(...argv)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}
const UPSTREAM = '--upstream=http://127.0.0.1:3001'

await t.test('an upstream is enough, and the rest has defaults', t => {
  const loaded = load(UPSTREAM, '--upstream=unix:/run/app.sock', '--upstream=http://[::1]:80,weight=3,pipelining=8')
  t.same(loaded.kind === 'run' && loaded.config.upstream, [
    { url: 'http://127.0.0.1:3001', weight: 1, pipelining: 1 },
    { url: 'unix:/run/app.sock', weight: 1, pipelining: 1 },
    { url: 'http://[::1]:80', weight: 3, pipelining: 8 },
  ])
  t.equal(loaded.kind === 'run' && loaded.config.retry.maxBodyBytes, 65_536)
  t.end()
})

await t.test('what does not parse, and what contradicts itself, is named', t => {
  t.match(issuesOf(), /upstream and discovery\.file, \.dns, \.srv: none is given/)
  for (const [argument, sentence] of [
    ['--upstream=https://a', /an upstream is http:\/\/host:port or unix:\/path/],
    ['--upstream=http://a/path', /no path, query or user/],
    ['--upstream=http://a,weight=0', /weight/],
    ['--upstream=http://a,colour=8', /"colour" is no setting/],
    ['--upstream=unix:relative', /absolute path/],
    [`--upstream=unix:/${'x'.repeat(120)}`, /the limit is 100/],
    ['--listen=nowhere', /no address to listen on/],
    ['--admin=1.2.3.4:99999', /above 65535/],
    ['--trusted-proxies=10.0.0.0/99', /is no address, no range/],
    ['--timeouts.try-ms=40000', /is longer than timeouts\.totalMs/],
    ['--timeouts.connect-ms=0', /1/],
    ['--reports.from=tcp', /unix/],
    ['--reports.expiry-ms=50', /100/],
    ['--reports.database-free=static', /^reports\.databaseFree: "static" is no prefix of a path/m],
    ['--reports.trust=all', /reports\.trust/],
    ['--rate-limit.endpoints=courses', /^rateLimit\.endpoints: "courses" is no pattern of a path/m],
    ['--rate-limit.exempt=localhost', /^rateLimit\.exempt: "localhost" is no address/m],
    ['--rate-limit.ipv6-prefix-bits=8', /16/],
    ['--limits.max-headers=x', /limits\.max-headers/i],
  ] as const)
    t.match(issuesOf(UPSTREAM, argument), sentence, argument)
  t.end()
})

await t.test('limits that limit nothing are refused by naming both options', t => {
  const contradiction = /rateLimit\.enabled is on, but rateLimit\.overallLimit is 0/
  const on = [UPSTREAM, '--rate-limit.enabled=true', '--rate-limit.overall-limit=0']
  t.match(issuesOf(...on), contradiction)
  t.match(issuesOf(...on, '--rate-limit.endpoints=/a', '--rate-limit.endpoint-limit=0'), contradiction)
  t.equal(issuesOf(...on, '--rate-limit.endpoints=/a'), '')
  t.equal(issuesOf(UPSTREAM, '--rate-limit.overall-limit=0'), '')
  t.end()
})

await t.test('every number says its unit, its range, and what zero means where zero is allowed', t => {
  interface Described {
    readonly type?: string
    readonly description?: string
    readonly unit?: string
    readonly zero?: string
    readonly minimum?: number
    readonly maximum?: number
    readonly default?: unknown
    readonly properties?: Readonly<Record<string, Described>>
  }
  const look = (path: string, option: Described): void => {
    for (const [name, child] of Object.entries(option.properties ?? {}))
      look(path === '' ? name : `${path}.${name}`, child)
    if (option.type !== 'integer') return
    t.type(option.description, 'string', `${path} has a description`)
    t.type(option.unit, 'string', `${path} has a unit`)
    t.type(option.minimum, 'number', `${path} has a least value`)
    t.type(option.maximum, 'number', `${path} has a largest value`)
    t.type(option.default, 'number', `${path} has a default`)
    if (option.minimum === 0 && !['shutdown.graceMs', 'shutdown.drainMs'].includes(path))
      t.type(option.zero, 'string', `${path} says what 0 means`)
  }
  look('', balancerProgram.schema as Described)
  t.ok(toJsonSchema(balancerProgram.schema))
  t.end()
})
