// Two workers of one machine, whose cache is on: what's written is seen through it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { seededRandom, until } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'
import { newUser, signedIn } from '../fixture/sign-in.ts'
import { NO_CACHE, testApp, type TestApp } from '../fixture/test-app.ts'
import { createBlogsRepository } from '../../src/resources/blogs/repository.ts'
import { entityTag } from '../../src/resources/blogs/revision.ts'
import type { Blog, BlogSummary } from '../../src/resources/blogs/schema.ts'
import { slugCandidates } from '../../src/resources/blogs/slug.ts'

interface Answer<Body> {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: Body
}
interface Refusal {
  readonly code: string
  readonly issues?: { field: string; message: string }[]
}

const OPERATOR = { authorization: 'Bearer a-token-of-operators' }
const MAX_BODY_BYTES = 640 * 1024

const database = await demoDatabase(t)
const { sql } = database
const folder = mkdtempSync(path.join(tmpdir(), 'api-blogs-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const options = { cache: { ...NO_CACHE, machine: true, folder }, app: { operatorToken: 'a-token-of-operators' } }
const one = await testApp(t, database.url, options)
const two = await testApp(t, database.url, options)

let drafts = 0
/** Each with a title of its own, since chance is always the same in tests. */
const draft = () => ({
  authorId: 1,
  title: `Draft ${++drafts}`,
  content: 'Some text',
  tags: ['tools'],
  status: 'draft',
})

async function send<Body = Blog>(
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  given: { readonly body?: unknown; readonly headers?: Record<string, string>; readonly worker?: TestApp } = {},
): Promise<Answer<Body>> {
  const { body, headers = {}, worker = one } = given
  const isJson = typeof body === 'object' && body !== null && !Buffer.isBuffer(body)
  const response = await worker.app.inject({
    method,
    url,
    headers: {
      ...(method === 'GET' ? {} : OPERATOR),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: isJson ? JSON.stringify(body) : (body as string) }),
  })
  return { status: response.statusCode, headers: response.headers, body: response.json<Body>() }
}

const create = (body: unknown) => send('POST', '/api/blogs', { body })
const replace = (id: number, ifMatch: string, body: unknown) =>
  send('PUT', `/api/blogs/${id}`, { body, headers: { 'if-match': ifMatch } })
const newest = async (worker: TestApp, query = ''): Promise<number | undefined> =>
  (await send<{ items: BlogSummary[] }>('GET', `/api/blogs?limit=1${query}`, { worker })).body.items[0]?.id

await t.test('a blog that was written says where it is, and is what was sent', async t => {
  const { status, headers, body } = await create({ ...draft(), title: 'Über Größe 😀', status: 'published' })
  t.equal(status, 201)
  t.match(body, {
    title: 'Über Größe 😀',
    slug: 'uber-grosse',
    content: 'Some text',
    tags: ['tools'],
    status: 'published',
    version: 1,
  })
  t.equal(headers['location'], `/api/blogs/${body.id}`)
  t.equal(headers['etag'], entityTag(body))
  const read = await send('GET', `/api/blogs/${body.id}`)
  t.same(read.body, body)
  t.equal(read.headers['etag'], headers['etag'])
  const { body: silent } = await create({ authorId: 1, title: 'No status', content: 'x', tags: [] })
  t.equal(silent.status, 'draft')
})

await t.test('a draft appears when it is published, here at once, and goes when it is archived', async t => {
  const { body: blog } = await create({ ...draft(), tags: ['tools', 'brand-new'] })
  const url = `/api/blogs/${blog.id}`
  const before = await newest(one)
  // Everybody has been told that it isn't there.
  for (const worker of [one, two]) {
    t.equal((await send('GET', url, { worker })).status, 404)
    t.equal(await newest(worker), before)
    t.equal(await newest(worker, '&tag=brand-new'), undefined)
  }
  const text = { title: 'A title', content: 'A text', tags: blog.tags }
  const published = await replace(blog.id, '"1"', { ...text, status: 'published' })
  t.match(published, { status: 200, body: { version: 2, title: 'A title', slug: blog.slug } })
  t.equal(published.headers['etag'], undefined, 'more is stored than was sent')
  t.same((await send('GET', url)).body, published.body)
  t.equal(await newest(one), blog.id)
  t.equal(await newest(one, '&tag=brand-new'), blog.id)
  await until(async () => (await newest(two)) === blog.id, { what: 'it in the other worker’s list' })
  await until(async () => (await send('GET', url, { worker: two })).status === 200, {
    what: 'it at the other worker',
  })

  t.equal((await replace(blog.id, '"2"', { ...text, status: 'archived' })).status, 200)
  t.equal((await send('GET', url)).status, 404)
  t.equal(await newest(one), before)
})

await t.test('a draft that nobody saw changes no list', async t => {
  await newest(one)
  const { loads } = one.dependencies.cache.stats().namespaces['blogs.pages'] ?? {}
  const { body: blog } = await create(draft())
  t.equal((await replace(blog.id, '"1"', { title: 'Other', content: 'x', tags: [], status: 'draft' })).status, 200)
  await newest(one)
  t.same(one.dependencies.cache.stats().namespaces['blogs.pages']?.loads, loads)
})

await t.test('a change is made to what was read, in whichever form it was read, and to nothing else', async t => {
  const content = 'Some text that is worth being compressed. '.repeat(60)
  const { body: blog } = await create({ ...draft(), content, status: 'published' })
  const text = { title: 'Changed', content, tags: ['tools'], status: 'published' }
  const url = `/api/blogs/${blog.id}`
  const read = async (encoding: string) => {
    const { headers } = await one.app.inject({ url, headers: { 'accept-encoding': encoding } })
    return { tag: String(headers.etag), encoding: headers['content-encoding'] }
  }
  const [identity, brotli, gzip] = [await read('identity'), await read('br'), await read('gzip')]
  t.same([identity.encoding, brotli.encoding, gzip.encoding], [undefined, 'br', 'gzip'])
  t.equal(new Set([identity.tag, brotli.tag, gzip.tag]).size, 3, 'other bytes have another tag')
  for (const stale of ['"2"', '"0"', `W/${identity.tag}`, '"1-xxxxxx"', '"1", x'])
    t.match(await replace(blog.id, stale, text), { status: stale.endsWith('x') ? 400 : 412 }, stale)
  t.match(await replace(blog.id, identity.tag, text), { status: 200, body: { version: 2 } })
  t.match(await replace(blog.id, identity.tag, text), { status: 412, body: { code: 'API_ERR_PRECONDITION_FAILED' } })
  t.match(await replace(blog.id, (await read('br')).tag, text), { status: 200, body: { version: 3 } })
  t.match(await replace(blog.id, (await read('gzip')).tag, text), { status: 200, body: { version: 4 } })
  t.match(await replace(blog.id, '"3", "4"', text), { status: 200, body: { version: 5 } })
  for (const headers of [{}, { 'if-match': '*' }])
    t.match(await send('PUT', url, { body: text, headers }), {
      status: 428,
      body: { code: 'API_ERR_PRECONDITION_REQUIRED' },
    })
  t.match(await replace(999_999, '"1"', text), { status: 404, body: { code: 'API_ERR_BLOG_NOT_FOUND' } })
  t.match((await send('GET', url)).body, { version: 5, title: 'Changed', createdAt: blog.createdAt })
})

await t.test('of twenty who change the same version at once, on two workers, one does', async t => {
  const { body: blog } = await create(draft())
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      send<Blog & Refusal>('PUT', `/api/blogs/${blog.id}`, {
        body: { title: `Writer ${index}`, content: 'x', tags: [], status: 'draft' },
        headers: { 'if-match': '"1"' },
        worker: index % 2 === 0 ? one : two,
      }),
    ),
  )
  const done = answers.filter(({ status }) => status === 200)
  t.equal(done.length, 1)
  t.ok(
    answers.every(
      ({ status, body }) => status === 200 || (status === 412 && body.code === 'API_ERR_PRECONDITION_FAILED'),
    ),
  )
  const [row] = await sql<{ title: string; version: number }[]>`select title, version from blogs where id = ${blog.id}`
  t.match(row, { title: done[0]?.body.title, version: 2 })
})

await t.test('titles that come more than once, also at the same moment, get slugs of their own', async t => {
  const random = seededRandom(t)
  const repository = createBlogsRepository(one.dependencies.database)
  const write = () =>
    repository.create({ ...draft(), status: 'draft', title: 'Same title' }, slugCandidates('Same title', random))
  const blogs = await Promise.all(Array.from({ length: 12 }, write))
  const slugs = blogs.map(blog => blog?.slug ?? '')
  t.equal(new Set(slugs).size, 12)
  t.equal(slugs.filter(slug => slug === 'same-title').length, 1)
  t.ok(slugs.every(slug => /^same-title(-[a-z0-9]{6})?$/.test(slug)))
  await t.rejects(repository.create({ ...draft(), status: 'draft' }, ['same-title', 'same-title']), /None of the slugs/)
})

await t.test('an author that nobody is is named, and nothing is written', async t => {
  const [before] = await sql<[{ count: string }]>`select count(*) from blogs`
  for (const authorId of [999_999, Number.MAX_SAFE_INTEGER])
    t.match(await create({ ...draft(), authorId }), {
      status: 422,
      body: { code: 'API_ERR_UNKNOWN_REFERENCE', issues: [{ field: 'body.authorId' }] },
    })
  t.same(await sql`select count(*) from blogs`, [before])
})

await t.test('who is not signed in does not write', async t => {
  const { body: blog } = await create(draft())
  for (const headers of [{}, { authorization: 'Bearer guess' }]) {
    const post = await one.app.inject({ method: 'POST', url: '/api/blogs', headers, payload: draft() })
    const put = await one.app.inject({
      method: 'PUT',
      url: `/api/blogs/${blog.id}`,
      headers: { ...headers, 'if-match': '"1"' },
      payload: draft(),
    })
    for (const answer of [post, put])
      t.match({ status: answer.statusCode, ...answer.json<object>() }, { status: 401, code: 'API_ERR_ACCESS_TOKEN' })
  }
})

await t.test('who is signed in writes what is theirs, and sees no drafts of others', async t => {
  const author = await signedIn(one.dependencies, await newUser(database))
  const stranger = await signedIn(two.dependencies, await newUser(database))
  const [admin] = await sql<[{ id: number }]>`
    update users set user_type = 'admin' where id = ${await newUser(database)} returning id::int`
  const adminCredentials = await signedIn(one.dependencies, admin.id)
  const as = ({ authorization }: { authorization: string }) => ({ authorization })
  const { authorId: _, ...own } = draft()

  const created = await send('POST', '/api/blogs', { body: own, headers: as(author) })
  t.equal(created.status, 201)
  const { id, author: named } = created.body
  t.not(named.id, 1)
  const named1 = await send('POST', '/api/blogs', { body: { ...draft(), authorId: 1 }, headers: as(author) })
  t.match(named1, { status: 403, body: { code: 'API_ERR_FORBIDDEN' } }, 'nobody writes as somebody else')
  t.match(
    await send('POST', '/api/blogs', { body: own, headers: OPERATOR }),
    { status: 400, body: { code: 'API_ERR_VALIDATION' } },
    'operators say whose it is',
  )

  const { authorId: __, ...change } = draft()
  const put = (headers: Record<string, string>, version: number, body: object = change) =>
    send('PUT', `/api/blogs/${id}`, { body, headers: { ...headers, 'if-match': `"${version}"` } })
  t.match(await put(as(stranger), 1), { status: 404, body: { code: 'API_ERR_BLOG_NOT_FOUND' } }, 'a draft is not there')
  t.match(await put(as(stranger), 9), { status: 404 }, 'whatever version they guess')
  t.match(await put(as(author), 1, { ...change, status: 'published' }), { status: 200, body: { version: 2 } })
  t.match(await put(as(stranger), 2), { status: 403, body: { code: 'API_ERR_FORBIDDEN' } })
  t.match(await put(as(stranger), 9), { status: 403 }, 'nothing is said of its version')
  t.match(await put(as(adminCredentials), 2), { status: 200, body: { version: 3, author: { id: named.id } } })
  for (const extra of [{ id: 1 }, { version: 9 }, { author: { id: 1 } }, { authorId: 1 }, { slug: 'mine' }])
    t.match(await put(as(author), 3, { ...change, ...extra }), { status: 400 }, `no ${Object.keys(extra).join()}`)
})

await t.test('the largest blog is taken in the longest spelling, and a larger one in none', async t => {
  const content = '😀'.repeat(50_000)
  const escaped = JSON.stringify({ ...draft(), content: '' }).replace(
    '"content":""',
    `"content":"${String.raw`\ud83d\ude00`.repeat(50_000)}"`,
  )
  t.ok(escaped.length > 600_000)
  const { status, body } = await create(escaped)
  t.equal(status, 201)
  t.ok(body.content === content)
  const longer = await create({ ...draft(), content: 'x'.repeat(50_001) })
  t.match(longer, { status: 400, body: { issues: [{ field: 'body.content' }] } })
  t.match(await create({ ...draft(), content: 'x'.repeat(MAX_BODY_BYTES) }), {
    status: 413,
    body: { code: 'API_ERR_BODY_TOO_LARGE' },
  })
})

await t.test('a body that is not what it should be is refused by the name of its field', async t => {
  const refused: [unknown, string][] = [
    [{ ...draft(), title: 'ab' }, 'body.title'],
    [{ ...draft(), title: 'x'.repeat(161) }, 'body.title'],
    [{ ...draft(), title: 'two\nlines' }, 'body.title'],
    [{ ...draft(), title: ' blank' }, 'body.title'],
    [{ ...draft(), title: 'NUL\0' }, 'body.title'],
    [{ ...draft(), content: '' }, 'body.content'],
    [{ ...draft(), content: 'NUL \0' }, 'body.content'],
    [{ ...draft(), content: 5 }, 'body.content'],
    [{ ...draft(), content: null }, 'body.content'],
    [{ ...draft(), tags: ['Tag'] }, 'body.tags.0'],
    [{ ...draft(), tags: ['a', 'a\0'] }, 'body.tags.1'],
    [{ ...draft(), tags: ['a', 'a'] }, 'body.tags'],
    [{ ...draft(), tags: Array.from({ length: 11 }, (_, index) => `tag-${index}`) }, 'body.tags'],
    [{ ...draft(), tags: 'a' }, 'body.tags'],
    [{ ...draft(), tags: [null] }, 'body.tags.0'],
    [{ ...draft(), status: 'hidden' }, 'body.status'],
    [{ ...draft(), authorId: '1' }, 'body.authorId'],
    [{ ...draft(), authorId: 0 }, 'body.authorId'],
    [{ ...draft(), authorId: 1.5 }, 'body.authorId'],
    [{ ...draft(), slug: 'mine' }, 'body.slug'],
    [{ ...draft(), version: 7 }, 'body.version'],
    [{ ...draft(), title: undefined }, 'body.title'],
    ...['\\ud800', 'a\\udc00', '\\u0000'].map((spelt): [unknown, string] => [
      JSON.stringify({ ...draft(), content: '' }).replace('"content":""', `"content":"${spelt}"`),
      'body.content',
    ]),
    ['[]', 'body'],
    ['null', 'body'],
    ['"text"', 'body'],
  ]
  for (const [body, field] of refused) {
    const { status, body: refusal } = await send<Refusal>('POST', '/api/blogs', { body })
    t.match({ status, code: refusal.code }, { status: 400, code: 'API_ERR_VALIDATION' }, field)
    t.same([...new Set(refusal.issues?.map(issue => issue.field))], [field])
  }
  for (const body of ['', '{', '{"__proto__":1}'])
    t.match(await create(body), { status: 400, body: { code: 'API_ERR_MALFORMED_JSON' } }, body)
  const { body: blog } = await create(draft())
  for (const [name, value] of Object.entries({ title: 'ab', content: '', tags: ['A'], status: 'x', authorId: 2 })) {
    const text = { title: 'Fine', content: 'x', tags: [], status: 'draft', [name]: value }
    t.match(await replace(blog.id, '"1"', text), { status: 400, body: { code: 'API_ERR_VALIDATION' } }, name)
  }
  t.match(await replace(blog.id, '"1"', { title: 'Only that' }), { status: 400 })
})

await t.test('nothing that anybody sends gives anything but an answer of the address', async t => {
  const text = fc.oneof(
    fc
      .array(fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0xd83d, 0xde00, 0x61)), { maxLength: 8 })
      .map(units => String.fromCharCode(...units)),
    fc.constantFrom('tools', '1', '"1"', "'; --", '{"$gt":""}', '{}', '[]', '{1,2}', '__proto__', 'draft'),
  )
  const texts = fc.array(text, { maxLength: 3 })
  const value = fc.oneof(text, texts, fc.integer(), fc.double(), fc.constantFrom(null, true, {}))
  const usually = (...good: unknown[]) =>
    fc.oneof({ arbitrary: fc.constantFrom(...good), weight: 9 }, { arbitrary: value, weight: 1 })
  const title = fc.nat().map((number): unknown => `Title ${number} 😀`)
  const replacement = {
    title,
    content: fc.oneof(usually('x'), text),
    tags: usually(['a'], []),
    status: usually('draft', 'published'),
  }
  const body = fc.oneof(
    fc.record({ ...replacement, authorId: usually(1, 2) }),
    fc.record(replacement),
    fc.dictionary(text, value, { maxKeys: 4 }),
  )
  const name = fc.oneof(fc.constantFrom('limit', 'cursor', 'tag', 'author', 'constructor'), text)
  const query = fc.array(fc.tuple(name, text), { maxLength: 3 })
  const id = fc.oneof(fc.constantFrom('2', '999999'), text)
  const encode = (text: string) => encodeURIComponent(text.toWellFormed())
  const statuses = new Set<number>()
  const answered = fc.asyncProperty(body, query, id, text, async (body, pairs, id, condition) => {
    const search = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
    // What can stand in a header field.
    const headers = { 'if-match': condition.replaceAll(/[^\x20-\x7e]/g, '') }
    const answers = await Promise.all([
      send('GET', `/api/blogs?${search}`),
      send('GET', `/api/blogs/${encode(id)}`, { headers }),
      send('POST', '/api/blogs', { body }),
      send('PUT', '/api/blogs/2', { body, headers }),
    ])
    for (const { status } of answers) statuses.add(status)
    return answers.every(({ status }) => status < 500)
  })
  await t.resolves(fc.assert(answered, { numRuns: 60 }))
  for (const status of [200, 201, 400, 404]) t.ok(statuses.has(status), `among them ${status}`)
})
