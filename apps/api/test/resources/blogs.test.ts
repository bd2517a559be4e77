import t from 'tap'
import fc from 'fast-check'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp } from '../fixture/test-app.ts'
import { entityTag } from '../../src/resources/blogs/revision.ts'
import { listStatement, type BlogFilter } from '../../src/resources/blogs/list-statement.ts'
import type { Blog, BlogSummary } from '../../src/resources/blogs/schema.ts'

interface Page {
  items: BlogSummary[]
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

async function readAll(query: string): Promise<{ items: BlogSummary[]; ids: number[]; pages: number }> {
  const items: BlogSummary[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null && pages < 200) {
    const page: { body: Page } = await get<Page>(`/api/blogs?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    items.push(...page.body.items)
    cursor = page.body.next
    pages += 1
  }
  return { items, ids: items.map(({ id }) => id), pages }
}

async function publishedIds(filter = sql``): Promise<number[]> {
  const rows = await sql<{ id: string }[]>`
    select id from blogs where status = 'published' ${filter} order by created_at desc, id desc`
  return rows.map(({ id }) => Number(id))
}

/** Tags by how many published blogs have them, most first. */
const tags = await sql<{ tag: string; count: number }[]>`
  select tag, count(*)::int as count from blogs, unnest(tags) tag where status = 'published' group by tag order by count desc, tag`
const commonTag = tags[0]?.tag ?? ''
const rareTag = tags.at(-1)?.tag ?? ''
const [{ author } = { author: 0 }] = await sql<{ author: number }[]>`
  select author_id::int as author from blogs where status = 'published' and ${commonTag} = any(tags)
  group by author_id order by count(*) desc, author_id limit 1`

await t.test('the pages of the list hold every published blog once, newest first, whatever their size', async t => {
  const expected = await publishedIds()
  t.ok(expected.length > 50, 'there are blogs to page through')
  const twins = await sql`
    select from blogs b where status = 'published'
      and exists (select from blogs o where o.created_at = b.created_at and o.id <> b.id and o.status = 'published')`
  t.ok(twins.length >= 3, 'some of the same millisecond, which a page may break between')
  for (const limit of [1, 7, 50]) {
    const { ids, pages } = await readAll(`limit=${limit}`)
    t.same(ids, expected, `limit ${limit}`)
    t.equal(pages, Math.max(1, Math.ceil(expected.length / limit)))
  }
  t.equal((await get<Page>('/api/blogs')).body.items.length, 20)
  t.equal((await get<{ code: string }>('/api/blogs?limit=51')).status, 400)
})

await t.test('tag and author narrow the list, each alone and together', async t => {
  t.ok((tags[0]?.count ?? 0) > 10 && (tags.at(-1)?.count ?? 0) < 5, 'tags of different frequency')
  for (const { tag } of [...tags.slice(0, 3), ...tags.slice(-3)])
    t.same((await readAll(`limit=4&tag=${tag}`)).ids, await publishedIds(sql`and ${tag} = any(tags)`), tag)
  for (const limit of [1, 50])
    t.same((await readAll(`limit=${limit}&author=${author}`)).ids, await publishedIds(sql`and author_id = ${author}`))
  const both = await publishedIds(sql`and author_id = ${author} and ${commonTag} = any(tags)`)
  t.ok(both.length > 0)
  t.same((await readAll(`limit=1&author=${author}&tag=${commonTag}`)).ids, both)
  for (const query of ['tag=nobody-has-it', 'author=999999', 'author=9007199254740991', `tag=${rareTag}&author=999999`])
    t.same((await get<Page>(`/api/blogs?${query}`)).body, { items: [], next: null }, query)
})

await t.test('a blog in a list has its beginning, its author and its tags, and no text', async t => {
  const { items } = await readAll('limit=50')
  for (const blog of items)
    t.same(Object.keys(blog).toSorted(), 'author createdAt excerpt id slug tags title truncated'.split(' '))
  const rows = await sql<
    { id: string; title: string; tags: string[]; authorId: string; authorName: string; createdAt: Date }[]
  >`
    select b.id, b.title, b.tags, u.id as "authorId", u.display_name as "authorName", b.created_at as "createdAt"
    from blogs b join users u on u.id = b.author_id
    where b.status = 'published' order by b.created_at desc, b.id desc`
  t.match(
    items,
    rows.map(({ id, title, tags, authorId, authorName, createdAt }) => ({
      id: Number(id),
      title,
      tags,
      author: { id: Number(authorId), name: authorName },
      createdAt: createdAt.toISOString(),
    })),
  )
  t.ok(items.some(({ tags }) => tags.length === 0) && items.some(({ tags }) => tags.length === 10))
})

await t.test('an excerpt is the first 200 characters, none of them halved, and says whether more comes', async t => {
  const [blog] = await sql<{ id: string; content: string }[]>`
    update blogs set created_at = now() + interval '1 day'
    where id = (select min(id) from blogs where status = 'published') returning id, content`
  const id = Number(blog?.id)
  // Characters of one to four bytes, in lengths around the limit.
  const character = fc.oneof(
    fc.constantFrom('a', 'é', '日', '😀', '👩‍🚀', '\n', '"', '\\'),
    fc
      .integer({ min: 1, max: 0x10ffff })
      .filter(code => code < 0xd800 || code > 0xdfff)
      .map(code => String.fromCodePoint(code)),
  )
  const text = fc
    .tuple(
      fc.oneof(fc.constantFrom(0, 195, 198), fc.nat(400)),
      fc.constantFrom('x', 'é', '語', '🌱'),
      fc.array(character, { minLength: 1, maxLength: 8 }),
    )
    .map(([length, filling, ending]) => filling.repeat(length) + ending.join(''))
  const cut = fc.asyncProperty(text, async content => {
    await sql`update blogs set content = ${content} where id = ${id}`
    const { body } = await get<Page>('/api/blogs?limit=1')
    const [first] = body.items
    const characters = Array.from(content)
    const isCut = characters.length > 200
    return first?.id === id && first.excerpt === characters.slice(0, 200).join('') && first.truncated === isCut
  })
  await t.resolves(fc.assert(cut, { numRuns: 80 }))
})

await t.test('a blog by itself has its whole text, its author and its version', async t => {
  const [row] = await sql<{ id: string; name: string; content: string; version: number; updatedAt: Date }[]>`
    select b.id, u.display_name as name, b.content, b.version, b.updated_at as "updatedAt"
    from blogs b join users u on u.id = b.author_id
    where b.status = 'published' order by char_length(content) desc limit 1`
  const response = await app.inject({ url: `/api/blogs/${row?.id}` })
  const blog = response.json<Blog>()
  t.equal(response.statusCode, 200)
  t.same(
    Object.keys(blog).toSorted(),
    'author content createdAt id slug status tags title updatedAt version'.split(' '),
  )
  t.match(blog, {
    content: row?.content,
    status: 'published',
    version: row?.version,
    author: { name: row?.name },
    updatedAt: row?.updatedAt.toISOString(),
  })
  t.equal(response.headers.etag, entityTag(blog))
})

await t.test('what many ask for at the same time comes with few statements, and to each their own', async t => {
  const statements = async () => {
    const text = await dependencies.registry.getSingleMetricAsString('db_statement_duration_seconds')
    return Number(/_count\{name="blogs.find"\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  const ids = (await publishedIds()).slice(0, 30)
  const before = await statements()
  const blogs = await Promise.all([...ids, ...ids].map(id => get<Blog>(`/api/blogs/${id}`)))
  t.same(
    blogs.map(({ body }) => body.id),
    [...ids, ...ids],
  )
  t.ok((await statements()) - before < 20, 'for 60 requests')
})

await t.test('drafts and archived blogs are found by no way', async t => {
  const hidden = await sql<{ id: string; status: string; tag: string | null; author: string; at: Date }[]>`
    select id, status, tags[1] as tag, author_id as author, created_at as at from blogs where status <> 'published'`
  t.same(new Set(hidden.map(({ status }) => status)), new Set(['draft', 'archived']))
  for (const { id } of hidden) {
    const { status, body } = await get<{ code: string }>(`/api/blogs/${id}`)
    t.match({ status, code: body.code }, { status: 404, code: 'API_ERR_BLOG_NOT_FOUND' })
  }
  for (const { id, tag, author, at } of hidden.slice(0, 6)) {
    // The page that would begin with it.
    const cursor = Buffer.from(`${at.getTime()}:${Number(id) + 1}`).toString('base64url')
    for (const query of [`cursor=${cursor}`, `author=${author}`, `author=${author}&tag=${tag ?? commonTag}`]) {
      const { status, body } = await get<Page>(`/api/blogs?limit=50&${query}`)
      t.equal(status, 200)
      t.notOk(
        body.items.some(blog => blog.id === Number(id)),
        query,
      )
    }
  }
  for (const id of ['999999', '9007199254740991'])
    t.equal((await get<{ code: string }>(`/api/blogs/${id}`)).body.code, 'API_ERR_BLOG_NOT_FOUND')
})

await t.test('a parameter that is not what it should be is refused by name', async t => {
  const refused = {
    'tag=': 'query.tag',
    'tag=Tag': 'query.tag',
    'tag=a--b': 'query.tag',
    'tag=a%00b': 'query.tag',
    'tag=%ED%A0%80': 'query.tag',
    [`tag=${'a'.repeat(41)}`]: 'query.tag',
    'tag=a&tag=b': 'query.tag',
    'author=0': 'query.author',
    'author=1.5': 'query.author',
    'author=x': 'query.author',
    'author=9007199254740992': 'query.author',
    'status=draft': 'query.status',
    'limit=0': 'query.limit',
    'cursor=x': 'query.cursor',
  }
  for (const [query, field] of Object.entries(refused)) {
    const { status, body } = await get<{ issues: { field: string }[] }>(`/api/blogs?${query}`)
    t.equal(status, 400, query)
    t.same(new Set(body.issues.map(issue => issue.field)), new Set([field]), query)
  }
  for (const id of ['0', '-1', '01', 'abc', '%00', '9007199254740992'])
    t.match(await get(`/api/blogs/${id}`), { status: 400, body: { code: 'API_ERR_VALIDATION' } }, id)
})

await t.test('a forged cursor is served from the year 1 to 9999, and refused beyond', async t => {
  const at = (place: string) => get<{ code?: string }>(`/api/blogs?cursor=${Buffer.from(place).toString('base64url')}`)
  for (const place of ['-62135596800000:1', '253402300799999:1']) t.equal((await at(place)).status, 200, place)
  for (const place of ['-62135596800001:1', '253402300800000:1', '8640000000000000:1'])
    t.match(await at(place), { status: 400, body: { code: 'API_ERR_CURSOR' } }, place)
})

await t.test('each list is read from its index, and a tag by the one that is shorter for it', async t => {
  // So many that it matters, with a tag that four in ten have, and one that three have.
  await sql`
    insert into blogs (author_id, slug, title, content, tags, status, created_at)
    select 1 + i % 60, 'many-' || i, 'One of many', repeat('many ', 100),
           array_remove(array[case when i % 5 < 2 then 'every-other' end, case when i in (7, 1000, 2000) then 'hardly-any' end], null),
           case i % 10 when 9 then 'draft' else 'published' end, timestamptz '2020-01-01' + i * interval '1 hour'
    from generate_series(1, 4000) i`
  await sql`analyze blogs`
  /** What the rows of a page are read with, from the limit downwards. */
  const way = async (filter: Omit<BlogFilter, 'limit'>): Promise<string> => {
    const { text, parameters } = listStatement({ ...filter, limit: 21 })
    const [row] = await sql.unsafe<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
      `explain (format json) ${text}`,
      parameters,
    )
    const limit = nodesOf(row?.['QUERY PLAN'][0].Plan).find(node => node['Node Type'] === 'Limit')
    return nodesOf(limit?.Plans?.[0])
      .map(node => node['Index Name'] ?? node['Node Type'])
      .join(', ')
  }
  const after = { atMs: Date.UTC(2020, 3, 1), id: 5 }
  const inOrder = /^idx_blogs_(published|status_created_at)$/
  const collected = /^Sort, Bitmap Heap Scan, idx_blogs_tags$/
  t.match(await way({}), inOrder)
  t.match(await way({ after }), inOrder)
  t.match(await way({ tag: 'every-other' }), inOrder)
  t.match(await way({ tag: 'every-other', after }), inOrder)
  t.match(await way({ tag: 'hardly-any' }), collected)
  t.match(await way({ tag: 'nobody-has-it' }), collected)
  t.match(await way({ author: 7 }), /idx_blogs_author/)
  t.match(await way({ author: 7, tag: 'every-other' }), /idx_blogs_author/)
  t.notOk(listStatement({ tag: 'every-other', limit: 21 }).prepare, 'a prepared plan would be one for all tags')
  t.ok(listStatement({ author: 7, limit: 21 }).prepare)
})

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  Plans?: PlanNode[]
}

function nodesOf(node: PlanNode | undefined): PlanNode[] {
  return node === undefined ? [] : [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}
