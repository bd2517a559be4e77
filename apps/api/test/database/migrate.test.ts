// That this program uses the runner rightly: its lock, its ledger, its codes. The runner itself is tested in its package.
import t from 'tap'
import { createHash } from 'node:crypto'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { spawnProgram, type TestDatabase } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import type { DriverSql } from '../../src/database/driver.ts'
import { underMaintenanceLock } from '../../src/database/maintenance-lock.ts'
import { migrate, pendingMigrations, rehearse, repair, type MigrationTarget } from '../../src/database/migrate.ts'
import { emptyDatabase } from '../../src/database/reset.ts'
import { withConnection } from '../../src/database/single-connection.ts'
import type { Step } from '../../src/database/steps.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

function connected<Result>(database: TestDatabase, work: (sql: DriverSql) => Promise<Result>): Promise<Result> {
  return withConnection(
    { url: database.url, applicationName: 'migrate-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    work,
  )
}

const ONE = 'create table one (id int);\ncreate index one_id on one (id);'
const TWO = 'create table two (id int);'
const THREE = 'create table three (id int);'

function target(t: Tap, files: Readonly<Record<string, string>>): MigrationTarget {
  return { url: database.url, folder: t.testdir(files), connectTimeoutS: 5, applicationName: 'migrate-test' }
}
interface Tap {
  testdir(files: Readonly<Record<string, string>>): string
}

function run(target: MigrationTarget, steps: Step[] = [], notes: string[] = []): Promise<readonly string[]> {
  return migrate(target, { onStep: step => void steps.push(step), onNote: note => void notes.push(note) })
}

async function tables(): Promise<string[]> {
  const rows = await database.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' order by 1`
  return rows.map(({ name }) => name)
}

// One database for all, emptied between the tests: making one costs more than all of a test.
const database = await emptyTestDatabase(t)
t.beforeEach(() => connected(database, sql => emptyDatabase(sql, 'development')))

await t.test('what is missing is applied in order, once, and told step by step', async t => {
  const steps: Step[] = []
  t.same(await run(target(t, { '0001_a.sql': ONE, '0002_b.sql': TWO }), steps), ['0001_a.sql', '0002_b.sql'])
  t.match(steps, [
    { name: '0001_a.sql', done: 1, total: 2, ms: Number, finished: true },
    { name: '0002_b.sql', done: 2, total: 2, ms: Number, finished: true },
  ])
  t.same(await run(target(t, { '0001_a.sql': ONE, '0002_b.sql': TWO })), [])
})

await t.test('the ledger of earlier releases is taken over as it is', async t => {
  // As the first releases made it and wrote into it.
  await database.sql.unsafe(`${ONE} create table schema_migrations (
    version integer primary key, name text not null, checksum text not null, duration_ms integer not null,
    applied_at timestamptz(3) not null default now())`)
  await database.sql`
    insert into schema_migrations (version, name, checksum, duration_ms)
    values (1, '0001_a.sql', ${createHash('sha256').update(ONE).digest('hex')}, 123456789)`
  t.same(await run(target(t, { '0001_a.sql': ONE.replaceAll('\n', '\r\n'), '0002_b.sql': TWO })), ['0002_b.sql'])
  const records = await database.sql`select version, duration_ms = 123456789 as old from schema_migrations order by 1`
  t.same(
    [...records],
    [
      { version: 1, old: true },
      { version: 2, old: false },
    ],
  )
})

await t.test('a migration that fails is told by its line', async t => {
  const files = { '0001_a.sql': ONE, '0002_b.sql': 'create table half (id int);\n\nselect no_such_column;\n' }
  await t.rejects(run(target(t, files)), {
    code: 'API_ERR_MIGRATION_FAILED',
    message: /^0002_b\.sql failed in line 3, statement 2: .*no_such_column.* \(42703\); nothing of it remains\.$/,
    cause: { code: 'DB_ERR_MIGRATION_FAILED' },
  })
  t.same(await tables(), ['one'])
})

await t.test('changed, missing and late files have codes of this program', async t => {
  await run(target(t, { '0001_a.sql': ONE, '0003_c.sql': THREE }))
  const refused = (files: Record<string, string>, code: string, message: RegExp) =>
    t.rejects(run(target(t, files)), { code, message })
  await refused({ '0001_a.sql': TWO, '0003_c.sql': THREE }, 'API_ERR_MIGRATION_CHANGED', /0001_a/)
  await refused({ '0003_c.sql': THREE }, 'API_ERR_MIGRATION_ORDER', /0001_a.*missing/)
  await refused(
    { '0001_a.sql': ONE, '0002_b.sql': TWO, '0003_c.sql': THREE },
    'API_ERR_MIGRATION_ORDER',
    /0002_b.*above/,
  )
  t.same(await tables(), ['one', 'three'])
})

await t.test('the previous version runs on the schema of the next', async t => {
  await run(target(t, { '0001_a.sql': ONE, '0002_b.sql': TWO }))
  t.same(await run(target(t, { '0001_a.sql': ONE })), [])
  t.same(await pendingMigrations(target(t, { '0001_a.sql': ONE })), [])
})

await t.test('what is pending is told, and tried, without changing anything', async t => {
  const files = { '0001_a.sql': ONE, '0002_b.sql': TWO }
  t.match(await pendingMigrations(target(t, files)), [{ name: '0001_a.sql', statements: 2 }, { name: '0002_b.sql' }])
  t.match(await rehearse(target(t, files)), [{ name: '0001_a.sql', rehearsed: true }, { rehearsed: true }])
  const [row] = await database.sql`select to_regclass('schema_migrations') as "table", to_regclass('one') as one`
  t.same(row, { table: null, one: null })
})

await t.test(
  'a migration that was interrupted outside a transaction is repaired by the command that is told',
  async t => {
    const files = { '0001_a.sql': '-- migrate: no transaction\nvacuum;\nselect 1 / 0' }
    await t.rejects(run(target(t, files)), { code: 'API_ERR_MIGRATION_FAILED', message: /recorded as begun/ })
    await t.rejects(run(target(t, files)), {
      code: 'API_ERR_MIGRATION_INTERRUPTED',
      message: /main\.ts repair NUMBER pending/,
    })
    t.equal(await repair(target(t, files), 1, 'done'), '0001_a.sql')
    t.same(await run(target(t, files)), [])
  },
)

await t.test('seed, reset and migrate share one lock, and who waits says for whom', async t => {
  const notes: string[] = []
  const waiting = await connected(database, sql =>
    underMaintenanceLock(sql, async () => {
      const noted = Promise.withResolvers<void>()
      const running = migrate(target(t, { '0001_a.sql': ONE }), {
        onStep: () => {},
        onNote: note => {
          notes.push(note)
          noted.resolve()
        },
      })
      await Promise.race([noted.promise, running])
      return [running]
    }),
  )
  t.same(await waiting[0], ['0001_a.sql'])
  t.match(notes, [/^Waiting for the server's process \d+ \(migrate-test\), which is changing this database\.$/])
})

await t.test('a database that does not let us in is told by its address, without the password', async t => {
  const wrong = new URL(database.url)
  wrong.password = 'secret-password'
  await t.rejects(run({ ...target(t, { '0001_a.sql': ONE }), url: wrong.href }), {
    code: 'API_ERR_DATABASE_CONNECT',
    message: /^The database \S+ refuses the user or password in DATABASE_URL \(28P01\)\.$/,
  })
  wrong.href = database.url
  wrong.pathname = '/nowhere'
  await t.rejects(run({ ...target(t, { '0001_a.sql': ONE }), url: wrong.href }), {
    code: 'API_ERR_DATABASE_CONNECT',
    message: /doesn't exist/,
  })
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
  const created = (await readMigrations(MIGRATIONS_FOLDER)).flatMap(({ text }) =>
    Array.from(text.matchAll(/^create table "?(\w+)"?/gm), ([, table]) => table ?? ''),
  )
  t.ok(created.includes('courses') && created.length > 20)
  t.same(await tables(), created.toSorted())
  t.same(await pendingMigrations({ ...target(t, {}), folder: MIGRATIONS_FOLDER }), [])
})

await t.test("the folder's faults are told under this program's code", async t => {
  for (const files of [{ '1_a.sql': 'select 1' }, { '0001_a.sql': 'commit' }, {}]) {
    await t.rejects(run(target(t, files)), { code: 'API_ERR_MIGRATION_NAME', message: /\.sql/ })
  }
})
