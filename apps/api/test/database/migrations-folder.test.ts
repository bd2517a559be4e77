import t from 'tap'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { readMigrations } from '../../src/database/migrations-folder.ts'

await t.test('the own migrations are numbered without gaps', async t => {
  const versions = (await readMigrations(MIGRATIONS_FOLDER)).map(({ version }) => version)
  t.same(
    versions,
    versions.map((_, index) => index + 1),
  )
})

await t.test("the folder's faults are told under this program's code", async t => {
  for (const files of [{ '1_a.sql': 'select 1' }, { '0001_a.sql': 'commit' }, {}]) {
    await t.rejects(readMigrations(t.testdir(files)), { code: 'API_ERR_MIGRATION_NAME', message: /\.sql/ })
  }
})
