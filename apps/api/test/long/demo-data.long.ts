// The full demo data: its rows agree with each other, PostgreSQL accepts them, and they're the ones they always were. Too many for every test run.
import t from 'tap'
import { createHash } from 'node:crypto'
import { runCommand } from '../../src/database/commands.ts'
import { encodeRow } from '../../src/database/demo-data/copy.ts'
import { demoTables } from '../../src/database/demo-data/tables.ts'
import { AGREEMENTS } from '../database/demo-data/agreements.ts'
import { recordReader } from '../database/demo-data/records.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

t.setTimeout(300_000)

const tables = demoTables('full')

await t.test('its tables agree with each other', async t => {
  const read = recordReader(tables)
  for (const [name, broken] of Object.entries(AGREEMENTS)) t.same(broken(read), [], name)
})

await t.test('the rows are the ones they always were: change this line on purpose only', async t => {
  const digest = createHash('sha256')
  for (const table of tables) for (const row of table.rows()) digest.update(encodeRow(row))
  t.equal(digest.digest('hex').slice(0, 16), 'be1c2f3c3db89cba')
})

await t.test('it is loaded whole', async t => {
  const { url, sql } = await emptyTestDatabase(t)
  const config = {
    environment: 'development',
    size: 'full',
    advise: false,
    progress: 'text',
    database: { url, connectTimeoutS: 10 },
  } as const
  await runCommand('migrate', config, () => {})
  await runCommand('seed', config, line => t.comment(line))
  for (const { name, total } of tables) {
    const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${name}`)
    t.equal(row?.count, total, name)
  }
  const [unproved] = await sql`select count(*)::int as count from pg_constraint where not convalidated`
  t.same(unproved, { count: 0 })
})
