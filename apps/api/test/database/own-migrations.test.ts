import t from 'tap'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'

await t.test('the own migrations are numbered without gaps', async t => {
  const versions = (await readMigrations(MIGRATIONS_FOLDER)).map(({ version }) => version)
  t.same(
    versions,
    versions.map((_, index) => index + 1),
  )
})
