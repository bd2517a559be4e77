import t from 'tap'
import { FakeClock, type TestDatabase } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../../src/database/check.ts'
import { loadDemoData, type LoadResult } from '../../../src/database/demo-data/load.ts'
import { DEMO_SIZES, type DemoSize } from '../../../src/database/demo-data/tables.ts'
import { migrate } from '../../../src/database/migrate.ts'
import { emptyDatabase } from '../../../src/database/reset.ts'
import { withConnection } from '../../../src/database/single-connection.ts'
import type { Step } from '../../../src/database/steps.ts'
import { emptyTestDatabase } from '../../fixture/demo-database.ts'
import type { DriverSql } from '../../../src/database/driver.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

function connected<Result>(database: TestDatabase, work: (sql: DriverSql) => Promise<Result>): Promise<Result> {
  return withConnection(
    { url: database.url, applicationName: 'load-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    work,
  )
}

function load(database: TestDatabase, size: DemoSize, onStep: (step: Step) => void = () => {}): Promise<LoadResult> {
  return connected(database, sql => loadDemoData(sql, size, { clock: new FakeClock(), onStep }))
}

const count = async (database: TestDatabase, table: string) =>
  Number((await database.sql.unsafe(`select count(*) from ${table}`))[0]?.['count'])

// One database for all, emptied between the tests: making one costs more than all of a test.
const database = await emptyTestDatabase(t)
t.beforeEach(async () => {
  await connected(database, sql => emptyDatabase(sql, 'development'))
  await migrate(
    { url: database.url, folder: MIGRATIONS_FOLDER, applicationName: 'load-test', connectTimeoutS: 5 },
    { onStep: () => {}, onNote: () => {} },
  )
})

await t.test('it loads every row once, tells how far it is, and leaves statistics behind', async t => {
  const steps: Step[] = []
  t.equal(await load(database, 'full', step => void steps.push(step)), 'loaded')
  for (const [table, rows] of Object.entries(DEMO_SIZES.full)) {
    t.equal(await count(database, table), rows, table)
    const told = steps.filter(({ name }) => name === table)
    t.match(told.at(-1), { done: rows, total: rows, finished: true })
    t.equal(told.filter(({ finished }) => finished).length, 1)
    t.same(
      told.map(({ done }) => done).toSorted((a, b) => a - b),
      told.map(({ done }) => done),
    )
  }
  const estimates = await database.sql<
    { name: string; rows: number }[]
  >`select relname as name, reltuples::int as rows from pg_class where relname = any(${Object.keys(DEMO_SIZES.full)})`
  t.same(
    Object.fromEntries(estimates.map(({ name, rows }) => [name, rows])),
    DEMO_SIZES.full,
    'the planner knows the sizes',
  )

  t.equal(await load(database, 'full'), 'present')
  t.equal(await count(database, 'users'), DEMO_SIZES.full.users)
  const [added] = await database.sql<
    [{ id: string }]
  >`insert into users (email, username, display_name) values ('new@example.org', 'new.user', 'New') returning id`
  t.equal(Number(added.id), DEMO_SIZES.full.users + 1, 'ids go on after the demo rows')
})

await t.test('processes at once load it once', async t => {
  t.same((await Promise.all([load(database, 'small'), load(database, 'small'), load(database, 'small')])).toSorted(), [
    'loaded',
    'present',
    'present',
  ])
  t.equal(await count(database, 'users'), DEMO_SIZES.small.users)
})

await t.test('a load that breaks off leaves nothing, and can be made again', async t => {
  await t.rejects(
    load(database, 'small', ({ name }) => {
      if (name === 'enrolments') throw new Error('broken off')
    }),
    { message: 'broken off' },
  )
  for (const table of Object.keys(DEMO_SIZES.small)) t.equal(await count(database, table), 0, table)
  t.equal(await load(database, 'small'), 'loaded')
})

await t.test('it is not mixed with rows of others, or with another size', async t => {
  await database.sql`insert into users (email, username, display_name) values ('a@example.org', 'somebody', 'Somebody')`
  await t.rejects(load(database, 'small'), { code: 'API_ERR_DEMO_DATA', message: /no demo data/ })
  await database.sql`delete from users`
  await load(database, 'small')
  await t.rejects(load(database, 'full'), { code: 'API_ERR_DEMO_DATA', message: /"small", not "full"/ })
})
