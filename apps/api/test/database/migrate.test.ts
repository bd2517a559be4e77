import t from 'tap'
import { createHash } from 'node:crypto'
import { FakeClock, spawnProgram, type TestDatabase } from '@plimsoll/testing'
import { migrate, pendingMigrations, underMaintenanceLock, type Step } from '../../src/database/migrate.ts'
import type { Migration } from '../../src/database/migrations-folder.ts'
import type { Sql } from '../../src/database/database.ts'
import { emptyDatabase } from '../../src/database/reset.ts'
import { withConnection } from '../../src/database/single-connection.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

function migration(version: number, text: string): Migration {
  const name = `${String(version).padStart(4, '0')}_test.sql`
  return {
    version,
    name,
    text,
    checksum: createHash('sha256').update(text).digest('hex'),
    inTransaction: !text.startsWith('-- no-transaction'),
  }
}

function connected<Result>(database: TestDatabase, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  return withConnection(
    { url: database.url, applicationName: 'migrate-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    work,
  )
}

function run(database: TestDatabase, migrations: readonly Migration[], steps: Step[] = []): Promise<readonly string[]> {
  return connected(database, sql =>
    migrate(sql, migrations, { clock: new FakeClock(), onStep: step => void steps.push(step) }),
  )
}

async function tables(database: TestDatabase): Promise<string[]> {
  const rows = await database.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' order by 1`
  return rows.map(({ name }) => name)
}

const one = migration(1, 'create table one (id int);\ncreate index one_id on one (id);')
const two = migration(2, 'create table two (id int);')
const three = migration(3, 'create table three (id int);')

// One database for all, emptied between the tests: making one costs more than all of a test.
const database = await emptyTestDatabase(t)
t.beforeEach(() => connected(database, sql => emptyDatabase(sql, 'development')))

await t.test('what is missing is applied in order, once, and recorded', async t => {
  const steps: Step[] = []
  t.same(await run(database, [one, two], steps), ['0001_test.sql', '0002_test.sql'])
  t.same(steps, [
    { name: '0001_test.sql', done: 1, total: 2, ms: 0, finished: true },
    { name: '0002_test.sql', done: 2, total: 2, ms: 0, finished: true },
  ])
  t.same(await run(database, [one, two]), [])
  t.same(await run(database, [one, two, three]), ['0003_test.sql'])
  t.same(await tables(database), ['one', 'three', 'two'])
  const records = await database.sql`select version, name, checksum from schema_migrations order by version`
  t.same(
    [...records],
    [one, two, three].map(({ version, name, checksum }) => ({ version, name, checksum })),
  )
})

await t.test(
  'a migration that fails leaves nothing of itself, keeps those before it, and says where it failed',
  async t => {
    const broken = migration(2, 'create table half (id int);\n\nselect no_such_column;\n')
    await t.rejects(run(database, [one, broken, three]), {
      code: 'API_ERR_MIGRATION_FAILED',
      message: /^0002_test\.sql failed in line 3: .*no_such_column.* \(42703\)\.$/,
    })
    t.same(await tables(database), ['one'])
    t.same(await run(database, [one, two, three]), ['0002_test.sql', '0003_test.sql'], 'corrected, it goes on')
  },
)

await t.test('a file that was changed after it was applied stops everything', async t => {
  await run(database, [one])
  await t.rejects(run(database, [migration(1, 'create table other (id int)'), two]), {
    code: 'API_ERR_MIGRATION_CHANGED',
    message: /0001_test/,
  })
  t.same(await tables(database), ['one'])
})

await t.test('a file that is missing, or new below the last one applied, stops everything', async t => {
  await run(database, [one, three])
  await t.rejects(run(database, [one, two, three]), { code: 'API_ERR_MIGRATION_ORDER', message: /0002_test.*above/ })
  await t.rejects(run(database, [three]), { code: 'API_ERR_MIGRATION_ORDER', message: /0001_test.*missing/ })
})

await t.test('the previous version runs on the schema of the next', async t => {
  await run(database, [one, two, three])
  t.same(await run(database, [one, two]), [])
  t.same(await connected(database, sql => pendingMigrations(sql, [one])), [])
})

await t.test('what is pending is told without changing anything', async t => {
  t.same(await connected(database, sql => pendingMigrations(sql, [one, two])), ['0001_test.sql', '0002_test.sql'])
  const [row] = await database.sql`select to_regclass('schema_migrations') as "table"`
  t.equal(row?.['table'], null)
  await run(database, [one])
  t.same(await connected(database, sql => pendingMigrations(sql, [one, two])), ['0002_test.sql'])
})

await t.test('a file marked so runs outside a transaction', async t => {
  const concurrently = migration(2, '-- no-transaction\ncreate index concurrently if not exists one_id_2 on one (id)')
  t.same(await run(database, [one, concurrently]), ['0001_test.sql', '0002_test.sql'])
  const marked = migration(3, 'create index concurrently one_id_3 on one (id)')
  await t.rejects(run(database, [one, concurrently, marked]), { code: 'API_ERR_MIGRATION_FAILED', message: /25001/ })
})

await t.test('connections at once apply each migration once', async t => {
  const slow = migration(2, 'select pg_sleep(0.05); create table two (id int);')
  const results = await Promise.all(Array.from({ length: 4 }, () => run(database, [one, slow, three])))
  t.same(results.flat().toSorted(), ['0001_test.sql', '0002_test.sql', '0003_test.sql'])
})

await t.test('whoever waits for the lock does not stop an index that is made concurrently', async t => {
  await run(database, [one])
  const waiting = await connected(database, sql =>
    underMaintenanceLock(sql, async () => {
      const waiting = run(database, [one, two])
      // It would wait for the waiting session's snapshot if that held one.
      await sql.unsafe('create index concurrently one_id_4 on one (id)')
      return [waiting]
    }),
  )
  t.same(await waiting[0], ['0002_test.sql'])
})

await t.test('processes at once, and one that is killed in the middle, leave a whole schema', async t => {
  const command = ['node', 'apps/api/src/database/main.ts', 'migrate'] as const
  const env = { DATABASE_URL: database.url }
  const programs = await Promise.all(Array.from({ length: 3 }, () => spawnProgram(t, command, { env })))
  programs[0]?.kill('SIGKILL')
  const exits = await Promise.all(programs.map(program => program.exited))
  t.same(
    exits.slice(1).map(({ code }) => code),
    [0, 0],
  )
  t.same(await tables(database), ['courses', 'enrolments', 'lessons', 'users'])
})
