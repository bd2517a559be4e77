// Run by test/long/test-run.long.ts: a test file on its own, with a database.
import t from 'tap'
import { testDatabase } from '@plimsoll/testing'

await t.test('has a database', async t => {
  const { sql, name } = await testDatabase(t, { template: { key: 'lone', prepare: async () => {} } })
  const [row] = await sql`select current_database() as name`
  t.match(row, { name })
})
