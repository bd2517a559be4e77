import t from 'tap'
import { createLogger } from '@plimsoll/telemetry'
import type { TestScope } from '@plimsoll/testing'
import { until } from '@plimsoll/testing'
import {
  openDatabase,
  type Database,
  type DatabaseOptions,
  type DatabaseSwitches,
} from '../../src/database/database.ts'
import { systemClock } from '../../src/programs.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_DATABASE } from '../fixture/test-app.ts'

const test = await demoDatabase(t)

interface Opened {
  readonly database: Database
  readonly observed: string[]
  readonly logged: string[]
}

async function open(t: TestScope, options: Partial<DatabaseOptions & DatabaseSwitches> = {}): Promise<Opened> {
  const observed: string[] = []
  const logged: string[] = []
  const database = await openDatabase(
    {
      url: test.url,
      applicationName: `database-test-${t.name.length}`,
      minConnections: 0,
      maxConnections: 3,
      connectTimeoutS: 5,
      commandTimeoutS: 30,
      acquireTimeoutMs: 5000,
      slowQueryMs: 3_600_000,
      batching: true,
      circuitBreaker: true,
      statementStatistics: true,
      ...options,
    },
    {
      logger: createLogger({
        level: 'debug',
        name: 'test',
        destination: { write: (line: string) => void logged.push(line) },
      }),
      clock: systemClock,
      random: { next: () => 0.5 },
      observe: (name, outcome) => void observed.push(`${name} ${outcome}`),
      queryCache: undefined,
      outage: undefined,
    },
  )
  t.teardown(() => database.close())
  return { database, observed, logged }
}

await t.test(
  'a query runs when it is read, not when it is written, and comes with types that JavaScript can hold',
  async t => {
    const { database, observed } = await open(t)
    // Would fail if it ran.
    const unread = { query: database.sql`select 1 / 0` }
    t.ok(unread.query)
    const rows = await database.read(
      'test.types',
      database.sql<{ id: number; amount: string; at: Date; none: null }[]>`
      select 9007199254740991::bigint as id, 49.10::numeric(8, 2) as amount, '2026-01-02T03:04:05.678Z'::timestamptz(3) as at, null as none`,
    )
    t.same([...rows], [{ id: 9007199254740991, amount: '49.10', at: new Date('2026-01-02T03:04:05.678Z'), none: null }])
    t.same(observed, ['test.types ok'])
    t.same(database.figures(), { queriesActive: 0, queriesTotal: 1, queriesFailed: 0 })
  },
)

await t.test('the sessions carry the limits that the options ask for', async t => {
  const { database } = await open(t, { commandTimeoutS: 7, applicationName: 'limits-test' })
  const [row] = await database.read(
    'test.settings',
    database.sql<{ statement: string; idle: string; name: string }[]>`
      select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle,
             current_setting('application_name') as name`,
  )
  t.same(row, { statement: '7s', idle: '30s', name: 'limits-test' })
})

await t.test('the smallest number of connections is open from the start, and the largest is never passed', async t => {
  const { database } = await open(t, { minConnections: 2, maxConnections: 3, applicationName: 'size-test' })
  const count = async () => {
    const [row] = await test.sql<
      [{ count: number }]
    >`select count(*)::int as count from pg_stat_activity where application_name = 'size-test'`
    return row.count
  }
  t.equal(await count(), 2)
  await Promise.all(Array.from({ length: 12 }, () => database.read('test.wait', database.sql`select pg_sleep(0.02)`)))
  t.equal(await count(), 3)
})

await t.test('a statement that takes too long is stopped by the server and told as such', async t => {
  const { database, observed } = await open(t, { commandTimeoutS: 1 })
  await t.rejects(database.read('test.slow', database.sql`select pg_sleep(30)`), { code: 'API_ERR_DATABASE_TIMEOUT' })
  t.same(observed, ['test.slow failed'])
})

await t.test('a signal ends the wait with its reason, cancels the statement, and begins nothing new', async t => {
  const { database, observed } = await open(t, { minConnections: 1, applicationName: 'abandoned-test' })
  const running = async () => {
    const [row] = await test.sql<[{ count: number }]>`
      select count(*)::int as count from pg_stat_activity where application_name = 'abandoned-test' and state = 'active'`
    return row.count
  }
  const controller = new AbortController()
  const waiting = database.read('test.abandoned', database.sql`select pg_sleep(60)`, controller.signal)
  await until(async () => (await running()) === 1, { what: 'the statement to run' })
  controller.abort(new Error('nobody waits'))
  await t.rejects(waiting, { message: 'nobody waits' })
  await until(async () => (await running()) === 0, { what: 'the statement to be cancelled' })
  await t.rejects(database.read('test.not-begun', database.sql`select 1`, controller.signal), {
    message: 'nobody waits',
  })
  t.same(observed, ['test.abandoned abandoned'])
  t.match(database.figures(), { queriesActive: 0, queriesFailed: 0 })
})

await t.test('a broken statement is the error of the server', async t => {
  const { database } = await open(t)
  await t.rejects(database.read('test.broken', database.sql`select * from no_such_table`), {
    code: 'DB_ERR_QUERY',
    sqlState: '42P01',
    statementName: 'test.broken',
  })
})

await t.test('a full pool refuses with how long was waited', async t => {
  const { database } = await open(t, { maxConnections: 1, minConnections: 1, acquireTimeoutMs: 30 })
  const controller = new AbortController()
  const holder = database.read('test.holder', database.sql`select pg_sleep(60)`, controller.signal)
  await t.rejects(database.read('test.waiting', database.sql`select 1`), {
    code: 'API_ERR_DATABASE_BUSY',
    message: /in \d+ ms/,
  })
  t.match(database.statistics(), { pool: { busy: 1, saturation: 1 } })
  controller.abort(new Error('enough'))
  await t.rejects(holder, { message: 'enough' })
})

await t.test('reads by id share statements, and each gets its own row', async t => {
  const { database, observed } = await open(t)
  const statements: number[][] = []
  const half = database.loader<{ id: number; half: number }>({
    name: 'test.half',
    idOf: row => row.id,
    query: ids => {
      statements.push([...ids])
      return database.sql`select id, id / 2 as half from unnest(${ids}::bigint[]) as t(id) where id % 2 = 0`
    },
  })
  const ids = [...Array.from({ length: 40 }, (_, index) => index + 1), 2, Number.MAX_SAFE_INTEGER - 1]
  const rows = await Promise.all(ids.map(id => half(id)))
  t.same(
    rows,
    ids.map(id => (id % 2 === 0 ? { id, half: id / 2 } : null)),
  )
  t.ok(statements.length < 5, `${statements.length} statements for ${ids.length} reads`)
  t.equal(statements.flat().length, 41, 'no id is asked for twice')
  t.equal(observed.filter(line => line === 'test.half ok').length, ids.length, 'each read is counted')

  const leaving = new AbortController()
  const left = half(4, leaving.signal)
  const stayed = half(4)
  leaving.abort(new Error('nobody waits'))
  await t.rejects(left, { message: 'nobody waits' })
  t.same(await stayed, { id: 4, half: 2 }, 'who leaves takes nothing from the others')
})

await t.test(
  'a read by id of many rows gives them in the order of the statement, and none as an empty list',
  async t => {
    const { database } = await open(t)
    const upTo = database.manyLoader<{ id: number; i: number }>({
      name: 'test.up-to',
      idOf: row => row.id,
      query: ids => database.sql`
      select id, i from unnest(${ids}::bigint[]) as t(id), generate_series(1, id) as s(i) order by i desc`,
    })
    const lists = await Promise.all([3, 0, 1].map(id => upTo(id)))
    t.same(
      lists.map(list => list.map(({ i }) => i)),
      [[3, 2, 1], [], [1]],
    )
  },
)

await t.test('a transaction is committed or leaves nothing, and what its function throws comes as it is', async t => {
  const { database, observed } = await open(t)
  await test.sql`create table transaction_test (n int unique deferrable initially deferred)`
  t.teardown(() => test.sql`drop table transaction_test`)
  const count = async () => {
    const [row] = await test.sql<[{ count: number }]>`select count(*)::int as count from transaction_test`
    return row.count
  }
  const result = await database.transaction('test.write', async tx => {
    await tx`insert into transaction_test values (1)`
    return 'done'
  })
  t.same([result, await count()], ['done', 1])
  const thrown = new Error('on second thoughts')
  await t.rejects(
    database.transaction('test.write', async tx => {
      await tx`insert into transaction_test values (2)`
      throw thrown
    }),
    thrown,
  )
  await t.rejects(
    database.transaction('test.write', async tx => tx`insert into transaction_test values (1)`),
    { code: 'DB_ERR_QUERY', sqlState: '23505' },
  )
  t.equal(await count(), 1)
  t.same(observed, ['test.write ok', 'test.write failed', 'test.write failed'])
})

await t.test('slow statements are logged with their name and text, and without their values', async t => {
  const { database, logged } = await open(t, { slowQueryMs: 0 })
  await database.read('test.slow', database.sql`select ${'a-secret-value'}::text as secret`)
  const lines = logged.filter(line => line.includes('slow statement'))
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 'warn',
    statement: 'test.slow',
    text: /as secret/,
    waitMs: Number,
    executionMs: Number,
    rows: 1,
  })
  const fast = await open(t, { slowQueryMs: 3_600_000 })
  await fast.database.read('test.fast', fast.database.sql`select 1`)
  t.notMatch(fast.logged.join(''), /slow statement/)
  t.notMatch(logged.join(''), /a-secret-value/)
})

await t.test('with a pooler that is away, reads take the direct route, and the log says so once', async t => {
  const { database, logged } = await open(t, { url: NO_DATABASE, directUrl: test.url, minConnections: 1 })
  for (let count = 0; count < 3; count += 1)
    t.same([...(await database.read('test.direct', database.sql`select 1 as one`))], [{ one: 1 }])
  t.match(database.statistics(), {
    route: 'direct',
    routes: [
      { name: 'pooled', state: 'away', reason: 'unreachable' },
      { name: 'direct', state: 'available' },
    ],
  })
  const lines = logged.filter(line => line.includes('is left'))
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), { level: 'warn', route: 'pooled', reason: 'unreachable' })
  t.notMatch(logged.join(''), /secret-password/)
})

await t.test('through a pooler, without prepared statements, types and keyed reads are the same', async t => {
  const { database } = await open(t, { directUrl: test.url })
  const same = database.loader<{ id: number }>({
    name: 'test.same',
    idOf: row => row.id,
    query: ids => database.sql`select id from unnest(${ids}::bigint[]) as t(id)`,
  })
  t.same(await Promise.all([1, 2 ** 40].map(id => same(id))), [{ id: 1 }, { id: 2 ** 40 }])
  t.equal(database.statistics().route, 'pooled')
})

await t.test('a database that is away does not hinder the start; queries say so quickly', async t => {
  const { database, logged } = await open(t, { url: NO_DATABASE, minConnections: 2 })
  t.match(logged.join(''), /starting without it/)
  t.notMatch(logged.join(''), /secret-password/)
  const startedMs = performance.now()
  for (let count = 0; count < 3; count += 1) {
    await t.rejects(database.read('test.away', database.sql`select 1`), { code: 'API_ERR_DATABASE_UNAVAILABLE' })
  }
  t.ok(performance.now() - startedMs < 10_000, 'a bound on hanging, not a measurement')
  t.equal(database.figures().queriesFailed, 3)
})

await t.test('a read whose connection the server ends is asked again', async t => {
  const { database, observed } = await open(t, { minConnections: 1, applicationName: 'again-test' })
  await test.sql`create sequence again_test`
  t.teardown(() => test.sql`drop sequence again_test`)
  // Sequences are not rolled back: the first execution waits to be ended, the second doesn't.
  const reading = database.read(
    'test.again',
    database.sql<
      { n: number }[]
    >`select n, pg_sleep(case n when 1 then 60 else 0 end) from nextval('again_test') as s(n)`,
  )
  const end = async () => {
    const ended = await test.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'again-test' and state = 'active' and wait_event = 'PgSleep'`
    return ended.length === 1
  }
  await until(end, { what: 'the connection to be ended' })
  t.match([...(await reading)], [{ n: 2 }])
  t.same(observed, ['test.again ok'])
})

await t.test('connections that the server ends are replaced', async t => {
  const { database } = await open(t, { minConnections: 2, applicationName: 'replace-test' })
  await test.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'replace-test'`
  await until(async () => (await database.read('test.again', database.sql`select 1`)).length === 1, {
    what: 'a query on a new connection',
  })
})
