// Requests of those who look for a way round: on every live route, so that one that's added is asked without a line here.
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { InjectOptions } from 'fastify'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp } from '../fixture/test-app.ts'

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  readonly hasBody: boolean
}

const operatorToken = randomBytes(32).toString('base64url')
const operator = { authorization: `Bearer ${operatorToken}` }
const MAX_BODY_BYTES = 64 * 1024
const database = await demoDatabase(t)
// Without limits: what's asked here is asked often.
const { app } = await testApp(t, database.url, {
  app: { operatorToken, maxBodyBytes: MAX_BODY_BYTES },
  cache: {},
  features: { rateLimit: false },
})
const routes: Route[] = []
app.addHook('onRoute', ({ method, url, schema }) => {
  if (method === 'HEAD' || schema?.hide === true) return
  routes.push({
    method: method as Route['method'],
    url: url.replaceAll(/:\w+/g, '1'),
    hasBody: schema?.body !== undefined,
  })
})
await app.ready()
const withBody = routes.filter(({ hasBody }) => hasBody)

const send = ({ method, url }: Route, payload: string, headers: Record<string, string>) =>
  app.inject({ method, url, payload, headers: { ...operator, 'idempotency-key': 'k', 'if-match': '"1"', ...headers } })

await t.test('a body under any ambiguous type is read by its schema or not at all, on every route', async t => {
  t.ok(withBody.length > 2)
  const types = ['application/json\ta', 'application/json ;x', ' application/json', 'APPLICATION/JSON', 'application/json;', 'application/json;charset=utf-16', 'application/json\u00a0', 'application/jsonp', 'application/json, text/plain', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', ';', ''] // prettier-ignore
  for (const route of withBody) {
    for (const type of types) {
      const { statusCode } = await send(route, '{"surplus":{"$gt":""}}', { 'content-type': type })
      t.ok([400, 401, 415].includes(statusCode), `${route.method} ${route.url} ${JSON.stringify(type)}: ${statusCode}`)
    }
  }
})

await t.test('a key that could poison a prototype is refused on every route', async t => {
  const bodies = [
    '{"__proto__":{"isOperator":true}}',
    '{"\\u005f\\u005fproto__":{"isOperator":true}}',
    '{"constructor":{"prototype":{"isOperator":true}}}',
    '{"deep":[{"__proto__":{"isOperator":true}}]}',
  ]
  for (const route of withBody)
    for (const body of bodies) {
      const { statusCode } = await send(route, body, { 'content-type': 'application/json' })
      t.ok([400, 401].includes(statusCode), `${route.method} ${route.url} ${body}: ${statusCode}`)
    }
  t.equal(Reflect.get({}, 'isOperator'), undefined)
})

await t.test('fields that name another host, path, method or client change nothing', async t => {
  const fields = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '444',
    'x-forwarded-prefix': '/evil',
    'x-host': 'evil.example',
    forwarded: 'host=evil.example;proto=https;for=127.0.0.1',
    'x-original-url': '/performance/metrics',
    'x-rewrite-url': '/performance/metrics',
    'x-http-method-override': 'DELETE',
    'x-http-method': 'DELETE',
    'x-method-override': 'DELETE',
  }
  const once = async (options: InjectOptions) => {
    const { statusCode, headers, body } = await app.inject(options)
    const {
      'x-request-id': id = '',
      'cache-control': caching,
      date: _date,
      'cache-status': _status,
      ...others
    } = headers
    // What's left of a time goes by.
    const kept = String(caching).replaceAll(/\d+/g, 'N')
    const text = body.replaceAll(String(id), 'ID').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    return { statusCode, headers: { ...others, kept }, body: text }
  }
  // What tells of this moment differs from one request to the next.
  const steady = routes.filter(({ method, url }) => method === 'GET' && !/^\/(?:health|performance|metrics|api\/(?:db-test|cache))/.test(url)) // prettier-ignore
  t.ok(steady.length > 4)
  for (const url of [...steady.map(({ url }) => url), '/health/live', '/nowhere', '/api/courses?limit=0']) {
    for (const who of [{}, operator]) {
      // Twice: the first may be the one that loads it.
      await once({ url, headers: who })
      const plain = await once({ url, headers: who })
      t.same(await once({ url, headers: { ...who, ...fields } }), plain, url)
    }
  }
  const put = await app.inject({ method: 'POST', url: '/api/courses', headers: { 'x-http-method-override': 'GET' } })
  t.equal(put.statusCode, 405, 'a method is the one of the request line')
})

await t.test('SQL and operators of other languages are text, or refused, and tables stay as they are', async t => {
  const before = await rows()
  const texts = [
    `'; drop table users; --`,
    `1' or '1'='1`,
    `{"$gt":""}`,
    `1); delete from users; --`,
    `\\'; select 1; --`,
  ]
  for (const { method, url } of routes) {
    for (const text of texts) {
      const path = `${url.replace(/\/1(?=\/|$)/, `/${encodeURIComponent(text)}`)}?cursor=${encodeURIComponent(text)}`
      const { statusCode } = await app.inject({ method, url: path, headers: operator })
      t.ok(statusCode >= 400 && statusCode < 500, `${method} ${path}: ${statusCode}`)
    }
  }
  t.same(await rows(), before)
})

await t.test('a body over the limit is refused when its length is known, and when it has passed it', async t => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const head = (field: string) =>
    `POST /performance/cache/clear HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${operatorToken}\r\ncontent-type: application/json\r\n${field}\r\n\r\n`
  t.match(await answerTo(head(`content-length: ${MAX_BODY_BYTES + 1}`)), /^HTTP\/1\.1 413 /, 'no byte of it was sent')
  const chunk = `${MAX_BODY_BYTES.toString(16)}\r\n${' '.repeat(MAX_BODY_BYTES)}\r\n`
  t.match(
    await answerTo(`${head('transfer-encoding: chunked')}${chunk}${chunk}`),
    /^HTTP\/1\.1 413 /,
    'its end never came',
  )
  // Whoever sends all of it before reading gets the refusal, and may go on: a reset would have taken it along.
  const whole = `${head(`content-length: ${4 * MAX_BODY_BYTES}`)}${' '.repeat(4 * MAX_BODY_BYTES)}`
  const next = 'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
  const both = await everythingAfter(whole + next)
  t.match(both, /^HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 /)
})

/** All that comes back until the connection is closed, read only when everything has been sent. */
function everythingAfter(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1', () =>
      socket.write(bytes, () => socket.resume()),
    )
    let text = ''
    socket.setEncoding('latin1').pause()
    socket.on('data', (piece: string) => (text += piece))
    socket.once('error', reject)
    socket.once('end', () => resolve(text))
  })
}

/** The first line of an answer, while the request isn't at its end. */
function answerTo(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('latin1')
    socket.once('data', (text: string) => {
      socket.destroy()
      resolve(text)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed without an answer')))
  })
}

async function rows(): Promise<unknown> {
  const { sql } = database
  return sql`select (select count(*) from users) as users, (select count(*) from blogs) as blogs, (select count(*) from courses) as courses`
}
