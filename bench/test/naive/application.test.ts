// The naive service does what setting.ts says of it, no more and no less: its statements are counted.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { hash } from '@node-rs/argon2'
import { testDatabase } from '@plimsoll/testing'
import postgres from 'postgres'
import t from 'tap'
import { allowAccessTokens, dropIndexes } from '../../src/field-reports/databases.ts'
import { createNaiveApplication } from '../../src/naive/application.ts'
import { ARGON2 } from '../../src/naive/setting.ts'

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
// A file is one text here, hence one transaction; and an empty database has no writers whom an index would hold up.
const migrations = files
  .toSorted()
  .map(file => readFileSync(path.join(MIGRATIONS, file), 'utf8').replaceAll('index concurrently', 'index'))
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

const EMAIL = 'user1@example.org'
const PASSWORD = 'of the first user'

interface Session {
  readonly access_token: string
  readonly refresh_token: string
}

async function post(url: string, payload: object): Promise<{ status: number; json: unknown; sent: readonly string[] }> {
  statements.length = 0
  const answer = await app.inject({ method: 'POST', url, payload })
  return { status: answer.statusCode, json: answer.json(), sent: [...statements] }
}

async function get(url: string, token: string): Promise<{ status: number; json: unknown; sent: readonly string[] }> {
  statements.length = 0
  const answer = await app.inject({ url, headers: { authorization: `Bearer ${token}` } })
  return { status: answer.statusCode, json: answer.json(), sent: [...statements] }
}

await t.test('signing in and refreshing go step by step, and every look-up of a token reads the database', async t => {
  await allowAccessTokens(admin)
  await admin`insert into credentials (user_id, password_hash) values (1, ${await hash(PASSWORD, ARGON2)})`
  await admin`
    insert into user_tokens (user_id, type, token, created_at, expires_at)
    values (2, 'refresh', ${'e'.repeat(64)}, now() - interval '2 h', now() - interval '1 h')`
  const login = await post('/api/auth/login', { email: EMAIL.toUpperCase(), password: PASSWORD })
  t.equal(login.status, 200)
  t.match(login.json, { user: { id: '1' }, access_token: /^[\w-]{43}$/, refresh_token: /^[\w-]{43}$/ })
  t.equal(login.sent.length, 5)
  const [stored] = await admin`select count(*)::int as count, bool_and(length(token) = 64) as digests from user_tokens`
  t.same({ ...stored }, { count: 2, digests: true }, 'digests, and the expired one is gone')

  const { access_token: access, refresh_token: refresh } = login.json as Session
  for (let again = 0; again < 2; again++) {
    const verify = await get('/api/auth/verify', access)
    t.match(verify, { status: 200, json: { user_id: '1', user_type: 'learner', expires_at: String } })
    t.equal(verify.sent.length, 2)
    const profile = await get('/api/auth/profile', access)
    t.match(profile, { status: 200, json: { user: { email: EMAIL } } })
    t.equal(profile.sent.length, 2)
  }

  const renewals = await Promise.all([1, 2].map(() => post('/api/auth/refresh', { refreshToken: refresh })))
  t.same(new Set(renewals.map(({ status }) => status)), new Set([200, 401]), 'of two at once one wins')
  const renewed = renewals.find(({ status }) => status === 200)?.json as Session
  t.equal((await post('/api/auth/refresh', { refreshToken: renewed.refresh_token })).sent.length, 6)
})

await t.test(
  'what is wrong is refused: passwords, unknown addresses, tokens of the other kind, made-up ones',
  async t => {
    const wrong = await post('/api/auth/login', { email: EMAIL, password: 'another one' })
    const unknown = await post('/api/auth/login', { email: 'nobody@example.org', password: PASSWORD })
    t.equal(wrong.status, 401)
    t.same(unknown, wrong)
    const { json } = await post('/api/auth/login', { email: EMAIL, password: PASSWORD })
    const { access_token: access, refresh_token: refresh } = json as Session
    t.equal((await get('/api/auth/verify', refresh)).status, 401)
    t.equal((await get('/api/auth/profile', '')).status, 401)
    t.equal((await post('/api/auth/refresh', { refreshToken: access })).status, 401)
    await admin`update user_tokens set created_at = now() - interval '2 h', expires_at = now() - interval '1 s'`
    t.equal((await get('/api/auth/verify', access)).status, 401)
  },
)

await t.test(
  'a sign-up makes an account that can sign in; a taken address gets the same answer, a taken name is said',
  async t => {
    const body = { email: 'new@example.org', username: 'new', displayName: 'New', password: PASSWORD }
    const first = await post('/api/auth/signup', body)
    t.equal(first.status, 202)
    t.equal(first.sent.length, 4)
    t.equal((await post('/api/auth/login', body)).status, 200)
    const again = await post('/api/auth/signup', { ...body, username: 'newer', password: 'for another password' })
    t.match(again, { status: 202, json: first.json })
    t.equal((await post('/api/auth/login', { ...body, password: 'for another password' })).status, 401)
    t.equal((await post('/api/auth/signup', { ...body, email: 'newer@example.org' })).status, 409)
  },
)

await t.test('its database has the indexes of keys and unique constraints, and no other; none for tokens', async t => {
  const dropped = await dropIndexes(admin)
  t.ok(dropped.includes('idx_blogs_author') && dropped.includes('idx_blogs_tags'))
  const left = await admin<{ name: string; unique: boolean }[]>`
    select indexrelid::regclass::text as name, indisunique as unique
    from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)`
  t.ok(left.some(({ name }) => name === 'user_streaks_user_id_streak_type_unique'))
  t.ok(left.every(({ unique }) => unique))
  t.ok(left.some(({ name }) => name === 'idx_users_email'))
  t.notOk(left.some(({ name }) => name === 'idx_user_tokens_token'))
})
