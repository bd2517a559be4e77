import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLogger, createRegistry } from '@plimsoll/telemetry'
import { freePort, requireProgram, spawnProgram, until, type TestScope } from '@plimsoll/testing'
import t from 'tap'
import { DEFAULT_LIMITS } from '../../src/limits/kinds.ts'
import { openLimits, type Limits, type LimitsOptions } from '../../src/limits/limits.ts'
import type { LimitPlaces } from '../../src/limits/open-store.ts'
import { NO_DATABASE } from '../fixture/test-app.ts'

const NOWHERE: LimitPlaces = { machine: false, folder: undefined, redis: undefined }

interface Worker {
  readonly limits: Limits
  readonly logged: Record<string, unknown>[]
  readonly metrics: () => Promise<string>
}

async function worker(
  t: TestScope,
  places: Partial<LimitPlaces>,
  options: Partial<LimitsOptions> = {},
): Promise<Worker> {
  const logged: Record<string, unknown>[] = []
  const write = (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>)
  const registry = createRegistry({ prefix: 'api_' })
  const limits = await openLimits(
    { ...DEFAULT_LIMITS, ...options },
    { ...NOWHERE, ...places },
    {
      databaseUrl: NO_DATABASE,
      logger: createLogger({ level: 'info', name: 'test', destination: { write } }),
      registry,
    },
  )
  t.teardown(() => limits.close())
  return { limits, logged, metrics: () => registry.metrics() }
}

const uploadOf = (userId: number | undefined, address: string | undefined) => ({ userId, address, route: '/uploads' })

async function admitted(limits: Limits, requests: readonly ReturnType<typeof uploadOf>[]): Promise<number> {
  let count = 0
  for (const request of requests) if ((await limits.take('uploads', request))?.decision.allowed !== false) count++
  return count
}

const many = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i))

await t.test('uploads are limited by address and by user, all or nothing', async t => {
  const { limits } = await worker(t, {})
  t.equal(
    await admitted(
      limits,
      many(30, i => uploadOf(7, `192.0.2.${i}`)),
    ),
    10,
    'a user with many addresses',
  )
  t.equal(
    await admitted(
      limits,
      many(30, i => uploadOf(100 + i, '192.0.2.200')),
    ),
    10,
    'an address with many users',
  )
  t.equal(
    await admitted(limits, [uploadOf(8, '192.0.2.15')]),
    1,
    'what was refused for its user has cost its address nothing',
  )
  t.equal(
    await admitted(
      limits,
      many(15, i => uploadOf(undefined, `2001:db8::${i + 1}`)),
    ),
    10,
    'a /64 is one client',
  )
})

await t.test('in development this machine is not limited by address; by user and account it is', async t => {
  const { limits } = await worker(t, {}, { exemptThisMachine: true })
  t.equal(await limits.take('expensive', { userId: 7, address: '127.0.0.1', route: '/x' }), null)
  t.equal(
    await admitted(
      limits,
      many(50, () => uploadOf(undefined, '::1')),
    ),
    50,
  )
  t.equal(
    await admitted(
      limits,
      many(50, () => uploadOf(7, '::1')),
    ),
    10,
  )
  const tries = await Promise.allSettled(many(40, () => limits.signIns.begin('a', '127.0.0.1', async () => false)))
  t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 5)
  const others = await Promise.allSettled(many(40, i => limits.signIns.begin(`u${i}`, '127.0.0.1', async () => true)))
  t.ok(others.every(({ status }) => status === 'fulfilled'))
})

await t.test('a /48 fails at sign-ins as often as ten addresses, and IPv4 has no such network', async t => {
  const { limits } = await worker(t, {})
  const letIn = async (count: number, addressOf: (i: number) => string) => {
    const all = many(count, i => limits.signIns.begin(`${addressOf(i)} ${i}`, addressOf(i), async () => false))
    return (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled').length
  }
  t.equal(await letIn(250, i => `2001:db8:1:${i.toString(16)}::1`), 200)
  t.equal(await letIn(10, i => `2001:db8:2:${i.toString(16)}::1`), 10)
  t.equal(await letIn(250, i => `192.0.2.${i}`), 250)
})

await t.test(
  'a refused sign-in is a line of who it was, without the account; refusals are counted by kind',
  async t => {
    const { limits, logged, metrics } = await worker(t, {})
    const begin = () =>
      limits.signIns.begin('Somebody@example.org', '192.0.2.1\n{"level":', async () => false, {
        requestId: 'r-1',
        userId: 7,
      })
    for (let i = 0; i < 5; i++) await begin()
    await t.rejects(begin(), { code: 'API_ERR_RATE_LIMITED', retryAfterS: 900 })
    t.match(logged, [
      {
        level: 'warn',
        event: 'sign-in-limited',
        kind: /^sign-in-/,
        userId: 7,
        requestId: 'r-1',
        ip: '192.0.2.1?{"level":',
      },
    ])
    t.notMatch(JSON.stringify(logged), /somebody/i)
    limits.refused('uploads', (await limits.take('uploads', uploadOf(1, '192.0.2.1')))?.decision as never)
    const text = await metrics()
    t.match(text, /^api_rate_limited_total\{kind="sign-in"\} 1$/m)
    t.match(text, /^api_rate_limited_total\{kind="uploads"\} 1$/m)
    t.match(text, /^api_rate_limited_total\{kind="expensive"\} 0$/m)
  },
)

await t.test('workers of one machine count together', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-limits-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const workers = [await worker(t, { machine: true, folder }), await worker(t, { machine: true, folder })]
  const each = await Promise.all(
    workers.map(({ limits }) =>
      admitted(
        limits,
        many(20, () => uploadOf(7, '192.0.2.1')),
      ),
    ),
  )
  t.equal(
    each.reduce((sum, count) => sum + count, 0),
    10,
    each.join(' + '),
  )
  t.same(
    workers.flatMap(({ logged }) => logged),
    [],
  )
})

await t.test('a folder that can not be used is said once, and each worker counts for itself', async t => {
  const { limits, logged, metrics } = await worker(t, { machine: true, folder: '/proc/nowhere' })
  t.equal(
    await admitted(
      limits,
      many(20, () => uploadOf(7, '192.0.2.1')),
    ),
    10,
  )
  t.match(logged, [{ level: 'warn', place: 'machine' }])
  t.equal(logged.length, 1)
  t.match(await metrics(), /^api_rate_limit_store_down\{store="machine"\} 1$/m)
})

await t.test('machines with one Redis count together; without it each machine does for itself', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-limits-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const server = await spawnProgram(t, [
    file,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
  ])
  await server.line(/ready to accept connections/i)
  const redis = { host: '127.0.0.1', port, password: undefined }
  const places = { redis, machine: true, folder: path.join(folder, 'machine') }
  const workers = [await worker(t, { redis }), await worker(t, places), await worker(t, places)] as const
  // A busy machine may let Redis be too slow for a decision: then it's decided nearer, and the figures below are of no use.
  const counted = async (userId: number) => {
    const each = await Promise.all(
      workers.map(({ limits }) =>
        admitted(
          limits,
          many(20, i => uploadOf(userId, `10.0.${userId}.${i}`)),
        ),
      ),
    )
    return each.reduce((sum, count) => sum + count, 0)
  }
  let round = 0
  await until(
    async () => {
      const before = workers.flatMap(({ logged }) => logged).length
      const sum = await counted(++round)
      const metrics = await Promise.all(workers.map(worker => worker.metrics()))
      const isTroubled =
        workers.flatMap(({ logged }) => logged).length > before || metrics.some(text => /store="redis"\} 1/.test(text))
      return !isTroubled && sum === 10
    },
    { what: 'ten of sixty over three workers' },
  )
  server.kill('SIGKILL')
  await server.exited
  t.equal(await counted(250), 20, 'ten for the worker alone, ten for the two of one machine')
  for (const { logged } of workers) t.match(logged.at(-1), { level: 'warn', place: 'redis' })
})
