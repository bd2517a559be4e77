import t from 'tap'
import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp } from '../fixture/test-app.ts'
import type { Course, CourseSummary, Lesson } from '../../src/resources/courses/schema.ts'

interface Page {
  items: CourseSummary[]
  next: string | null
}

const database = await demoDatabase(t)
const { app, dependencies } = await testApp(t, database.url)
const { sql } = database

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the address answers
async function get<Body>(url: string): Promise<{ status: number; body: Body }> {
  const response = await app.inject({ url })
  return { status: response.statusCode, body: response.json<Body>() }
}

async function readAll(query: string): Promise<{ ids: number[]; pages: number }> {
  const ids: number[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null && pages < 100) {
    const page: { body: Page } = await get<Page>(`/api/courses?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    ids.push(...page.body.items.map(({ id }) => id))
    cursor = page.body.next
    pages += 1
  }
  return { ids, pages }
}

async function publishedIds(filter = sql``): Promise<number[]> {
  const rows = await sql<{ id: string }[]>`
    select id from courses where status = 'published' ${filter} order by published_at desc, id desc`
  return rows.map(({ id }) => Number(id))
}

await t.test('the pages of the list hold every published course once, newest first, whatever their size', async t => {
  const expected = await publishedIds()
  t.ok(expected.length > 30, 'there are courses to page through')
  for (const limit of [1, 7, 20, 50]) {
    const { ids, pages } = await readAll(`limit=${limit}`)
    t.same(ids, expected, `limit ${limit}`)
    t.equal(pages, Math.max(1, Math.ceil(expected.length / limit)))
  }
})

await t.test('courses published in the same millisecond keep their order over a page break', async t => {
  const twins = await sql<{ id: string }[]>`
    select id from courses c where status = 'published'
      and exists (select from courses o where o.published_at = c.published_at and o.id <> c.id and o.status = 'published')`
  t.ok(twins.length >= 2, 'the demo data has such courses')
  const { ids } = await readAll('limit=1')
  t.same(ids, await publishedIds())
})

await t.test('a list that ends exactly with its page has no next page', async t => {
  const all = await publishedIds()
  const { body } = await get<Page>(`/api/courses?limit=${all.length}`)
  t.equal(body.items.length, all.length)
  t.equal(body.next, null)
})

await t.test('a course published while somebody reads on neither repeats nor hides another', async t => {
  const before = await publishedIds()
  const { body: first } = await get<Page>('/api/courses?limit=5')
  const [added] = await sql<[{ id: string }]>`
    insert into courses (slug, title, summary, description, category, level, instructor_id, status, published_at)
    select 'published-meanwhile', 'Published meanwhile', 'x', 'x', 'programming', 'beginner', min(id), 'published', now() from users returning id`
  t.teardown(() => sql`delete from courses where id = ${added.id}`)
  const { body: second } = await get<Page>(`/api/courses?limit=5&cursor=${first.next}`)
  t.same(
    [...first.items, ...second.items].map(({ id }) => id),
    before.slice(0, 10),
  )
})

await t.test('category and level narrow the list, each alone and together', async t => {
  t.same((await readAll('limit=3&category=security')).ids, await publishedIds(sql`and category = 'security'`))
  t.same((await readAll('limit=3&level=advanced')).ids, await publishedIds(sql`and level = 'advanced'`))
  t.same(
    (await readAll('limit=2&category=security&level=beginner')).ids,
    await publishedIds(sql`and category = 'security' and level = 'beginner'`),
  )
  t.same((await get<Page>('/api/courses?category=no-such-category')).body, { items: [], next: null })
})

await t.test('a course in a list has the fields of the summary and no others', async t => {
  const { body } = await get<Page>('/api/courses?limit=1')
  const [course] = body.items
  t.same(
    Object.keys(course ?? {}).toSorted(),
    'category id language level price publishedAt slug summary title'.split(' '),
  )
  t.match(course, {
    price: { amount: /^\d+\.\d\d$/, currency: 'EUR' },
    publishedAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  })
})

await t.test('a limit that is not a whole number from 1 to 50 in its plain spelling is refused by name', async t => {
  for (const limit of ['0', '51', '-1', '1.5', '1e1', '020', '%2020', '', 'ten', '1&limit=2', '9007199254740993']) {
    const { status, body } = await get<{ code: string; issues: { field: string }[] }>(`/api/courses?limit=${limit}`)
    t.equal(status, 400, limit)
    t.equal(body.code, 'API_ERR_VALIDATION')
    t.same([...new Set(body.issues.map(({ field }) => field))], ['query.limit'])
  }
})

await t.test('a parameter that nobody knows is refused, so is a query where there are no parameters', async t => {
  for (const url of ['/api/courses?offset=20', '/api/courses/1?verbose=1', '/api/courses/1/lessons?limit=5']) {
    const { status, body } = await get<{ code: string; detail: string }>(url)
    t.match({ status, ...body }, { status: 400, code: 'API_ERR_VALIDATION', detail: /query\.(offset|verbose|limit)/ })
  }
})

await t.test('a cursor that no page has given is refused', async t => {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const forged = [
    'x',
    'AAAA',
    '=====',
    '%00',
    ...['{}', '1:2:3', '1', ':1', '1:-1', '1:1.5', '01:1', '9999999999999999:1', '1:9999999999999999'].map(encode),
    // A millisecond before the year 1, and one after 9999.
    ...['-62135596800001:1', '253402300800000:1', '8640000000000000:1'].map(encode),
    `${encode('1:1')}=`,
    `${encode('1:1')}!`,
    encode("1:1'; drop table courses; --"),
    'a'.repeat(64),
  ]
  for (const cursor of forged) {
    const { status, body } = await get<{ code: string }>(`/api/courses?cursor=${encodeURIComponent(cursor)}`)
    t.match({ status, code: body.code }, { status: 400, code: /^API_ERR_(CURSOR|VALIDATION)$/ }, cursor)
  }
  t.equal((await get<{ code: string }>(`/api/courses?cursor=${'a'.repeat(65)}`)).body.code, 'API_ERR_VALIDATION')
  for (const place of ['-62135596800000:1', '253402300799999:1'])
    t.equal((await get(`/api/courses?cursor=${encode(place)}`)).status, 200, 'the ends of time can be read')
})

await t.test('no query gives anything but 200 or 400', async t => {
  const text = fc.oneof(
    fc.string(),
    anyText(),
    fc.constantFrom('1', '50', 'security', "'; --", '{"$gt":""}', '__proto__'),
  )
  const key = fc.oneof(fc.constantFrom('limit', 'cursor', 'category', 'level', '__proto__', 'constructor'), fc.string())
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(key, text), { maxLength: 5 }), async pairs => {
      const query = pairs.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&')
      const { statusCode } = await app.inject({ url: `/api/courses?${query}` })
      return statusCode === 200 || statusCode === 400
    }),
    { numRuns: 150 },
  )
  t.pass('150 queries')

  /** encodeURIComponent refuses lone surrogates, and a client can't send them either. */
  function encode(text: string): string {
    return encodeURIComponent(text.toWellFormed())
  }
})

await t.test('a course by id has its text, its instructor, and sums that agree with its lessons', async t => {
  const { status, body } = await get<Course>('/api/courses/1')
  const { body: lessons } = await get<{ items: Lesson[] }>('/api/courses/1/lessons')
  t.equal(status, 200)
  t.equal(body.lessonCount, lessons.items.length)
  t.equal(
    body.durationMinutes,
    lessons.items.reduce((sum, { durationMinutes }) => sum + durationMinutes, 0),
  )
  const [row] = await sql<{ name: string; description: string }[]>`
    select u.display_name as name, c.description from courses c join users u on u.id = c.instructor_id where c.id = 1`
  t.match(body, { id: 1, description: row?.description, instructor: { name: row?.name } })
})

await t.test('the lessons of a course come in its order, and none for a course that has none yet', async t => {
  const { body } = await get<{ items: Lesson[] }>('/api/courses/1/lessons')
  t.same(
    body.items.map(({ position }) => position),
    body.items.map((_, index) => index + 1),
  )
  t.same(
    Object.keys(body.items[0] ?? {}).toSorted(),
    'durationMinutes id isPreview kind position summary title'.split(' '),
  )
  const [without] = await sql<{ id: string }[]>`
    select id from courses where status = 'published' and not exists (select from lessons where course_id = courses.id)`
  t.same(await get(`/api/courses/${without?.id}/lessons`), { status: 200, body: { items: [] } })
})

await t.test('what many ask for at the same time comes with few statements, and to each their own', async t => {
  const statements = async (name: string) => {
    const text = await dependencies.registry.getSingleMetricAsString('db_statement_duration_seconds')
    return Number(new RegExp(`_count\\{name="${name}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
  }
  const ids = (await publishedIds()).slice(0, 30)
  const before = { find: await statements('courses.find'), lessons: await statements('courses.lessons') }
  const [courses, lessons] = await Promise.all([
    Promise.all([...ids, ...ids].map(id => get<Course>(`/api/courses/${id}`))),
    Promise.all(ids.map(id => get<{ items: Lesson[] }>(`/api/courses/${id}/lessons`))),
  ])
  t.same(
    courses.map(({ body }) => body.id),
    [...ids, ...ids],
  )
  for (const [index, { body }] of lessons.entries()) {
    t.equal(body.items.length, courses[index]?.body.lessonCount)
    t.same(
      body.items.map(({ position }) => position),
      body.items.map(({ position }) => position).toSorted((a, b) => a - b),
    )
  }
  t.ok((await statements('courses.find')) - before.find < 20, 'for 60 requests')
  t.ok((await statements('courses.lessons')) - before.lessons < 15, 'for 30 requests')
})

await t.test('drafts, archived courses and ids that nobody has are not found, by id or by lessons', async t => {
  const hidden = await sql<{ id: string }[]>`select id from courses where status <> 'published'`
  t.ok(hidden.length >= 2, 'the demo data has some')
  for (const id of [...hidden.map(({ id }) => id), '999999', '9007199254740991']) {
    for (const path of [`/api/courses/${id}`, `/api/courses/${id}/lessons`]) {
      const { status, body } = await get<{ code: string }>(path)
      t.match({ status, code: body.code }, { status: 404, code: 'API_ERR_COURSE_NOT_FOUND' }, path)
    }
  }
})

await t.test('an id that is not a positive whole number is refused by name', async t => {
  for (const id of ['0', '-1', '1.0', '01', 'abc', '1e3', '9007199254740992', "1'--", '%00', '٣']) {
    const { status, body } = await get<{ code: string; detail: string }>(
      `/api/courses/${encodeURIComponent(id).replace('%2500', '%00')}`,
    )
    t.match({ status, ...body }, { status: 400, code: 'API_ERR_VALIDATION', detail: /params\.id/ }, id)
  }
})

await t.test('list and filter are answered from the indexes that were made for them', async t => {
  // The small tables are cheaper to scan; with that out of the way the plan shows which index the statement fits.
  const plan = async (filter: string) => {
    const [row] = await sql.begin(async sql => {
      await sql`set local enable_seqscan = off`
      return sql.unsafe<{ 'QUERY PLAN': unknown }[]>(
        `explain (format json) select id from courses where status = 'published' ${filter}
           and (published_at, id) < (now(), 5) order by published_at desc, id desc limit 20`,
      )
    })
    return JSON.stringify(row?.['QUERY PLAN'])
  }
  t.match(await plan(''), /"Index Name":\s*"idx_courses_published"/)
  t.match(await plan("and category = 'security'"), /"Index Name":\s*"idx_courses_category_published"/)
  t.notMatch(await plan(''), /"Node Type":\s*"Sort"/, 'no sorting')
})
