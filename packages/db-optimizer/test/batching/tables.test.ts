// Loaders and writers against a real server: what stands in the tables is what the callers were told.
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { SeededRandom, testDatabase } from '@plimsoll/testing'
import { refuseInside, type AutocommitRunner } from '../../src/batching/outside-transactions.ts'
import { tableLoader, tableManyLoader, tableWriter } from '../../src/batching/table-batches.ts'

const { sql } = await testDatabase(t, { template: { key: 'empty', prepare: async () => {} } })
await sql`create type mood as enum ('calm', 'wild')`
await sql`create table users (id int8 primary key, "Na""me" text, born timestamptz, data jsonb, raw bytea, score float8, ok boolean, mood mood)`
await sql`create table streaks (user_id int8, kind text, days int4 not null check (days >= 0), primary key (user_id, kind))`
await sql`create table log (line text not null)`

let statements: string[] = []
const runner: AutocommitRunner = {
  autocommit: true,
  run: async (text, parameters) => {
    statements.push(text)
    return (await sql.unsafe(text, [...parameters])) as never
  },
}
const streakWriter = (more: object = {}) =>
  tableWriter(runner, {
    table: ['public', 'streaks'],
    columns: { user_id: 'int8', kind: 'text', days: 'int4' },
    conflict: ['user_id', 'kind'],
    ...more,
  })
t.beforeEach(async () => {
  await sql`truncate users, streaks, log`
  statements = []
})

await t.test('values of all kinds arrive as they were, through one statement', async t => {
  const rows = [
    {
      id: 1n,
      'Na"me': `it's "quoted" \\ {},NULL`,
      born: new Date(0),
      data: [1, [2], { a: null }],
      raw: new Uint8Array([0, 255]),
      score: Infinity,
      ok: true,
      mood: 'wild',
    },
    { id: '2', 'Na"me': 'NULL', born: null, data: 'text', raw: null, score: -1.5e300, ok: false, mood: null },
    { id: 3, 'Na"me': null, born: null, data: null, raw: new Uint8Array(), score: NaN, ok: null, mood: 'calm' },
    { id: 4, 'Na"me': '', born: null, data: { emoji: '😀' }, raw: null, score: 0, ok: null, mood: null },
  ]
  const columns = {
    id: 'int8',
    'Na"me': 'text',
    born: 'timestamptz',
    data: 'jsonb',
    raw: 'bytea',
    score: 'double precision',
    ok: 'boolean',
    mood: 'public.mood',
  }
  const writer = tableWriter(runner, { table: 'users', columns, conflict: ['id'] })
  await Promise.all(rows.map(row => writer.write(row)))
  t.equal(statements.length, 1)
  const loader = tableLoader<Record<string, unknown>>(runner, { table: 'users', key: { id: 'int8' } })
  const found = await loader.loadMany([1, 2, 3, 4, 5])
  t.equal(statements.length, 2)
  t.same(found, [
    ...rows.map(row => ({ ...row, id: String(row.id), raw: row.raw === null ? null : Buffer.from(row.raw) })),
    null,
  ])
})

await t.test('fifty rows with one bad one: at most 13 statements, 49 written, one error, for every place', async t => {
  const counts = new Set<number>()
  for (const bad of [0, 1, 12, 24, 25, 31, 37, 48, 49]) {
    await sql`truncate streaks`
    statements = []
    const writer = streakWriter({ perRowErrors: true })
    const writes = Array.from({ length: 50 }, (_, id) =>
      writer.write({ user_id: id, kind: 'daily', days: id === bad ? -1 : id }),
    )
    const results = await Promise.allSettled(writes)
    const failed = results.flatMap((result, id) =>
      result.status === 'rejected' ? [{ id, reason: result.reason as unknown }] : [],
    )
    t.match(failed, [{ id: bad, reason: { code: '23514' } }])
    t.equal(failed.length, 1)
    t.equal((await sql`select from streaks where days = user_id`).length, 49)
    counts.add(statements.length)
  }
  t.equal(Math.max(...counts), 13, [...counts].join(' '))
})

await t.test('without per-row errors the statement is all or nothing', async t => {
  const writer = streakWriter()
  const results = await Promise.allSettled([1, -1, 2].map((days, id) => writer.write({ user_id: id, kind: 'x', days })))
  t.same(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(statements.length, 1)
  t.equal((await sql`select from streaks`).length, 0)
})

await t.test('a missing table is not looked for row by row', async t => {
  const writer = tableWriter(runner, { table: 'nowhere', columns: { id: 'int8' }, perRowErrors: true })
  const results = await Promise.allSettled([1, 2, 3].map(id => writer.write({ id })))
  t.match(results, [{ reason: { code: '42P01' } }, { reason: { code: '42P01' } }, { reason: { code: '42P01' } }])
  t.equal(statements.length, 1)
})

await t.test(
  'of several rows with one key the last is written, and a refused one falls back to the one before',
  async t => {
    const writer = streakWriter({ perRowErrors: true })
    const written = await Promise.allSettled(
      [5, 6, -1, -2]
        .map(days => writer.write({ user_id: 1, kind: 'x', days }))
        .concat(writer.write({ user_id: '01', kind: 'y', days: 1 })),
    )
    t.match(written, [
      { value: { superseded: true } },
      { value: { superseded: false } },
      { reason: { code: '23514' } },
      { reason: { code: '23514' } },
      { value: { superseded: false } },
    ])
    t.same(
      [...(await sql`select kind, days from streaks order by kind`)],
      [
        { kind: 'x', days: 6 },
        { kind: 'y', days: 1 },
      ],
    )
  },
)

await t.test('rows without a key are all written, in order', async t => {
  const writer = tableWriter(runner, { table: 'log', columns: { line: 'text' } })
  for (let line = 0; line < 120; line++) void writer.write({ line: `line ${line % 60}` })
  await writer.flush()
  t.equal((await sql`select from log`).length, 120)
  t.equal(statements.length, 3)
})

await t.test("a value that can not be written is its own caller's fault alone", async t => {
  const writer = tableWriter(runner, { table: 'log', columns: { line: 'text' }, perRowErrors: true })
  const results = await Promise.allSettled(
    [{ line: 'a' }, { line: undefined }, { line: 'b\0' }, { line: 'c' }].map(row => writer.write(row)),
  )
  t.match(results, [
    { status: 'fulfilled' },
    { reason: { code: 'DB_ERR_PARAMETER' } },
    { reason: { code: 'DB_ERR_PARAMETER' } },
    { status: 'fulfilled' },
  ])
  t.same(
    (await sql`select line from log order by 1`).map(row => row['line'] as string),
    ['a', 'c'],
  )
})

await t.test('writers on several connections that write the same rows do not deadlock', async t => {
  const random = new SeededRandom(5)
  const writers = Array.from({ length: 4 }, () => streakWriter({ maxInFlight: 1 }))
  const results: Promise<unknown>[] = []
  for (let round = 0; round < 40; round++) {
    for (const writer of writers) {
      for (const id of random.shuffle(Array.from({ length: 20 }, (_, at) => at))) {
        results.push(writer.write({ user_id: id, kind: 'x', days: round }))
      }
    }
    await Promise.all(writers.map(writer => writer.flush()))
  }
  t.same(
    (await Promise.allSettled(results)).filter(({ status }) => status === 'rejected'),
    [],
  )
  t.equal((await sql`select from streaks where days = 39`).length, 20)
})

await t.test('keys of several columns find exactly their rows', async t => {
  await sql`insert into streaks select u, k, u from generate_series(1, 3) u, unnest(array['a', 'b']) k`
  const loader = tableLoader<{ days: number }>(runner, {
    table: 'streaks',
    key: { user_id: 'int8', kind: 'text' },
    columns: ['days'],
  })
  const found = await loader.loadMany([
    [2, 'b'],
    [3, 'c'],
    ['1', 'a'],
    [2n, 'b'],
  ])
  t.same(
    found.map(row => row?.days ?? null),
    [2, null, 1, 2],
  )
  t.equal(statements.length, 1)
  const many = tableManyLoader<{ kind: string }>(runner, {
    table: 'streaks',
    key: { user_id: 'int8' },
    columns: ['kind'],
  })
  t.same(
    (await many.loadMany([1, 9])).map(rows => rows.map(row => row.kind).toSorted()),
    [['a', 'b'], []],
  )
})

await t.test('neither is made on a transaction, nor used in one', async t => {
  await sql.begin(async transaction => {
    const inside = { run: async (text: string) => transaction.unsafe(text) } as unknown as AutocommitRunner
    const table = { table: 'log', columns: { line: 'text' } }
    t.throws(() => tableWriter(inside, table), { code: 'DB_ERR_UNSUPPORTED' })
    t.throws(() => tableLoader(inside, { table: 'log', key: { line: 'text' } }), { code: 'DB_ERR_UNSUPPORTED' })
  })
  const storage = new AsyncLocalStorage<unknown>()
  const writer = streakWriter({ admit: refuseInside(storage, 'This writer') })
  await storage.run({}, () =>
    t.rejects(writer.write({ user_id: 1, kind: 'x', days: 1 }), { code: 'DB_ERR_UNSUPPORTED' }),
  )
  t.equal(statements.length, 0)
})

await t.test('names and types that are none are refused when the loader is made', async t => {
  const columns = { id: 'int8' }
  for (const table of ['', 'a\0b', 'x'.repeat(64)])
    t.throws(() => tableWriter(runner, { table, columns }), { code: 'DB_ERR_OPTION' })
  for (const type of ['int8[]', 'varchar(20)', 'int8) --', 'INT8', '']) {
    t.throws(() => tableWriter(runner, { table: 'a', columns: { id: type } }), { code: 'DB_ERR_OPTION' }, type)
  }
  t.throws(() => tableWriter(runner, { table: 'a', columns, conflict: ['other'] }), { code: 'DB_ERR_OPTION' })
  t.throws(() => tableLoader(runner, { table: 'a', key: { at: 'timestamptz' } }), {
    code: 'DB_ERR_OPTION',
    message: /keyForm/,
  })
})
