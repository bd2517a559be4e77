// Two routes to a real server, the first through a proxy that misbehaves.
import t from 'tap'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { leakCheck, until } from '@plimsoll/testing'
import type { RouteChanged } from '../../src/index.ts'
import { codeOf, emptyDatabase, optimizer } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'

const database = await emptyDatabase(t)
await database.sql`create table entries (id int primary key)`
leakCheck(t)

async function twoRoutes(t: Parameters<typeof optimizer>[0], options: Parameters<typeof optimizer>[2] = {}) {
  const proxy = await faultyProxy(t, database.url)
  const changes: RouteChanged[] = []
  const note = (message: unknown): void => void changes.push(message as RouteChanged)
  subscribe('db:route:changed', note)
  t.teardown(() => unsubscribe('db:route:changed', note))
  const db = optimizer(t, '', {
    routes: [
      { name: 'pooled', url: proxy.url, minConnections: 0, pooler: true },
      { name: 'direct', url: database.url },
    ],
    maxConnections: 4,
    connectTimeoutMs: 1000,
    ...options,
  })
  const answer = async (): Promise<unknown> =>
    (await db.sql<{ n: number }[]>`select 1 as n`.with({ idempotent: true }))[0]?.n
  return { proxy, db, changes, answer }
}

await t.test(
  'a route that refuses sends its callers to the next one at once, and home after it is well again',
  async t => {
    const { proxy, db, changes, answer } = await twoRoutes(t, { probeDoubtIntervalMs: 10, returnAfterMs: 60 })
    t.equal(await answer(), 1)
    t.equal(db.statistics().route, 'pooled')
    proxy.refuse(1_000_000)
    proxy.reset()
    const answers = await Promise.all(Array.from({ length: 50 }, answer))
    t.same(new Set(answers), new Set([1]))
    t.equal(db.statistics().route, 'direct')
    t.same(changes, [{ route: 'pooled', state: 'away', reason: 'unreachable' }])
    await until(() => (db.statistics().routes[0]?.probes.failed ?? 0) > 1, { what: 'probes' })
    proxy.refuse(0)
    await until(() => db.statistics().route === 'pooled', { what: 'the way home' })
    t.ok((db.statistics().routes[0]?.probes.ok ?? 0) >= 3)
    t.equal(changes.length, 2)
    t.equal(await answer(), 1)
  },
)

await t.test('a route that swallows everything costs its callers the fall-back time and not more', async t => {
  const { proxy, db, answer } = await twoRoutes(t, { fallbackAfterMs: 100, connectTimeoutMs: 400 })
  proxy.swallow()
  const startedAtMs = performance.now()
  t.equal(await answer(), 1)
  const tookMs = performance.now() - startedAtMs
  t.ok(tookMs >= 99, `${tookMs} ms`)
  await until(() => db.statistics().route === 'direct', { what: 'the opening to time out' })
  t.equal(await answer(), 1)
  proxy.recover()
})

await t.test('with all routes down each is tried in order, and the last one’s error is given', async t => {
  const { proxy, db } = await twoRoutes(t)
  proxy.refuse(1_000_000)
  const other = await faultyProxy(t, database.url)
  other.refuse(1_000_000)
  const both = optimizer(t, '', {
    routes: [
      { name: 'a', url: proxy.url, minConnections: 0 },
      { name: 'b', url: other.url },
    ],
  })
  t.equal(await codeOf(both.sql`select 1`), 'DB_ERR_CONNECT')
  t.same(
    both.statistics().routes.map(route => route.state),
    ['away', 'away'],
  )
  proxy.refuse(0)
  other.refuse(0)
  await until(async () => (await codeOf(both.sql`select 1`)) === 'resolved', { what: 'either route' })
  await db.close()
})

await t.test('transactions, batches and streams take the other route as well', async t => {
  const { proxy, db } = await twoRoutes(t)
  proxy.refuse(1_000_000)
  t.equal(await db.transaction(async tx => (await tx<{ n: number }[]>`select 3 as n`)[0]?.n), 3)
  const [one] = await db.batch([db.sql<{ n: number }[]>`select 4 as n`])
  t.match(one, { status: 'fulfilled', value: [{ n: 4 }] })
  const rows: unknown[] = []
  for await (const batch of db.sql`select * from generate_series(1, 3) as i`.cursor(2)) rows.push(...batch)
  t.same(rows, [{ i: 1 }, { i: 2 }, { i: 3 }])
  t.same(await db.sql`select ${db.sql.array([1, 2])}::int[] as list`, [{ list: [1, 2] }])
})

await t.test('impatient callers of a cold pool say nothing against its route', async t => {
  const { db } = await twoRoutes(t)
  const codes = await Promise.all(Array.from({ length: 40 }, () => codeOf(db.sql`select 1`.with({ timeoutMs: 2 }))))
  t.same(
    codes.filter(code => code === 'DB_ERR_CONNECT'),
    [],
  )
  t.same(
    db.statistics().routes.map(({ state, circuit }) => ({ state, circuit })),
    [
      { state: 'available', circuit: 'closed' },
      { state: 'available', circuit: 'closed' },
    ],
  )
  t.equal(await codeOf(db.sql`select 1`), 'resolved')
})

await t.test(
  'many who find no way in open the circuit of a route, and without circuits none is left for that',
  async t => {
    // It swallows even the first connection, and nobody waits for that to time out: nothing but the circuit can tell.
    const silent = async (options: Parameters<typeof optimizer>[2]) => {
      const { proxy, db, answer } = await twoRoutes(t, { fallbackAfterMs: 20, connectTimeoutMs: 60_000, ...options })
      proxy.swallow()
      const answers = await Promise.all(Array.from({ length: 30 }, answer))
      t.same(new Set(answers), new Set([1]), 'the other route answers')
      const { routes } = db.statistics()
      proxy.recover()
      return routes.map(({ state, reason, circuit }) => ({ state, reason, circuit }))
    }
    t.same(await silent({}), [
      { state: 'away', reason: 'circuit-open', circuit: 'open' },
      { state: 'available', reason: undefined, circuit: 'closed' },
    ])
    t.same(await silent({ circuitBreaker: false }), [
      { state: 'available', reason: undefined, circuit: 'off' },
      { state: 'available', reason: undefined, circuit: 'off' },
    ])
  },
)

await t.test('a busy pool is no reason to leave a route', async t => {
  const { db } = await twoRoutes(t, { maxConnections: 1, acquireTimeoutMs: 50 })
  await until(async () => (await codeOf(db.sql`select 1`)) === 'resolved', { what: 'a connection' })
  const slow = codeOf(db.sql`select pg_sleep(0.3)`)
  t.equal(await codeOf(db.sql`select 1`), 'DB_ERR_POOL_BUSY')
  t.equal(db.statistics().route, 'pooled')
  t.equal(await slow, 'resolved')
})
