import t from 'tap'
import { FakeClock, type TestDatabase } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../../src/database/check.ts'
import { loadDemoData, type LoadResult } from '../../../src/database/demo-data/load.ts'
import { DEMO_SIZES, type DemoSize } from '../../../src/database/demo-data/sizes.ts'
import { demoTables } from '../../../src/database/demo-data/tables.ts'
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

const totals = Object.fromEntries(demoTables('small').map(({ name, total }) => [name, total]))

/** Everything that a load takes away and makes anew, as PostgreSQL describes it. */
async function schema(database: TestDatabase) {
  const rows = await database.sql<{ line: string }[]>`
    select format('%s %s: %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as line
    from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select pg_get_indexdef(indexrelid) from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
    order by 1`
  // The marker's own table comes with a load.
  return rows.map(({ line }) => line).filter(line => !line.includes('demo_data'))
}

// One database for all, emptied between the tests: making one costs more than all of a test.
const database = await emptyTestDatabase(t)
t.beforeEach(async () => {
  await connected(database, sql => emptyDatabase(sql, 'development'))
  await migrate(
    { url: database.url, folder: MIGRATIONS_FOLDER, applicationName: 'load-test', connectTimeoutS: 5 },
    { onStep: () => {}, onNote: () => {} },
  )
})

await t.test(
  'it fills every table once, tells how far it is, and leaves indexes and statistics as they belong',
  async t => {
    const before = await schema(database)
    const steps: Step[] = []
    t.equal(await load(database, 'small', step => void steps.push(step)), 'loaded')
    for (const [table, rows] of Object.entries(totals)) {
      t.equal(await count(database, table), rows, table)
      const told = steps.filter(({ name }) => name === table)
      t.match(told.at(-1), { done: rows, total: rows, finished: true })
      t.equal(told.filter(({ finished }) => finished).length, 1)
      t.same(
        told.map(({ done }) => done).toSorted((a, b) => a - b),
        told.map(({ done }) => done),
      )
    }
    t.same(await schema(database), before)
    t.match(steps.slice(-2), [
      { name: 'indexes', finished: true },
      { name: 'statistics', finished: true },
    ])
    const estimates = await database.sql<{ name: string; rows: number; vacuumed: boolean }[]>`
    select relname as name, reltuples::int as rows, relallvisible > 0 as vacuumed
    from pg_class where relname = any(${Object.keys(totals)})`
    t.same(Object.fromEntries(estimates.map(({ name, rows }) => [name, rows])), totals, 'the planner knows the sizes')
    t.ok(
      estimates.every(({ vacuumed }) => vacuumed),
      'index-only scans need not look into the tables',
    )
    const other = await database.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public'
      and not tablename = any(${Object.keys(totals)}) order by 1`
    t.same(
      other.map(({ name }) => name),
      [
        'cache_invalidation',
        'cache_invalidation_pruned',
        // Nobody signs in as one of the demo users: their passwords would be known.
        'credentials',
        'demo_data',
        'schema_migrations',
        'token_families',
      ],
      'no other table of the schema is left out',
    )

    t.equal(await load(database, 'small'), 'present')
    const [added] = await database.sql<
      [{ id: string }]
    >`insert into users (email, username, display_name) values ('new@example.org', 'new.user', 'New') returning id`
    t.equal(Number(added.id), DEMO_SIZES.small.users + 1, 'ids go on after the demo rows')
  },
)

await t.test('processes at once load it once', async t => {
  t.same((await Promise.all([load(database, 'small'), load(database, 'small'), load(database, 'small')])).toSorted(), [
    'loaded',
    'present',
    'present',
  ])
  t.equal(await count(database, 'users'), DEMO_SIZES.small.users)
})

await t.test('a load that breaks off leaves nothing, no index is missing, and it can be made again', async t => {
  const before = await schema(database)
  for (const step of ['enrolments', 'indexes']) {
    await t.rejects(
      load(database, 'small', ({ name }) => {
        if (name === step) throw new Error('broken off')
      }),
      { message: 'broken off' },
    )
    for (const table of Object.keys(totals)) t.equal(await count(database, table), 0, table)
    t.same(await schema(database), before)
  }
  t.equal(await load(database, 'small'), 'loaded')
})

await t.test('it is not mixed with rows of others, with another size, or with those of an earlier release', async t => {
  await database.sql`insert into badges (code, name, description, tier, points) values ('own', 'Own', 'x', 'gold', 1)`
  await t.rejects(load(database, 'small'), { code: 'API_ERR_DEMO_DATA', message: /holds badges that are no demo data/ })
  t.equal(await count(database, 'badges'), 1, 'they are still there')
  await database.sql`delete from badges`
  await load(database, 'small')
  await t.rejects(load(database, 'full'), { code: 'API_ERR_DEMO_DATA', message: /"small", not "full"/ })
  await database.sql`alter table demo_data drop column edition`
  await t.rejects(load(database, 'small'), {
    code: 'API_ERR_DEMO_DATA',
    message: /"small" of another release, .*npm run db:reset/,
  })
})
