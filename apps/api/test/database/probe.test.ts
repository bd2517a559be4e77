import t from 'tap'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createLogger } from '@plimsoll/telemetry'
import { FakeClock, until, type FakeTimer } from '@plimsoll/testing'
import postgres from 'postgres'
import { createProbe, createProbeQuery, type ProbeAnswer } from '../../src/database/probe.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_DATABASE } from '../fixture/test-app.ts'

type Look = 'answers' | 'fails'

/** A probe whose looks go as the script says; `random` 0.5 means no jitter. */
function scripted(looks: Look[], random = 0.5) {
  const clock = new FakeClock({ startMs: Date.UTC(2026, 0, 1) })
  const levels: string[] = []
  const logger = createLogger({
    level: 'info',
    name: 'test',
    destination: { write: (line: string) => void levels.push((JSON.parse(line) as { level: string; to: string }).to) },
  })
  let asked = 0
  let spentMs = 0
  const now = () => clock.now() + spentMs
  const look = async (): Promise<ProbeAnswer> => {
    asked += 1
    spentMs += 2
    if (looks.shift() === 'fails') throw Object.assign(new Error('secret'), { code: 'ECONNREFUSED' })
    return { connectionsUsed: 3, connectionsLimit: 100 }
  }
  const probe = createProbe(
    { intervalMs: 10_000, downAfter: 3, timeoutMs: 3000 },
    {
      look,
      clock: {
        now,
        setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
        clearTimeout: timer => clock.clearTimeout(timer as FakeTimer),
      },
      random: { next: () => random },
      logger,
    },
  )
  return { probe, clock, levels, asked: () => asked }
}

await t.test('nothing is known before the first look, and the first answer is up', async t => {
  const { probe } = scripted(['answers'])
  t.same(probe.health(), {
    status: 'unknown',
    latencyMs: null,
    checkedAt: null,
    failure: null,
    connections: null,
    successRatio: 1,
  })
  await probe.start()
  t.same(probe.health(), {
    status: 'up',
    latencyMs: 2,
    checkedAt: '2026-01-01T00:00:00.002Z',
    failure: null,
    connections: { used: 3, limit: 100 },
    successRatio: 1,
  })
  probe.close()
})

await t.test('it fails at once, is down after three failures a second apart, and is up with one answer', async t => {
  const { probe, clock, levels, asked } = scripted([
    'answers',
    'fails',
    'fails',
    'fails',
    'fails',
    'answers',
    'answers',
  ])
  await probe.start()
  const after = async (ms: number) => {
    await clock.advanceAsync(ms)
    return [asked(), probe.health().status]
  }
  t.same(await after(9999), [1, 'up'], 'an interval apart while all is well')
  t.same(await after(1), [2, 'failing'])
  t.equal(probe.health().failure, 'ECONNREFUSED')
  t.same(await after(1000), [3, 'failing'])
  t.same(await after(1000), [4, 'down'])
  t.same(await after(1000), [5, 'down'])
  t.equal(probe.health().successRatio, 1 / 5)
  t.same(await after(1000), [6, 'up'])
  t.match(probe.health(), { failure: null, latencyMs: 2 })
  t.same(await after(1000), [6, 'up'], 'back to the long interval')
  t.same(levels, ['up', 'failing', 'down', 'up'], 'each change is logged once')
  probe.close()
})

await t.test('intervals differ by up to a tenth, so that workers do not march in step', async t => {
  for (const [random, dueMs] of [
    [0, 9000],
    [0.999999, 10_999],
  ] as const) {
    const { probe, clock, asked } = scripted([], random)
    await probe.start()
    await clock.advanceAsync(dueMs - 1)
    t.equal(asked(), 1)
    await clock.advanceAsync(2)
    t.equal(asked(), 2)
    probe.close()
  }
})

await t.test('a closed probe looks no more', async t => {
  const { probe, clock, asked } = scripted([])
  await probe.start()
  probe.close()
  await clock.advanceAsync(60_000)
  t.equal(asked(), 1)
  t.equal(clock.pending, 0)
})

const database = await demoDatabase(t)

await t.test('the question is answered by a real server, also after its connection was ended', async t => {
  const query = createProbeQuery({
    url: database.url,
    applicationName: 'probe-test',
    connectTimeoutS: 5,
    circuitBreaker: true,
  })
  t.teardown(() => query.close())
  const answer = await query.look(3000)
  t.ok(answer.connectionsUsed >= 1 && answer.connectionsLimit >= 10)
  const admin = database.sql
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'probe-test'`
  await until(async () => (await query.look(3000)).connectionsUsed > 0, { what: 'a fresh connection' })
})

await t.test(
  'connections to other databases count, since the limit is for all, and the reserved ones are none of it',
  async t => {
    const other = postgres(new URL('/postgres', database.adminUrl).href, { max: 2, onnotice: () => {} })
    t.teardown(() => other.end())
    const query = createProbeQuery({
      url: database.url,
      applicationName: 'probe-test',
      connectTimeoutS: 5,
      circuitBreaker: true,
    })
    t.teardown(() => query.close())
    /** As who may see everything does. */
    const truth = async () => {
      const [row] = await other<[{ used: number; limit: number }]>`
      select (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
             (select sum(case name when 'max_connections' then setting::int else -setting::int end)::int from pg_settings
              where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')) as limit`
      return row
    }
    // Whatever else runs on this server comes and goes: one look in between is enough.
    await until(
      async () => {
        const before = await truth()
        const { connectionsUsed, connectionsLimit } = await query.look(3000)
        t.equal(connectionsLimit, before.limit)
        return before.used === connectionsUsed && (await truth()).used === connectionsUsed
      },
      { what: 'the same count', timeoutMs: 20_000 },
    )
  },
)

await t.test('a server that is away is a failure with a code', async t => {
  const away = createProbeQuery({
    url: NO_DATABASE,
    applicationName: 'probe-test',
    connectTimeoutS: 5,
    circuitBreaker: true,
  })
  t.teardown(() => away.close())
  await t.rejects(away.look(3000), { code: 'DB_ERR_CONNECT', reason: 'ECONNREFUSED' })
})

await t.test('a server that lets nobody in is a failure when the time is up', async t => {
  const sockets = new Set<Socket>()
  const silent = createServer(socket => sockets.add(socket))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { port } = silent.address() as AddressInfo
  const query = createProbeQuery({
    url: `postgres://nobody@127.0.0.1:${port}/nowhere`,
    applicationName: 'probe-test',
    connectTimeoutS: 5,
    circuitBreaker: true,
  })
  t.teardown(() => query.close())
  await t.rejects(query.look(50), { name: 'DbError', outcome: 'not-executed' })
})

await t.test('with a pooler that is away the direct route answers', async t => {
  const query = createProbeQuery({
    url: NO_DATABASE,
    directUrl: database.url,
    applicationName: 'probe-test',
    connectTimeoutS: 5,
    circuitBreaker: true,
  })
  t.teardown(() => query.close())
  t.ok((await query.look(3000)).connectionsUsed >= 1)
})

await t.test(
  'whoever suspects something has it look at once, together with others, and all looks are told of',
  async t => {
    const { probe, clock, asked } = scripted(['answers', 'fails', 'answers', 'answers'])
    const told: boolean[] = []
    probe.onLook(isAnswered => told.push(isAnswered))
    await probe.start()
    t.same(await Promise.all([probe.soon(), probe.soon()]), [false, false])
    t.same([asked(), probe.health().status], [2, 'failing'], 'one look for both')
    await clock.advanceAsync(1000)
    t.same([asked(), probe.health().status], [3, 'up'], 'and the next one is due from then on')
    await clock.advanceAsync(9999)
    t.equal(asked(), 3)
    await clock.advanceAsync(1)
    t.equal(asked(), 4)
    t.same(told, [true, false, true, true])
    probe.close()
  },
)
