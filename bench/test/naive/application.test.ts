// The naive service does what setting.ts says of it, no more and no less: its statements are counted.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { testDatabase } from '@plimsoll/testing'
import postgres from 'postgres'
import t from 'tap'
import { dropIndexes } from '../../src/field-reports/databases.ts'
import { createNaiveApplication } from '../../src/naive/application.ts'

const MIGRATIONS = path.resolve(import.meta.dirname, '../../../apps/api/migrations')
/** The first has been here before, the second never. */
const [REGULAR, NEWCOMER] = [1, 2]
const ROWS = `
  insert into users (email, username, display_name)
    select 'user' || i || '@example.org', 'user' || i, 'User ' || i from generate_series(1, 3) i;
  insert into courses (slug, title, summary, description, category, level, instructor_id, status, published_at)
    select 'course-' || i, 'Course ' || i, 'summary', 'description', 'data', 'beginner', 3, 'published', now() from generate_series(1, 9) i;
  insert into lessons (course_id, position, title, summary, kind, duration_minutes)
    select course, position, 'Lesson ' || position, 'summary', 'video', 10 from generate_series(1, 9) course, generate_series(1, 3) position;
  insert into enrolments (user_id, course_id) values (${REGULAR}, 1), (${REGULAR}, 2);
  insert into progress (user_id, lesson_id, percent) values (${REGULAR}, 1, 50);
  insert into badges (code, name, description, tier, points)
    select code, code, 'description', 'bronze', 10 from unnest('{welcome,second,third}'::text[]) code;
  insert into user_badges (user_id, badge_id) values (${REGULAR}, 1);
  insert into user_streaks (user_id, streak_type) values (${REGULAR}, 'login'), (${REGULAR}, 'learning');
  insert into wallets (user_id) values (${REGULAR});
  insert into blogs (author_id, slug, title, content, status)
    select 3, 'blog-' || i, 'Blog ' || i, repeat('word ', 100), 'published' from generate_series(1, 8) i;`

const files = readdirSync(MIGRATIONS).filter(file => file.endsWith('.sql'))
const migrations = files.toSorted().map(file => readFileSync(path.join(MIGRATIONS, file), 'utf8'))
const { url, sql: admin } = await testDatabase(t, {
  template: {
    key: ['naive', ...migrations, ROWS].join(' '),
    async prepare(url) {
      const sql = postgres(url, { max: 1, onnotice: () => {} })
      for (const text of [...migrations, ROWS]) await sql.unsafe(text)
      await sql.end()
    },
  },
})

const statements: string[] = []
const sql = postgres(url, { max: 1, onnotice: () => {}, debug: (_, text) => statements.push(text) })
// A new connection asks for the types of arrays first.
await sql`select 1`
const app = createNaiveApplication(sql)
t.teardown(async () => {
  await app.close()
  await sql.end({ timeout: 5 })
})

/** What a request sends to the database, without the health check that comes first. */
async function statementsOf(path: string): Promise<{ json: unknown; sent: readonly string[] }> {
  statements.length = 0
  const answer = await app.inject({ url: path })
  if (answer.statusCode !== 200) throw new Error(`${path} answers ${answer.statusCode}: ${answer.body}`)
  t.equal(statements[0], 'select 1', 'its health check, which reads no table')
  return { json: answer.json(), sent: statements.slice(1) }
}

await t.test('every request waits for a health check, and nothing is kept', async t => {
  t.same((await statementsOf('/health')).sent, [])
  for (let again = 0; again < 2; again++) t.equal((await statementsOf('/api/courses?limit=3')).sent.length, 1)
})

await t.test('a dashboard is eight queries; a new user takes six more, once', async t => {
  const dashboard = (id: number) => statementsOf(`/api/gamification/dashboard/${id}`)
  const { json, sent } = await dashboard(REGULAR)
  t.equal(sent.length, 8)
  t.match(json, { courses: [{ lesson_count: 3 }, { lesson_count: 3 }], totals: { courses_in_progress: 2 } })
  t.equal((await dashboard(NEWCOMER)).sent.length, 8 + 6)
  t.equal((await dashboard(NEWCOMER)).sent.length, 8)
})

await t.test('a query for each row: authors of a blog list, badges of a user', async t => {
  const blogs = await statementsOf('/api/blogs?limit=7')
  t.equal(blogs.sent.length, 1 + 7)
  t.match(blogs.json, { blogs: [{ content: String, author: { display_name: String } }] })
  t.equal((await statementsOf(`/api/gamification/badges/${REGULAR}`)).sent.length, 2 + 3)
})

await t.test('its pages are counted by rows, and what is not there is 404', async t => {
  const ids = async (page: number) =>
    ((await statementsOf(`/api/courses?limit=4&page=${page}`)).json as { courses: { id: string }[] }).courses.map(
      ({ id }) => id,
    )
  const pages = [...(await ids(1)), ...(await ids(2))]
  t.equal(new Set(pages).size, 8)
  for (const path of ['courses', 'courses/0/lessons', 'gamification/dashboard', 'gamification/wallet', 'blogs']) {
    const url = path.endsWith('lessons') ? `/api/${path}` : `/api/${path}/0`
    t.equal((await app.inject({ url })).statusCode, 404, url)
  }
})

await t.test('its database has the indexes of keys and unique constraints, and no other', async t => {
  const dropped = await dropIndexes(admin)
  t.ok(dropped.includes('idx_blogs_author') && dropped.includes('idx_blogs_tags'))
  const left = await admin<{ name: string; unique: boolean }[]>`
    select indexrelid::regclass::text as name, indisunique as unique
    from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)`
  t.ok(left.some(({ name }) => name === 'user_streaks_user_id_streak_type_unique'))
  t.ok(left.every(({ unique }) => unique))
})
