import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import t from 'tap'
import { leakCheck } from '@plimsoll/testing'
import { channels, type QueryFinished } from '../../src/channels.ts'
import { REFUSED } from '../../src/sql/sql.ts'
import { codeOf, emptyDatabase, optimizer, terminate, untilRunning } from '../fixture/database.ts'

const database = await emptyDatabase(t)
await database.sql`create table things (id int primary key, name text, data jsonb, tags text[], at timestamptz)`
leakCheck(t)

await t.test('templates, fragments, helpers, arrays and json are what users of postgres.js know', async t => {
  const { sql } = optimizer(t, database.url, {
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  })
  const rows = [
    { id: 1, name: 'one', data: sql.json({ a: [1] }), tags: ['x', 'y"z'], at: new Date(0) },
    { id: 2, name: null, data: sql.json(null), tags: [], at: new Date(1) },
  ]
  const inserted = await sql`insert into things ${sql(rows)} returning *`
  t.same({ ...inserted[0] }, { id: 1, name: 'one', data: { a: [1] }, tags: ['x', 'y"z'], at: new Date(0) })
  t.equal(inserted.count, 2)
  const cheap = sql`id < ${10}`
  const found = await sql<{ id: number }[]>`
    select ${sql(['id', 'name'])} from ${sql('things')} where ${cheap} and id in ${sql([1, 2])} ${rows.length > 0 ? sql`order by id desc` : sql``}`
  t.same(
    found.map(row => row.id),
    [2, 1],
  )
  t.equal((await sql`update things set ${sql({ name: 'two' }, 'name')} where id = ${2} and ${cheap}`).count, 1)
  t.same([...(await sql`select name from things order by id`.values())], [['one'], ['two']])
  t.same((await sql`select name from things where id = 1`.raw())[0]?.map(String), ['one'])
  t.same((await sql`select ${sql.array([1, 2, 3])}::int[] as a`)[0]?.['a'], [1, 2, 3])
  t.same((await sql.unsafe('select $1::int + 1 as x', [1]))[0]?.['x'], 2)
  t.same((await sql`select ${sql.unsafe('42')} as x`)[0]?.['x'], 42)
  t.same((await sql`select ${2 ** 40}::bigint as big`)[0]?.['big'], 2 ** 40, 'types of one’s own')
  t.same(
    ((await sql.unsafe('select 1 as a; select 2 as b')) as unknown as object[][]).map(rows => rows[0]),
    [{ a: 1 }, { b: 2 }],
  )
  const described = await sql`select id, name from things where id = ${1}`.describe()
  t.same([described.types, described.columns.map(column => column.name)], [[23], ['id', 'name']])
  const each: unknown[] = []
  await sql`select id from things order by id`.forEach(row => void each.push(row['id']))
  t.same(each, [1, 2])
  await sql.notify('nobody', 'hears')
})

await t.test('a query can be written on one tag and run on another connection as often as wanted', async t => {
  const { sql, transaction } = optimizer(t, database.url)
  const where = sql`where id = ${1}`
  const read = () => sql`select id from things ${where}`
  t.same([...(await read()), ...(await read())].length, 2)
  t.equal((await transaction(tx => tx`select id from things ${where}`)).length, 1)
  const once = sql`select 1`.execute()
  t.throws(() => once.execute(), { code: 'DB_ERR_UNSUPPORTED' })
  await once
})

await t.test('what is not safe here is refused with what to do instead', async t => {
  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  for (const name of Object.keys(REFUSED)) {
    t.throws(() => (Reflect.get(sql, name) as () => void)(), { code: 'DB_ERR_UNSUPPORTED' }, name)
  }
  for (const text of ['begin', 'start transaction', "set timezone = 'UTC'", 'listen x', 'select 1; begin']) {
    t.equal(await codeOf(sql.unsafe(text)), 'DB_ERR_UNSUPPORTED', text)
  }
  const [open] = await database.sql`
    select count(*)::int as n from pg_stat_activity where state like 'idle in%' and datname = current_database()`
  t.equal(open?.['n'], 0, 'nothing of it stays')
  await sql.unsafe('begin; create table half (a int); commit')
})

await t.test('errors keep SQLSTATE, name and position, and no parameters', async t => {
  const { sql } = optimizer(t, database.url)
  const error: unknown = await sql`select ${'secret-7'}::int, nothing`
    .with({ name: 'things.bad' })
    .catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_QUERY', sqlState: '42703', statementName: 'things.bad', outcome: 'failed' })
  t.type((error as { server: { position: number } }).server.position, 'number')
  t.match((error as Error).stack, /sql\.test\.ts/, 'the stack leads to where it was written')
  for (const failing of [
    sql`select ${'secret-7'}::int`,
    sql`insert into things (id, name) values (1, ${'secret-7'})`,
    sql`select ${'secret-7'}::text, 1 / 0`,
    sql`select ${undefined as unknown as string}`,
    sql`select ${new Date(Number.NaN)}`,
  ]) {
    const error: unknown = await failing.catch((error: unknown) => error)
    t.match(error, { code: /^DB_ERR_(?:QUERY|PARAMETER)$/ })
    t.notMatch(
      JSON.stringify(error) + String((error as Error).stack) + JSON.stringify((error as Error).cause ?? ''),
      /secret-7/,
    )
  }
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
})

await t.test('a signal, cancel() and a time limit stop a query; the outcome is told', async t => {
  const { sql } = optimizer(t, database.url)
  const abort = new AbortController()
  const aborted = sql`select pg_sleep(9), 'aborted'`.with({ signal: abort.signal }).catch((error: unknown) => error)
  await untilRunning(database.sql, "'aborted'")
  abort.abort()
  t.match(await aborted, { code: 'DB_ERR_ABORTED', outcome: 'rolled-back' })
  t.match(await sql`select 1`.with({ signal: abort.signal }).catch((error: unknown) => error), {
    code: 'DB_ERR_ABORTED',
    outcome: 'not-executed',
  })
  t.equal(await codeOf(sql`select pg_sleep(9)`.with({ timeoutMs: 30 })), 'DB_ERR_TIMEOUT')
  const early = sql`select 1`
  early.cancel()
  t.equal(await codeOf(early), 'DB_ERR_ABORTED')
  for (const options of [{ timeoutMs: -1 }, { priority: 'urgent' as 'high' }, { nam: 'x' } as object]) {
    t.throws(() => sql`select 1`.with(options), { code: 'DB_ERR_OPTION' })
  }
})

await t.test('the server’s own limit is a time-out as well', async t => {
  const { sql } = optimizer(t, database.url, { commandTimeoutMs: 40 })
  t.equal(await codeOf(sql`select pg_sleep(9)`), 'DB_ERR_TIMEOUT')
})

await t.test('a cursor gives batches; its connection is free again at the end, and when the loop is left', async t => {
  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  const sizes: number[] = []
  for await (const rows of sql`select * from generate_series(1, 10) i`.cursor(4)) sizes.push(rows.length)
  t.same(sizes, [4, 4, 2])
  for await (const rows of sql`select * from generate_series(1, 100000) i`.cursor(10)) if (rows.length > 0) break
  t.equal(
    await codeOf(
      (async () => {
        for await (const rows of sql`select 1 / (5 - i) from generate_series(1, 10) i`.cursor(2)) void rows
      })(),
    ),
    'DB_ERR_QUERY',
  )
  const called: number[] = []
  await sql`select i from generate_series(1, 5) i`.cursor(2, rows => void called.push(rows.length))
  t.same(called, [2, 2, 1])
  const mine = new Error('mine')
  await t.rejects(
    sql`select i from generate_series(1, 5) i`.cursor(2, () => {
      throw mine
    }),
    mine,
  )
  await t.rejects(
    sql`select i from generate_series(1, 100000) i`.forEach(() => {
      throw mine
    }),
    mine,
  )
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
})

await t.test('a cursor whose connection dies while a batch is worked on fails instead of ending', async t => {
  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  const outcome = codeOf(
    (async () => {
      for await (const rows of sql`select pg_backend_pid() as pid from generate_series(1, 10)`.cursor(4)) {
        await terminate(database.sql, rows[0]?.['pid'] as number)
      }
    })(),
  )
  t.equal(await outcome, 'DB_ERR_OUTCOME_UNKNOWN')
})

await t.test('COPY streams hold their connection until the end', async t => {
  const { sql, statistics } = optimizer(t, database.url, { maxConnections: 1 })
  await sql`create table lines (line text)`
  await pipeline(Readable.from(['a\n', 'b\n']), await sql`copy lines from stdin`.writable())
  let text = ''
  for await (const chunk of await sql`copy lines to stdout`.readable()) text += String(chunk)
  t.equal(text, 'a\nb\n')
  t.equal(statistics().pool.openedTotal, 1, 'fenced, and used again')
  const bad = await sql`copy things from stdin`.writable()
  bad.end('not a number\n')
  const [error] = (await once(bad, 'error')) as [unknown]
  t.match(error, { code: 'DB_ERR_QUERY', sqlState: '22P02' })
  const left = await sql`copy (select repeat('x', 1000) from generate_series(1, 20000)) to stdout`.readable()
  for await (const chunk of left) if (chunk !== undefined) break
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
  t.equal(statistics().pool.discarded['stream-broken'], 1, 'left in the middle: its connection is given up')
  t.equal(await codeOf(sql`select 1`.readable()), 'DB_ERR_UNSUPPORTED')
})

await t.test('a connection is replaced when too many statements are prepared on it', async t => {
  const { sql, statistics } = optimizer(t, database.url, { maxConnections: 1, maxStatementsPerConnection: 5 })
  for (let i = 0; i < 12; i++) await sql`select ${i}::int, ${sql.unsafe(String(i))} as n`
  t.equal(statistics().pool.discarded['statements'], 2)
})

await t.test('every statement is told of, with its text and without its parameters', async t => {
  const seen: QueryFinished[] = []
  const listener = (message: unknown): void => void seen.push(message as QueryFinished)
  channels.queryFinished.subscribe(listener)
  t.teardown(() => channels.queryFinished.unsubscribe(listener))
  const { sql } = optimizer(t, database.url)
  await sql`select ${'secret-7'}::text from generate_series(1, 3)`.with({ name: 'seen' })
  await codeOf(sql`select 1 / ${0}::int`)
  t.match(seen, [
    { name: 'seen', text: 'select $1::text from generate_series(1, 3)', rows: 3, inTransaction: false },
    { code: 'DB_ERR_QUERY', sqlState: '22012', rows: null },
  ])
  t.ok(seen.every(one => one.executeMs > 0 && one.waitMs >= 0))
  t.notMatch(JSON.stringify(seen), /secret-7/)
})
