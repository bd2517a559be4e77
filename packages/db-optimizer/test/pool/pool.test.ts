import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { codeOf, emptyDatabase, hold, optimizer, terminate } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'

const database = await emptyDatabase(t)
// Its connection is no leak of a test.
await database.sql`select 1`
leakCheck(t)

await t.test('a full pool refuses after the acquire time-out, and says how long it was', async t => {
  const db = optimizer(t, database.url, { minConnections: 1, maxConnections: 1, acquireTimeoutMs: 40 })
  const { sql, statistics } = db
  // The acquire time-out is too short for the opening of a connection on a busy machine.
  await db.warmUp()
  const holder = await hold(db)
  const error: unknown = await sql`select 1`.catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_POOL_BUSY', outcome: 'not-executed', message: /in \d+ ms/ })
  t.ok((error as { waitedMs: number }).waitedMs >= 39)
  t.equal(statistics().pool.refusedTotal, 1)
  holder.release()
  t.equal(await holder.ended, 'resolved')
})

await t.test(
  'a full queue refuses at once; a newcomer of a higher class takes the place of the newest of the lowest',
  async t => {
    const db = optimizer(t, database.url, { maxConnections: 1, maxQueue: 2 })
    const { sql, statistics } = db
    const holder = await hold(db)
    const order: string[] = []
    const run = (name: string, priority: 'critical' | 'normal' | 'low') =>
      codeOf(sql`select 1`.with({ priority }).then(() => order.push(name)))
    const low = run('low', 'low')
    const normal = run('normal', 'normal')
    await until(() => statistics().pool.waiting === 2, { what: 'two waiters' })
    const refused = run('another', 'low')
    const critical = run('critical', 'critical')
    t.equal(await refused, 'DB_ERR_POOL_BUSY')
    t.equal(await low, 'DB_ERR_POOL_BUSY', 'it had to leave')
    holder.release()
    t.same(await Promise.all([holder.ended, normal, critical]), ['resolved', 'resolved', 'resolved'])
    t.same(order, ['critical', 'normal'])
  },
)

await t.test('a signal takes a waiter out of the queue', async t => {
  const db = optimizer(t, database.url, { maxConnections: 1 })
  const { sql, statistics } = db
  const holder = await hold(db)
  const abort = new AbortController()
  const waiter = sql`select 1`.with({ signal: abort.signal }).catch((error: unknown) => error)
  await until(() => statistics().pool.waiting === 1, { what: 'a waiter' })
  abort.abort()
  t.match(await waiter, { code: 'DB_ERR_ABORTED', outcome: 'not-executed' })
  t.equal(statistics().pool.waiting, 0)
  holder.release()
  await holder.ended
})

await t.test('lends the connection that was used last, and lets the surplus age out', async t => {
  const db = optimizer(t, database.url, { minConnections: 1, maxConnections: 6, idleTimeoutMs: 80 })
  await Promise.all(Array.from({ length: 6 }, () => db.sql`select pg_sleep(0.05)`))
  t.ok(db.statistics().pool.open > 3)
  const pids = new Set<number>()
  const startedAtMs = performance.now()
  while (performance.now() - startedAtMs < 150) {
    for (const row of await db.sql<{ pid: number }[]>`select pg_backend_pid() as pid`) pids.add(row.pid)
  }
  t.equal(pids.size, 1, 'one connection is enough, so one is used')
  await until(() => db.statistics().pool.open <= 2, { what: 'the surplus to be closed' })
})

await t.test('min connections are opened by warmUp and kept; one more is opened ahead of need', async t => {
  const db = optimizer(t, database.url, { minConnections: 3, maxConnections: 5 })
  await db.warmUp()
  t.equal(db.statistics().pool.open, 3)
  const [row] = await db.sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  await terminate(database.sql, row!.pid)
  await until(() => db.statistics().pool.open === 3 && db.statistics().pool.openedTotal === 4, {
    what: 'the lost one to be replaced',
  })
  const busy = Promise.all(Array.from({ length: 3 }, () => db.sql`select pg_sleep(0.1)`))
  await until(() => db.statistics().pool.openedTotal === 5, { what: 'one ahead' })
  await busy
})

await t.test('200 queries on 4 connections are all answered, and no more than 4 are ever open', async t => {
  const { sql, statistics } = optimizer(t, database.url, { maxConnections: 4, applicationName: 'four' })
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => sql<{ i: number }[]>`select ${i}::int as i`))
  t.same(
    answers.map(rows => rows[0]?.i),
    Array.from({ length: 200 }, (_, i) => i),
  )
  t.ok(statistics().pool.openedTotal <= 4)
})

await t.test('a server that is away is an error at once and not a wait; when it is back, so are we', async t => {
  const proxy = await faultyProxy(t, database.url)
  const { sql, statistics } = optimizer(t, proxy.url)
  proxy.refuse(3)
  t.equal(await codeOf(sql`select 1`), 'DB_ERR_CONNECT')
  await until(async () => (await codeOf(sql`select 1`)) === 'resolved', { what: 'the server', timeoutMs: 2000 })
  t.same(statistics().pool.openFailures, { ECONNRESET: 3 })
  const wrong = new URL(database.url)
  wrong.password = 'wrong'
  const error: unknown = await optimizer(t, wrong.href).sql`select 1`.catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_CONNECT', sqlState: '28P01' })
  t.notMatch((error as Error).message, /wrong/)
})

await t.test('a half-open connection: nothing is pending past deadline and grace, and the pool recovers', async t => {
  const proxy = await faultyProxy(t, database.url)
  const db = optimizer(t, proxy.url, { maxConnections: 2, cancelGraceMs: 100, connectTimeoutMs: 150 })
  await db.sql`select 1`
  proxy.swallow()
  const startedAtMs = performance.now()
  t.equal(await codeOf(db.sql`select 1`.with({ timeoutMs: 100 })), 'DB_ERR_OUTCOME_UNKNOWN')
  t.ok(performance.now() - startedAtMs < 1500)
  t.equal((await codeOf(db.transaction(tx => tx`select 1`, { timeoutMs: 300 }))) !== 'resolved', true)
  proxy.recover()
  await until(async () => (await codeOf(db.sql`select 1`)) === 'resolved', { what: 'recovery', timeoutMs: 2000 })
})

await t.test('close refuses who comes and who waits, and lets who runs end', async t => {
  const db = optimizer(t, database.url, { maxConnections: 1 })
  const running = await hold(db)
  const waiting = codeOf(db.sql`select 1`)
  await until(() => db.statistics().pool.waiting === 1, { what: 'a waiter' })
  const closing = db.close()
  t.equal(await waiting, 'DB_ERR_CLOSED')
  t.equal(await codeOf(db.sql`select 1`), 'DB_ERR_CLOSED')
  running.release()
  t.equal(await running.ended, 'resolved')
  await closing
  t.equal(db.statistics().pool.open, 0)
})
