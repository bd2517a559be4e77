// Faults of postgres.js 3.4.9 around results and cancels: 3 and 4 of the conformance list in the README. Each test first shows the fault with the plain driver.
import t from 'tap'
import { codeOf, emptyDatabase, optimizer, untilRunning } from '../fixture/database.ts'
import { withPlainDriver } from '../fixture/plain-driver.ts'

const database = await emptyDatabase(t)

await t.test('3: after a query that failed in mid-stream, the next result has its own rows', async t => {
  const plain = await withPlainDriver(async ({ postgres, url }) => {
    const sql = postgres(url, { max: 1 })
    await sql`select i, 1 / (4 - i) as b from generate_series(1, 10) i`.catch(() => {})
    const rows = await sql`select x from generate_series(1, 5) x`
    return [rows.length, rows.count, rows[0] ?? null]
  }, database.url)
  t.same(plain.value, [8, 5, null], 'the driver: three rows of nothing in front')

  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  t.equal(await codeOf(sql`select i, 1 / (4 - i) as b from generate_series(1, 10) i`), 'DB_ERR_QUERY')
  const rows = await sql`select x from generate_series(1, 5) x`
  t.same([rows.length, rows.count, rows[0]], [5, 5, { x: 1 }])
})

await t.test('3: neither after one that was cancelled in mid-stream', async t => {
  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  const query = sql`select i, case when i > 20000 then pg_sleep(5)::text end from generate_series(1, 30000) i`
  const outcome = codeOf(query)
  await untilRunning(database.sql, '30000')
  query.cancel()
  t.equal(await outcome, 'DB_ERR_ABORTED')
  const rows = await sql`select x from generate_series(1, 5) x`
  t.same([rows.length, rows.count, rows[0]], [5, 5, { x: 1 }])
})

await t.test('4: a cancel ends the query it was meant for, and no other', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, untilRunning }) => {
    const sql = postgres(url, { max: 1 })
    await sql`select 1`
    const queries = [sql`select pg_sleep(0.3), 'a'`, sql`select pg_sleep(0.3), 'b'`, sql`select pg_sleep(0.3), 'c'`]
    const outcomes = queries.map(query => settle(query, 1800))
    await untilRunning("'a'")
    queries[1]!.cancel()
    return Promise.all(outcomes)
  }, database.url)
  const outcomes = plain.value as string[]
  t.equal(outcomes[1], 'pending', 'the driver: the one that was cancelled never settles')
  t.ok(outcomes.includes('57014'), 'and a neighbour is cancelled instead')

  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  await sql`select 1`
  const queries = ['a', 'b', 'c'].map(name => sql`select pg_sleep(0.2), ${name}::text as name`)
  const ours = queries.map(query => codeOf(query))
  await untilRunning(database.sql, 'pg_sleep(0.2)')
  queries[1]!.cancel()
  t.same(await Promise.all(ours), ['resolved', 'DB_ERR_ABORTED', 'resolved'])
})
