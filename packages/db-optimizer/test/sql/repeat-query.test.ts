import t from 'tap'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { leakCheck, until } from '@plimsoll/testing'
import type { QueryRetried } from '../../src/index.ts'
import { isAtomic } from '../../src/sql/repeat-query.ts'
import { codeOf, emptyDatabase, optimizer, terminate, untilRunning } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'

const database = await emptyDatabase(t)
await database.sql`create table marks (id serial primary key, text text not null)`
await database.sql`create sequence tries`
await database.sql.unsafe(`
  create function conflict_until(last int) returns int language plpgsql as $$
  declare this int := nextval('tries');
  begin
    if this < last then raise exception 'as if serialization failed' using errcode = '40001'; end if;
    return this;
  end $$`)
leakCheck(t)
t.beforeEach(async () => {
  await database.sql`truncate marks`
  await database.sql`alter sequence tries restart`
})

const seen: QueryRetried[] = []
const note = (message: unknown): void => void seen.push(message as QueryRetried)
subscribe('db:query:retried', note)
t.teardown(() => unsubscribe('db:query:retried', note))
t.beforeEach(() => void seen.splice(0))

await t.test('a conflict is repeated, at most three executions in all', async t => {
  const { sql } = optimizer(t, database.url)
  t.same(await sql`select conflict_until(3) as tries`.with({ name: 'try' }), [{ tries: 3 }])
  t.match(seen, [
    { name: 'try', attempt: 1, outcome: 'rolled-back', reason: 'serialization', again: true, inTransaction: false },
    { attempt: 2, again: true },
  ])
  await database.sql`alter sequence tries restart`
  t.equal(await codeOf(sql`select conflict_until(4)`), 'DB_ERR_CONFLICT')
  t.match(seen.at(-1), { attempt: 3, again: false, because: 'attempts' })
})

await t.test('a lost answer: what may run twice is repeated, what may not is unknown and ran once', async t => {
  const proxy = await faultyProxy(t, database.url)
  const { sql } = optimizer(t, proxy.url)
  await sql`select 1`
  proxy.cutAfter('insert', 0)
  t.equal(await codeOf(sql.unsafe(`insert into marks (text) values ('once')`)), 'DB_ERR_OUTCOME_UNKNOWN')
  await until(async () => (await database.sql`select from marks`).length === 1, { what: 'the row that was in doubt' })
  t.same(seen, [])
  proxy.cutAfter('select 7', 0)
  t.same(await sql.unsafe(`select 7 as n`).with({ idempotent: true }), [{ n: 7 }])
  t.match(seen, [{ attempt: 1, outcome: 'unknown', again: true }])
})

await t.test('what may commit in parts is not repeated, whatever the error says', async t => {
  const { sql } = optimizer(t, database.url)
  const block = `do $$ begin insert into marks (text) values ('part'); commit; perform conflict_until(9); end $$`
  t.equal(await codeOf(sql.unsafe(block)), 'DB_ERR_CONFLICT')
  t.equal((await database.sql`select from marks`).length, 1)
  t.equal(
    await codeOf(sql.unsafe(`insert into marks (text) values ('a'); select conflict_until(9)`)),
    'DB_ERR_CONFLICT',
  )
  t.same(seen, [])
})

await t.test('rows that reached a callback are not delivered again', async t => {
  const { sql } = optimizer(t, database.url)
  const rows: unknown[] = []
  const query = sql`select i, case when i = 3 then conflict_until(9) end from generate_series(1, 5) i`
  t.equal(await codeOf(query.forEach(row => rows.push(row['i']))), 'DB_ERR_CONFLICT')
  t.same(rows, [1, 2])
})

await t.test('a cancel or signal ends the pause before a repetition', async t => {
  const { sql } = optimizer(t, database.url)
  const controller = new AbortController()
  const onRetry = (): void => controller.abort(new Error('enough'))
  subscribe('db:query:retried', onRetry)
  t.equal(await codeOf(sql`select conflict_until(9)`.with({ signal: controller.signal })), 'DB_ERR_ABORTED')
  unsubscribe('db:query:retried', onRetry)
  const query = sql`select conflict_until(9)`
  const onRetryCancel = (): void => query.cancel()
  subscribe('db:query:retried', onRetryCancel)
  t.equal(await codeOf(query), 'DB_ERR_ABORTED')
  unsubscribe('db:query:retried', onRetryCancel)
  t.same(await sql`select 1 as n`, [{ n: 1 }])
})

await t.test('a backend that dies under a read that may run twice costs its caller only time', async t => {
  const { sql, statistics } = optimizer(t, database.url, { maxConnections: 1 })
  const answer = sql`select pg_sleep(0.2), 'mark' as mark`.with({ idempotent: true })
  const answered = answer.then(rows => rows[0]?.['mark'] as unknown)
  await terminate(database.sql, await untilRunning(database.sql, `'mark'`))
  t.equal(await answered, 'mark')
  t.equal(statistics().pool.openedTotal, 2)
})

await t.test('which texts are one transaction', t => {
  const cases: [string, boolean][] = [
    ['select 1', true],
    ['-- call\n select 1', true],
    ['(select 1) union (select 2)', true],
    ['with a as (select 1) select * from a;', true],
    ['insert into x values (1)', true],
    ['call p()', false],
    ['do $$ begin end $$', false],
    ['select 1; select 2', false],
    ['vacuum x', false],
    ['create index concurrently on x (y)', false],
    ['', false],
  ]
  for (const [text, expected] of cases) t.equal(isAtomic(text), expected, text)
  t.equal(isAtomic(undefined), false)
  t.end()
})
