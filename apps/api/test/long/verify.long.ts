// The full demo data: loaded whole, and every listed query planned with its own index. On the small data the planner rightly takes whatever serves few rows.
import t from 'tap'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { runCommand } from '../../src/database/commands.ts'
import { verify } from '../../src/database/verify/verify.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

t.setTimeout(300_000)

const { url, sql } = await emptyTestDatabase(t)
const target = { url, connectTimeoutS: 5 }
const config = { environment: 'development', advise: false, size: 'full', progress: 'text', database: target } as const
await runCommand('migrate', config, () => {})
await runCommand('seed', config, line => t.comment(line))

await t.test('the tables have as many rows as was said', async t => {
  for (const [table, rows] of Object.entries({
    users: 10_000,
    courses: 200,
    lessons: 4_000,
    blogs: 5_000,
    pitches: 20_000,
    chat_messages: 100_000,
    progress: 50_000,
  })) {
    const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`select count(*)::int as count from ${sql(table)}`
    t.equal(count, rows, table)
  }
})

await t.test('every listed query uses its index', async t => {
  const found = await verify({ target, migrationsFolder: MIGRATIONS_FOLDER, advise: true })
  t.same(
    found.queries.filter(
      ({ verdict, query }) => verdict !== 'used' && verdict !== 'fits' && !query.startsWith('courses'),
    ),
    [],
  )
  t.same(
    found.queries.filter(({ verdict }) => verdict === 'not-used'),
    [],
  )
  t.same(found.indexes.missing, [])
  t.same(found.indexes.different, [], 'the load has rebuilt the indexes as they were')
  t.same(found.indexes.duplicate, [])
  t.same(found.advice, [], 'no index that is missing would make one of them cheap')
})
