// What the page about migrations promises to whoever takes a release back (migrations/README.md, "How to step back").
import t from 'tap'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { migrate, pendingMigrations, rehearse, repair } from '../../src/database/migrate.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const { url, sql } = await emptyTestDatabase(t)
const migrations = await readMigrations(MIGRATIONS_FOLDER)
const files = Object.fromEntries(migrations.map(({ name, text }) => [name, text]))
const first = Object.fromEntries(Object.entries(files).slice(0, 2))
const next = migrations.length + 1
const named = (version: number, name: string) => `${String(version).padStart(4, '0')}_${name}.sql`
const halfway = named(next, 'halfway')
const folders = t.testdir({
  // The release before: the first files only.
  previous: first,
  // The same with a migration of its own, above all or under a number that is taken.
  patchedAbove: { ...first, [named(next, 'patch')]: 'select 1' },
  patchedBetween: { ...first, [named(3, 'patch')]: 'select 1' },
  patchedRightly: { ...files, [named(next, 'patch')]: 'select 1' },
  interrupted: { ...files, [halfway]: '-- migrate: no transaction\nvacuum;\nselect 1 / 0' },
})

const target = (folder: string) => ({ url, folder, connectTimeoutS: 10, applicationName: 'step-back-test' })
const run = (folder: string) => migrate(target(folder), { onStep: () => {}, onNote: () => {} })

await t.test('the previous version finds nothing to do in a database that is ahead', async t => {
  await run(MIGRATIONS_FOLDER)
  const previous = `${folders}/previous`
  t.same(await pendingMigrations(target(previous)), [])
  t.same(await rehearse(target(previous)), [])
  t.same(await run(previous), [])
  const [row] = await sql`select max(version) as version from schema_migrations`
  t.same(row, { version: migrations.length }, 'the records are as they were')
})

await t.test('a patch of it needs the newer files too, and a number above them', async t => {
  await t.rejects(run(`${folders}/patchedAbove`), {
    code: 'API_ERR_MIGRATION_ORDER',
    message: /0003_\w+\.sql.*missing/,
  })
  await t.rejects(run(`${folders}/patchedBetween`), { code: 'API_ERR_MIGRATION_CHANGED', message: /0003_/ })
  t.same((await pendingMigrations(target(`${folders}/patchedRightly`))).length, 1)
})

await t.test('what was left half-way has to be repaired before the previous version migrates or starts', async t => {
  const interrupted = async () => {
    await t.rejects(run(`${folders}/interrupted`), { code: 'API_ERR_MIGRATION_FAILED' })
    for (const folder of [`${folders}/previous`, `${folders}/interrupted`]) {
      await t.rejects(run(folder), { code: 'API_ERR_MIGRATION_INTERRUPTED' })
      await t.rejects(pendingMigrations(target(folder)), { code: 'API_ERR_MIGRATION_INTERRUPTED' })
    }
  }
  await interrupted()
  await t.rejects(repair(target(`${folders}/previous`), next, 'done'), { code: 'API_ERR_MIGRATION_ORDER' })
  t.equal(await repair(target(`${folders}/previous`), next, 'pending'), halfway)
  t.same(await run(`${folders}/previous`), [])
  await interrupted()
  t.equal(await repair(target(`${folders}/interrupted`), next, 'done'), halfway)
  t.same(await run(`${folders}/previous`), [])
})

await t.test('no migration takes away what earlier code may use, but for those that the page names', async t => {
  const taking = migrations.filter(({ statements }) =>
    statements.some(({ text }) =>
      /\b(drop|rename|delete|truncate|update|set not null|add constraint)\b/i.test(code(text)),
    ),
  )
  t.same(
    taking.map(({ version }) => version),
    [4],
  )
})

/** A statement without its comments, and without what a foreign key does to its own rows. */
function code(text: string): string {
  return text.replaceAll(/--.*$/gm, '').replaceAll(/\bon (delete|update)\b/gi, '')
}
