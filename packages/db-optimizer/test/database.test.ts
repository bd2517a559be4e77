// The parts put together, as a program that uses the package sees them.
import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import type { SlowQuery } from '../src/index.ts'
import { codeOf, emptyDatabase, hold, optimizer } from './fixture/database.ts'

const database = await emptyDatabase(t)
await database.sql`create table users (id int8 primary key, name text not null)`
await database.sql`create table orders (id int8 primary key, user_id int8 not null)`
await database.sql`insert into users select i, 'user ' || i from generate_series(1, 100) i`
await database.sql`insert into orders select i, 1 + i % 10 from generate_series(1, 100) i`
leakCheck(t)

await t.test('reads by key leave as one statement, and each caller gets its row', async t => {
  const db = optimizer(t, database.url)
  const users = db.loader<{ id: string; name: string }>({ table: 'users', key: { id: 'int8' }, name: 'users.byId' })
  const rows = await Promise.all(Array.from({ length: 40 }, (_, i) => users.load(i % 20)))
  t.equal(rows[0], null)
  t.same(
    rows.slice(1, 20).map(row => row?.name),
    Array.from({ length: 19 }, (_, i) => `user ${i + 1}`),
  )
  t.match(users.statistics(), { batches: 1, keys: 20, joined: 20 })
  const ordersOf = db.manyLoader<{ id: string }>({ table: 'orders', key: { user_id: 'int8' }, columns: ['id'] })
  const [first, none] = await ordersOf.loadMany([1, 99])
  t.equal(first?.length, 10)
  t.same(none, [])
  const figures = db.statements.top().toSorted((a, b) => b.rows - a.rows)
  t.match(figures, [
    { count: 1, rows: 19 },
    { count: 1, rows: 10 },
  ])
  t.equal(figures.length, 2)
})

await t.test('a loader with a statement of its own', async t => {
  const db = optimizer(t, database.url)
  const names = db.loader<number, { id: string; name: string }>({
    run: (ids, { signal }) =>
      db.sql<
        { id: string; name: string }[]
      >`select id, upper(name) as name from users where id = any(${ids as number[]}::int8[])`.with({
        signal,
        idempotent: true,
      }),
    keyOf: row => Number(row.id),
    keyForm: 'int8',
  })
  t.equal((await names.load(7))?.name, 'USER 7')
})

await t.test('rows are written many at once, and a row that is refused fails its caller alone', async t => {
  const db = optimizer(t, database.url)
  const writer = db.writer({
    table: 'users',
    columns: { id: 'int8', name: 'text' },
    conflict: ['id'],
    perRowErrors: true,
  })
  const outcomes = await Promise.all(
    [1, 2, 3].map(id => codeOf(writer.write({ id, name: id === 2 ? null : `new ${id}` }))),
  )
  t.same(outcomes, ['resolved', 'DB_ERR_QUERY', 'resolved'])
  t.same(
    await database.sql`select name from users where id <= 3 order by id`.then(rows => rows.map(row => row['name'])),
    ['new 1', 'user 2', 'new 3'],
  )
  await writer.close()
})

await t.test('neither works inside a transaction, nor in what it has started', async t => {
  const db = optimizer(t, database.url)
  const users = db.loader({ table: 'users', key: { id: 'int8' } })
  const writer = db.writer({ table: 'users', columns: { id: 'int8', name: 'text' }, conflict: ['id'] })
  await db.transaction(async () => {
    t.equal(await codeOf(users.load(1)), 'DB_ERR_UNSUPPORTED')
    await Promise.resolve()
    t.equal(await codeOf(writer.write({ id: 1, name: 'x' })), 'DB_ERR_UNSUPPORTED')
  })
  t.not(await users.load(1), null)
})

await t.test('a slow statement is told with its waiting and running apart, its plan, and no value', async t => {
  const told: SlowQuery[] = []
  const db = optimizer(t, database.url, {
    maxConnections: 2,
    slowQueryMs: 60,
    slowQueryPlans: true,
    onSlowQuery: slow => told.push(slow),
  })
  await db.sql`select 1`
  const holders = [await hold(db), await hold(db)]
  const slow = db.sql`select name, pg_sleep(0.08) from users where name = ${'user 9'}`.with({ name: 'users.slow' })
  const answered = slow.then(rows => rows.length)
  await until(() => db.statistics().pool.waiting === 1, { what: 'it to wait' })
  setTimeout(() => holders.forEach(holder => holder.release()), 70)
  t.equal(await answered, 1)
  await until(() => told.length > 0, { what: 'the line' })
  const [line] = told
  t.match(line, {
    name: 'users.slow',
    text: 'select name, pg_sleep(?) from users where name = ?',
    rows: 1,
    parameters: [{ type: 'string', size: 6 }],
    plan: [{ Plan: { 'Node Type': 'Seq Scan' } }],
  })
  t.ok((line?.waitMs ?? 0) >= 60 && (line?.executionMs ?? 0) >= 79, JSON.stringify([line?.waitMs, line?.executionMs]))
  t.notMatch(JSON.stringify(line), /user 9/)
})

await t.test('without statement statistics nothing is kept', async t => {
  const db = optimizer(t, database.url, { statementStatistics: false, onSlowQuery: () => t.fail(), slowQueryMs: 0 })
  await db.sql`select 1`
  t.same(db.statements.top(), [])
})
