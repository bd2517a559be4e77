import t from 'tap'
import { createLogger } from '@plimsoll/telemetry'
import type { TestScope } from '@plimsoll/testing'
import { until } from '@plimsoll/testing'
import { openDatabase, type Database, type DatabaseOptions } from '../../src/database/database.ts'
import { systemClock } from '../../src/programs.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_DATABASE } from '../fixture/test-app.ts'

const test = await demoDatabase(t)

interface Opened {
  readonly database: Database
  readonly observed: string[]
  readonly logged: string[]
}

async function open(t: TestScope, options: Partial<DatabaseOptions> = {}): Promise<Opened> {
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
      ...options,
    },
    {
      logger: createLogger({
        level: 'debug',
        name: 'test',
        destination: { write: (line: string) => void logged.push(line) },
      }),
      clock: systemClock,
      observe: (name, outcome) => void observed.push(`${name} ${outcome}`),
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

await t.test('a signal ends the wait with its reason, and what was not begun is not begun', async t => {
  const { database, observed } = await open(t)
  const controller = new AbortController()
  const waiting = database.read('test.abandoned', database.sql`select pg_sleep(0.2)`, controller.signal)
  controller.abort(new Error('nobody waits'))
  await t.rejects(waiting, { message: 'nobody waits' })
  await t.rejects(database.read('test.not-begun', database.sql`select 1`, controller.signal), {
    message: 'nobody waits',
  })
  t.same(observed, ['test.abandoned abandoned'])
  t.match(database.figures(), { queriesActive: 0, queriesFailed: 0 })
})

await t.test('a broken statement is the error of the server', async t => {
  const { database } = await open(t)
  await t.rejects(database.read('test.broken', database.sql`select * from no_such_table`), { code: '42P01' })
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

await t.test('connections that the server ends are replaced', async t => {
  const { database } = await open(t, { minConnections: 2, applicationName: 'replace-test' })
  await test.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'replace-test'`
  await until(async () => (await database.read('test.again', database.sql`select 1`)).length === 1, {
    what: 'a query on a new connection',
  })
})
