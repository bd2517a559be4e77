// What caches on the way are told, seen from outside: over real sockets where the bytes matter.
import t from 'tap'
import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { AddressInfo } from 'node:net'
import { Type } from 'typebox'
import { rawClient, until, type HttpResponse } from '@plimsoll/testing'
import { KINDS } from '../../src/cache/kinds.ts'
import { courseTags } from '../../src/resources/courses/cache.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, probeSchema, testApp } from '../fixture/test-app.ts'

const database = await demoDatabase(t)
const { app, dependencies } = await testApp(t, database.url, { cache: NO_CACHE })

/** Values as short-lived as a test needs them; which of them are asked for is counted. */
const loads: string[] = []
let isDown = false
const short = dependencies.cache.namespace<{ id: string }>('test.short', {
  ...KINDS.courses,
  ttlMs: 40,
  staleWhileRevalidateMs: 0,
  jitter: 0,
  load: ({ key }) => {
    loads.push(key)
    if (isDown) throw new Error('down')
    return { id: key }
  },
})
let version = 3
const long = Object.freeze({ text: 'again and again '.repeat(200) })
app.register((app, _options, done) => {
  const schema = {
    ...probeSchema,
    params: Type.Object({ id: Type.String() }),
    response: { 200: Type.Object({ id: Type.String() }) },
  }
  app.get('/short/:id', { schema, config: { access: 'public', caching: 'courses' } }, request =>
    short.getOrLoad((request.params as { id: string }).id, undefined, request.caller),
  )
  app.get('/own', { schema: probeSchema, config: { access: 'public', caching: 'user' } }, () => ({ name: 'Ann' }))
  app.get('/uncached', { schema: probeSchema, config: { access: 'public', caching: 'blogs' } }, () => ({ at: version }))
  app.get('/strong', { schema: probeSchema, config: { access: 'public', caching: 'blogs' } }, (_request, reply) => {
    void reply.header('etag', `"12-${version}"`).header('cache-control', 'public, max-age=1')
    return reply.send(long)
  })
  app.get(
    '/other-status',
    { schema: { ...probeSchema, response: { 202: {} } }, config: { access: 'public', caching: 'blogs' } },
    (_request, reply) => reply.code(202).send({ state: 'begun' }),
  )
  app.get('/says-nothing', { schema: probeSchema, config: { access: 'public' } }, () => ({ a: 1 }))
  done()
})
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.server.address() as AddressInfo

type Headers = Readonly<Record<string, string>>
const ask = (url: string, headers: Headers = {}, method: 'GET' | 'HEAD' = 'GET') => app.inject({ url, headers, method })

/** Over a connection of its own, until the server has closed it: every byte that came. */
async function bytes(path: string, headers: Headers = {}, method = 'GET'): Promise<HttpResponse> {
  const peer = await rawClient(t, port)
  const fields = Object.entries({ host: 'x', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  await peer.write(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`)
  const response = await peer.readResponse({ method })
  await peer.expectClosed()
  t.equal(peer.unread.length, 0, 'and not a byte more')
  return response
}

/** What an answer says of itself as an answer to be kept. */
const KEPT = ['cache-control', 'cache-status', 'etag', 'vary', 'date', 'expires', 'content-location'] as const

await t.test(
  'an answer from the database is a miss, the next one a hit, both kept no longer than they are fresh',
  async t => {
    const [miss, hit] = [await ask('/api/courses/1'), await ask('/api/courses/1')]
    t.equal(miss.headers['cache-status'], 'plimsoll-api; fwd=miss')
    t.match(hit.headers['cache-status'], /^plimsoll-api; hit; ttl=\d{3}; detail=memory$/)
    const ttlS = Number(/ttl=(\d+)/.exec(String(hit.headers['cache-status']))?.[1])
    t.equal(
      hit.headers['cache-control'],
      `public, max-age=60, s-maxage=${ttlS}, stale-while-revalidate=30, stale-if-error=600`,
    )
    t.equal(hit.headers['age'], undefined)
    t.match(hit.headers, { etag: miss.headers.etag as string, vary: 'Origin, accept-encoding' })
    t.equal(hit.body, miss.body)
  },
)

await t.test(
  'what is past its time is a hit with a negative ttl, and is asked for again by whoever gets it',
  async t => {
    t.equal((await ask('/short/a')).headers['cache-status'], 'plimsoll-api; fwd=miss')
    isDown = true
    await until(async () => /ttl=-/.test(String((await ask('/short/a')).headers['cache-status'])), {
      what: 'a stale answer',
    })
    const stale = await ask('/short/a')
    t.match(stale.headers, {
      'cache-status': /^plimsoll-api; hit; ttl=-\d+; detail=memory$/,
      'cache-control': 'no-cache',
    })
    t.same([stale.statusCode, stale.json()], [200, { id: 'a' }])
    isDown = false
    t.match(
      (await ask('/short/a')).headers,
      { 'cache-status': 'plimsoll-api; fwd=miss' },
      'and no longer when it is back',
    )
  },
)

await t.test('own data, kinds without a cache behind, other statuses, errors, and routes that say nothing', async t => {
  t.match((await ask('/own')).headers, { 'cache-control': 'private, no-cache', etag: /^W\// })
  const uncached = (await ask('/uncached')).headers
  t.match(uncached, { 'cache-control': /s-maxage=600/, etag: /^W\// })
  t.notOk(uncached['cache-status'])
  const other = await ask('/other-status')
  t.same([other.statusCode, other.headers['etag'], other.headers['cache-control']], [202, undefined, undefined])
  for (const url of ['/api/courses/999999', '/api/courses/x', '/api/courses?cursor=x']) {
    const { headers } = await ask(url, { 'if-none-match': '*' })
    t.same(
      [headers['cache-control'], headers['etag'], headers['cache-status']],
      ['no-store', undefined, undefined],
      url,
    )
  }
  const nothing = await ask('/says-nothing', { 'if-none-match': '*' })
  t.same([nothing.statusCode, nothing.headers['etag'], nothing.headers['cache-control']], [200, undefined, undefined])
})

await t.test('with credentials nothing is stored, but a tag that still holds saves the body', async t => {
  const { etag } = (await ask('/api/courses/1')).headers as Headers
  for (const credentials of [{ authorization: 'Bearer x' }, { cookie: 'a=b' }] as Headers[]) {
    t.equal((await ask('/api/courses/1', credentials)).headers['cache-control'], 'no-store')
    const again = await ask('/api/courses/1', { ...credentials, 'if-none-match': etag ?? '' })
    t.same([again.statusCode, again.headers['cache-control']], [304, 'no-store'])
  }
})

await t.test('a tag that still holds is answered 304: the fields of the 200, and no byte of a body', async t => {
  for (const [path, accepted] of [
    ['/api/courses/1', undefined],
    ['/api/courses?limit=20', 'br'],
    ['/api/courses?limit=20', 'gzip'],
    ['/strong', 'gzip'],
    ['/openapi.json', 'br'],
  ] as const) {
    const headers: Headers = accepted === undefined ? {} : { 'accept-encoding': accepted }
    // Twice: compressed for the first, kept for the second.
    const whole = await bytes(path, headers)
    const again = await bytes(path, headers)
    t.equal(whole.status, 200)
    t.equal(whole.header('content-encoding'), accepted)
    t.ok(again.body.equals(whole.body), 'the bytes that were kept are the bytes')
    for (const [condition, method] of [
      [whole.header('etag') ?? '', 'GET'],
      [`"other", ${whole.header('etag')}`, 'GET'],
      ['*', 'GET'],
      [whole.header('etag') ?? '', 'HEAD'],
    ] as const) {
      const held = await bytes(path, { ...headers, 'if-none-match': condition }, method)
      t.equal(held.status, 304, `${method} ${path} ${condition}`)
      t.equal(held.framing, 'none')
      for (const name of KEPT.filter(name => name !== 'date' && name !== 'cache-control' && name !== 'cache-status'))
        t.equal(held.header(name), again.header(name), name)
      for (const name of ['date', 'cache-control', 'cache-status'])
        t.equal(held.header(name) === undefined, again.header(name) === undefined, name)
      for (const name of ['content-length', 'content-type', 'content-encoding', 'transfer-encoding'])
        t.equal(held.header(name), undefined, name)
    }
    const head = await bytes(path, headers, 'HEAD')
    t.equal(head.status, 200)
    for (const name of ['etag', 'vary', 'content-type', 'content-encoding', 'content-length'])
      t.equal(head.header(name), again.header(name), `HEAD ${path} ${name}`)
  }
})

await t.test(
  'whatever a condition says, the answer is the body or 304, and the body only when no tag names it',
  async t => {
    const { etag } = (await ask('/uncached')).headers as Headers
    const part = fc.oneof(
      fc.constantFrom(etag ?? '', 'W/"x"', '"y"', '*', ',', ' ', '"', 'W/'),
      fc.string({ maxLength: 5 }),
    )
    const fields = fc.array(part, { maxLength: 6 }).map(parts => parts.join('').replaceAll(/[^\t\x20-\x7e]/g, ''))
    await fc.assert(
      fc.asyncProperty(fields, async field => {
        const { statusCode, body } = await ask('/uncached', { 'if-none-match': field })
        if (statusCode === 304) return body === '' && (field.includes(etag?.slice(2) ?? '') || field.trim() === '*')
        return statusCode === 200 && body !== ''
      }),
      { numRuns: 150 },
    )
    t.pass('150 conditions')
  },
)

await t.test('If-Match comes before If-None-Match, and dates don’t count', async t => {
  const { etag } = (await ask('/strong')).headers as Headers
  t.equal(etag, '"12-3"')
  const status = async (url: string, headers: Headers) => (await ask(url, headers)).statusCode
  t.equal(await status('/strong', { 'if-match': '"12-3"' }), 200)
  t.equal(await status('/strong', { 'if-match': '"12-3;br"', 'if-none-match': '"12-3"' }), 304)
  t.equal(await status('/strong', { 'if-match': '"12-2"', 'if-none-match': '"12-3"' }), 412)
  t.equal(
    await status('/uncached', { 'if-match': String((await ask('/uncached')).headers.etag) }),
    412,
    'a weak tag names nothing',
  )
  t.equal(await status('/uncached', { 'if-match': '*' }), 200)
  const later = new Date(Date.now() + 86_400_000).toUTCString()
  t.equal(
    await status('/uncached', { 'if-modified-since': later, 'if-unmodified-since': new Date(0).toUTCString() }),
    200,
  )
  const refused = await ask('/strong', { 'if-match': '"12-2"' })
  t.match(refused.json(), { code: 'API_ERR_PRECONDITION_FAILED' })
  t.match(refused.headers, { 'cache-control': 'no-store', 'content-type': /problem\+json/ })
})

await t.test('a strong tag is one of its bytes: each coding has its own, and all of them mean the same', async t => {
  const tag = async (accepted: string) => (await ask('/strong', { 'accept-encoding': accepted })).headers['etag']
  const tags = []
  for (const accepted of ['identity', 'gzip', 'br']) {
    tags.push(await tag(accepted))
    for (const wording of [accepted, `${accepted};q=0.9`, `${accepted};q=0.9`]) t.equal(await tag(wording), tags.at(-1))
  }
  t.same(tags, ['"12-3"', '"12-3;gzip"', '"12-3;br"'])
  t.equal((await ask('/strong')).headers['cache-control'], 'public, max-age=1', 'what the route has said stays')
  version = 4
  t.equal((await ask('/strong', { 'if-none-match': tags.join(', ') })).statusCode, 200, 'and of one version')
})

await t.test(
  'what is not compressed yet says only what is known: HEAD no length, 304 the tag that the client has',
  async t => {
    version = 5
    const accepts = { 'accept-encoding': 'gzip' }
    const fresh = Object.freeze({ text: 'never asked for before '.repeat(200) })
    const { app } = await testApp(t, database.url, { cache: NO_CACHE })
    app.register((app, _options, done) => {
      app.get('/fresh', { schema: probeSchema, config: { access: 'public', caching: 'blogs' } }, (_request, reply) => {
        void reply.header('etag', '"7-1"')
        return reply.send(fresh)
      })
      done()
    })
    const head = () => app.inject({ method: 'HEAD', url: '/fresh', headers: accepts })
    const before = await head()
    t.match(before, {
      statusCode: 200,
      headers: { 'content-length': undefined, etag: undefined, vary: /accept-encoding/ },
    })
    const held = await app.inject({ url: '/fresh', headers: { ...accepts, 'if-none-match': '"7-0", "7-1;gzip"' } })
    t.match(held, { statusCode: 304, headers: { etag: '"7-1;gzip"' } })
    t.match((await app.inject({ method: 'HEAD', url: '/fresh' })).headers, { etag: '"7-1"', 'content-length': /^\d+$/ })
    const got = await app.inject({ url: '/fresh', headers: accepts })
    const after = await head()
    for (const name of ['etag', 'content-length', 'content-encoding'])
      t.equal(after.headers[name], got.headers[name], `HEAD's ${name} is GET's`)
  },
)

await t.test(
  'a deadline that ends while the body is compressed spoils neither this answer nor a later one',
  async t => {
    const { app } = await testApp(t, database.url, { cache: NO_CACHE, app: { trustedProxies: ['127.0.0.1'] } })
    let value = {}
    app.register((app, _options, done) => {
      const schema = { ...probeSchema, response: { 200: Type.Object({ text: Type.String() }) } }
      app.get('/big', { schema, config: { access: 'public', caching: 'blogs' } }, () => value)
      app.get('/plain', { schema, config: { access: 'public' } }, () => value)
      done()
    })
    const whole = (answer: { rawPayload: Buffer; headers: object }) => {
      const { 'content-encoding': coding } = answer.headers as Headers
      return JSON.parse(
        (coding === 'br' ? brotliDecompressSync(answer.rawPayload) : answer.rawPayload).toString(),
      ) as object
    }
    for (const ms of [1, 2, 3, 5, 8]) {
      for (const url of ['/big', '/plain']) {
        value = Object.freeze({ text: randomBytes(300_000).toString('base64') })
        const headers = { 'accept-encoding': 'br' }
        const answer = await app.inject({ url, headers: { ...headers, 'x-request-deadline-ms': String(ms) } })
        if (answer.statusCode === 200) t.strictSame(whole(answer), value, `${url}: all of it`)
        else {
          t.match(whole(answer), { status: 503, code: 'API_ERR_DEADLINE' })
          t.match(answer.headers, { 'content-encoding': undefined, etag: undefined, 'cache-control': 'no-store' })
        }
        t.strictSame(whole(await app.inject({ url, headers })), value, `${url}: all of it for the next client`)
      }
    }
  },
)

await t.test('what is compressed once is right for everybody, and only for those who take it', async t => {
  const plain = await ask('/api/courses?limit=50')
  for (let round = 0; round < 3; round++) {
    for (const [accepted, decompress] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync],
      ['gzip;q=0.5, br;q=0.1', gunzipSync],
      ['identity', (body: Buffer) => body],
      ['br;q=0', (body: Buffer) => body],
    ] as const) {
      const { rawPayload, headers } = await ask('/api/courses?limit=50', { 'accept-encoding': accepted })
      t.equal(decompress(rawPayload).toString(), plain.body, accepted)
      t.equal(headers['etag'], plain.headers['etag'])
      if (round > 0) t.equal(Number(headers['content-length']), rawPayload.length, 'known from the second time on')
    }
    const refused = await ask('/api/courses?limit=50', { 'accept-encoding': 'br', 'x-no-compression': '1' })
    t.equal(refused.body, plain.body)
  }
})

await t.test('a change has another tag, and whoever asks with the old one gets the new body', async t => {
  const before = await ask('/api/courses/2')
  const { sql } = database
  await sql`update courses set title = 'Quite another title' where id = 2`
  await dependencies.cache.invalidateTags([courseTags.one(2)])
  const after = await ask('/api/courses/2', { 'if-none-match': String(before.headers.etag) })
  t.equal(after.statusCode, 200)
  t.equal(after.json<{ title: string }>().title, 'Quite another title')
  t.not(after.headers['etag'], before.headers['etag'])
  const back = await ask('/api/courses/2', { 'if-none-match': String(after.headers.etag) })
  t.equal(back.statusCode, 304)
})

await t.test('the document says that a route may answer 304', async t => {
  const { paths } = (await ask('/openapi.json')).json<{
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
  }>()
  t.match(paths['/api/courses/{id}']?.['get']?.responses['304'], { description: /If-None-Match/ })
})

await t.test('without caching there are neither tags nor conditions, and nothing is to be kept', async t => {
  const { app } = await testApp(t, database.url, { features: { caching: false } })
  app.register((app, _options, done) => {
    app.get('/strong', { schema: probeSchema, config: { access: 'public' } }, (_request, reply) =>
      reply.header('etag', '"1-a"').send(long),
    )
    done()
  })
  const { headers, statusCode } = await app.inject({ url: '/api/courses/1', headers: { 'if-none-match': '*' } })
  t.same([statusCode, headers['cache-control'], headers['etag']], [200, 'no-store', undefined])
  for (const [accepted, tag] of [
    ['identity', '"1-a"'],
    ['br', '"1-a;br"'],
    ['gzip', '"1-a;gzip"'],
  ] as const)
    t.equal((await app.inject({ url: '/strong', headers: { 'accept-encoding': accepted } })).headers['etag'], tag)
})
