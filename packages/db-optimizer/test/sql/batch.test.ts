import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { codeOf, emptyDatabase, optimizer } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'

const database = await emptyDatabase(t)
await database.sql`create table marks (id int primary key, text text)`
leakCheck(t)
t.beforeEach(async () => void (await database.sql`truncate marks`))

await t.test('fifty queries are answered in order, each with its own rows', async t => {
  const { sql, batch, statistics } = optimizer(t, database.url, { maxConnections: 2 })
  await sql`select 1`
  const acquired = statistics().pool.acquiredTotal
  const results = await batch(
    Array.from({ length: 50 }, (_, i) =>
      i % 3 === 0 ? sql`select ${i}::int as n, ${'x'.repeat(i)} as text` : sql`select ${i}::int as n`,
    ),
  )
  t.same(
    results.map(result => result.status === 'fulfilled' && result.value[0]?.['n']),
    Array.from({ length: 50 }, (_, i) => i),
  )
  t.equal(statistics().pool.acquiredTotal, acquired + 1, 'all on one connection')
})

await t.test('one that fails has its own error, and the others their rows', async t => {
  const { sql, batch } = optimizer(t, database.url, { maxConnections: 1 })
  const [first, second, third, fourth] = await batch([
    sql`insert into marks values (1, 'a') returning id`,
    sql`insert into marks values (1, 'b')`,
    sql`select 1 / (3 - i) from generate_series(1, 5) i`,
    sql<{ i: number }[]>`select i from generate_series(1, 3) i`,
  ])
  t.match(first, { status: 'fulfilled', value: [{ id: 1 }] })
  t.match(second, { status: 'rejected', reason: { code: 'DB_ERR_QUERY', sqlState: '23505', outcome: 'failed' } })
  t.match(third, { status: 'rejected', reason: { sqlState: '22012' } })
  t.equal(fourth?.status, 'fulfilled')
  if (fourth?.status === 'fulfilled') t.same([...fourth.value], [{ i: 1 }, { i: 2 }, { i: 3 }])
  t.same(await sql`select id from marks`, [{ id: 1 }])
})

await t.test('in a transaction a batch is all or nothing with it', async t => {
  const { sql, transaction } = optimizer(t, database.url)
  const results = await transaction(tx =>
    tx.batch([tx`insert into marks values (1, 'a') returning id`, tx`select 2 as n`]),
  )
  t.match(results, [[{ id: 1 }], [{ n: 2 }]])
  const failing = transaction(tx =>
    tx.batch([tx`insert into marks values (2, 'b')`, tx`insert into marks values (1, 'c')`]),
  )
  await t.rejects(failing, { code: 'DB_ERR_QUERY', sqlState: '23505' })
  t.same(await sql`select id from marks`, [{ id: 1 }])
})

await t.test('when the connection is lost, what was answered is known and the rest is unknown', async t => {
  const proxy = await faultyProxy(t, database.url)
  const { sql, batch } = optimizer(t, proxy.url, { maxConnections: 1, prepare: false })
  await sql`select 1`
  proxy.cutAfter('insert', 2)
  const results = await batch([1, 2, 3, 4].map(id => sql.unsafe(`insert into marks values (${id}, 'x')`)))
  const codes = results.map(result => (result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok'))
  t.same(codes, ['ok', 'ok', 'DB_ERR_OUTCOME_UNKNOWN', 'DB_ERR_OUTCOME_UNKNOWN'])
  await until(async () => (await database.sql`select from marks`).length >= 2, { what: 'what was acknowledged' })
  t.same(await sql`select 1 as n`, [{ n: 1 }])
})

await t.test('time limit and signal stop the whole of it, and the connection is clean behind it', async t => {
  const { sql, batch } = optimizer(t, database.url, { maxConnections: 1, cancelGraceMs: 100 })
  const startedAtMs = performance.now()
  const results = await batch([sql`select 1 as n`, sql`select pg_sleep(5)`, sql`select pg_sleep(5)`], { timeoutMs: 50 })
  t.ok(performance.now() - startedAtMs < 3000)
  t.match(results[0], { status: 'fulfilled' })
  t.same(
    results.slice(1).map(result => result.status),
    ['rejected', 'rejected'],
  )
  t.equal(await codeOf(batch([sql`select 1`], { signal: AbortSignal.abort() })), 'DB_ERR_ABORTED')
  t.same(await sql`select 1 as n`, [{ n: 1 }])
})

await t.test('what can not go into a batch is refused before anything is sent', async t => {
  const { sql, batch } = optimizer(t, database.url)
  t.same(await batch([]), [])
  const insert = () => sql`insert into marks values (9, 'x')`
  t.equal(await codeOf(batch([insert(), sql`select 1`.describe() as never])), 'DB_ERR_UNSUPPORTED')
  t.equal(await codeOf(batch([insert(), sql`select 1`.with({ timeoutMs: 5 })])), 'DB_ERR_UNSUPPORTED')
  t.equal(await codeOf(batch([insert(), Promise.resolve() as never])), 'DB_ERR_UNSUPPORTED')
  t.equal(await codeOf(batch(Array.from({ length: 51 }, insert))), 'DB_ERR_OPTION')
  t.same(await database.sql`select from marks`, [])
})
