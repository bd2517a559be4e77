// The command on a real database: what it finds, and that it changes nothing.
import t from 'tap'
import { MIGRATIONS_FOLDER } from '../../../src/database/check.ts'
import { runCommand } from '../../../src/database/commands.ts'
import { renderVerification } from '../../../src/database/verify/report.ts'
import { verify } from '../../../src/database/verify/verify.ts'
import { demoDatabase } from '../../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const { url, sql } = await demoDatabase(t)
const target = { url, connectTimeoutS: 5 }

const look = (advise = false) => verify({ target, migrationsFolder: MIGRATIONS_FOLDER, advise })

async function command(environment: 'development' | 'production', advise = false): Promise<string[]> {
  const lines: string[] = []
  const config = { environment, advise, size: 'small', progress: 'text', database: target } as const
  await runCommand('verify', config, line => void lines.push(line))
  return lines
}

await t.test('a database as the migrations make it has every index, and each listed query uses its own', async t => {
  const found = await look()
  t.same(found.indexes.missing, [])
  t.same(found.indexes.duplicate, [])
  t.same(found.indexes.undeclared, [])
  t.same(
    found.queries.filter(({ verdict }) => verdict === 'not-used'),
    [],
  )
  t.ok(found.queries.filter(({ verdict }) => verdict === 'used').length > 30, 'also on few rows')
  t.ok(found.passed)
  const [first, ...others] = await command('production')
  t.match(first, /^Indexes: (\d+) of \1 that the migrations declare are there\.$/)
  t.ok(others.some(line => /^Queries: \d+ of \d+ use their index\.$/.test(line)))
})

await t.test('an index that is missing, invalid or there twice fails the command, and lines say which', async t => {
  await sql.unsafe('drop index idx_courses_published; create index by_hand on lessons (course_id)').simple()
  // Most lessons share their kind: the build fails, and leaves what it had begun.
  await t.rejects(sql`create unique index concurrently broken on lessons (kind)`)
  t.teardown(() =>
    sql
      .unsafe(
        `create index idx_courses_published on courses (published_at desc, id desc) where status = 'published';
         drop index by_hand;
         drop index broken`,
      )
      .simple(),
  )
  const found = await look()
  const text = renderVerification(found).join('\n')
  t.match(text, /missing +idx_courses_published on courses: 0001_learning\.sql declares it/)
  t.match(text, /invalid +broken on lessons: its build failed/)
  t.match(text, /duplicate +by_hand on lessons: lessons_course_id_position_unique begins with its columns/)
  t.match(text, /undeclared by_hand/)
  t.match(text, /courses: newest: expected idx_courses_published, its plan has /)
  await t.rejects(command('production'), {
    code: 'API_ERR_INDEXES',
    message: /Missing indexes: 1, invalid: 1, duplicate: 1; queries without their index: [1-9]/,
  })
})

await t.test('advice names the index that makes a query cheap, and leaves nothing behind', async t => {
  await sql`drop index idx_notifications_user`
  await sql`drop index idx_notifications_unread`
  await sql`
    insert into notifications (user_id, kind, title, body, created_at)
    select 1 + n % 50, 'system', 'x', '', now() - n * interval '1 minute' from generate_series(1, 5000) as n`
  await sql`analyze notifications`
  const before = await sql`select indexrelid from pg_index order by 1`
  const { advice, queries } = await look(true)
  t.match(
    advice.find(({ query }) => query === 'notifications: all'),
    {
      sql: 'create index idx_notifications_user_id_created_at_desc_id_desc on notifications (user_id, created_at desc, id desc)',
    },
  )
  for (const { costBefore, costAfter } of advice) t.ok(costAfter < costBefore / 2)
  t.match(
    queries.find(({ query }) => query === 'notifications: all'),
    { verdict: 'not-used', scanned: ['notifications'] },
  )
  t.same(await sql`select indexrelid from pg_index order by 1`, before)
  await t.rejects(command('production', true), { code: 'API_ERR_ADVICE_REFUSED' })
})
