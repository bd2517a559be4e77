// What every answer says to browsers and caches, whichever part of the program gave it, and what a failure tells of the inside: nothing.
import t from 'tap'
import { randomBytes } from 'node:crypto'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const operatorToken = randomBytes(32).toString('base64url')
const operator = { authorization: `Bearer ${operatorToken}` }
const ORIGIN = 'https://app.example.org'
const INSIDE = 'select secret from /srv/app.ts where host = db-7'

const { app } = await testApp(t, NO_DATABASE, {
  app: {
    operatorToken,
    corsOrigins: [ORIGIN, 'https://*.example.net'],
    trustedProxies: ['127.0.0.1'],
    maxBodyBytes: 2048,
  },
  cache: {},
})
const routes: { method: string; url: string }[] = []
app.addHook('onRoute', ({ method, url, schema }) => {
  if (method !== 'HEAD' && schema?.hide !== true)
    routes.push({ method: String(method), url: url.replaceAll(/:\w+/g, '1') })
})
app.register((app, _options, done) => {
  app.get('/breaks', { schema: probeSchema, config: { access: 'public' } }, () => {
    throw Object.assign(new Error(INSIDE, { cause: new Error(INSIDE) }), { detail: INSIDE, hint: INSIDE })
  })
  done()
})
await app.ready()
const tag = String((await app.inject({ url: '/openapi.json' })).headers['etag'])

const json = { 'content-type': 'application/json' }
interface Asked extends InjectOptions {
  readonly url: string
}
const post = (payload: string, headers: object): Asked => ({
  method: 'POST',
  url: '/performance/cache/clear',
  payload,
  headers: { ...operator, ...headers },
})
/** One of each kind, by the status that it has. */
const KINDS: readonly (readonly [status: number, options: Asked])[] = [
  [200, { url: '/health/live' }],
  [200, { url: '/openapi.json' }],
  [204, { method: 'OPTIONS', url: '/openapi.json' }],
  [304, { url: '/openapi.json', headers: { 'if-none-match': tag } }],
  [400, { url: '/api/courses?limit=0' }],
  [400, { url: '/api/courses/%E0%A4%A' }],
  [400, post('{', json)],
  [401, { url: '/performance/metrics' }],
  [404, { url: '/nowhere' }],
  [405, { method: 'DELETE', url: '/openapi.json' }],
  [413, post('x'.repeat(2049), json)],
  [414, { url: `/api/courses/${'1'.repeat(129)}` }],
  [415, post('x', { 'content-type': 'text/plain' })],
  [500, { url: '/breaks' }],
  [503, { url: '/api/courses' }],
]
/** Addresses that can't be read: no hook runs for them, and their answers hold nothing that an origin or a cache could want. */
const UNREADABLE: ReadonlySet<string> = new Set(['/api/courses/%E0%A4%A', `/api/courses/${'1'.repeat(129)}`])
const SAFE_FIELDS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-xss-protection': '0',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}
const HSTS = 'max-age=31536000; includeSubDomains'
const fieldsOf = ({ headers }: LightMyRequestResponse) => headers as Record<string, string | undefined>

await t.test('whatever is answered forbids loading, framing, sniffing, and naming where it came from', async t => {
  for (const [status, options] of KINDS) {
    const answer = await app.inject({ ...options, headers: { ...options.headers, 'x-forwarded-proto': 'https' } })
    const fields = fieldsOf(answer)
    const what = `${status} ${options.url.slice(0, 40)}`
    t.equal(answer.statusCode, status, what)
    t.match(fields, SAFE_FIELDS, what)
    if (!UNREADABLE.has(options.url)) t.match(fields, { 'strict-transport-security': HSTS, vary: /\bOrigin\b/i }, what)
    for (const name of ['server', 'x-powered-by', 'via']) t.notOk(name in fields, `${what} ${name}`)
    if (status >= 400) t.equal(fields['cache-control'], 'no-store', what)
    if (options.headers !== undefined && 'authorization' in options.headers)
      t.equal(fields['cache-control'], 'no-store', what)
  }
})

await t.test('a listed origin reads answers of every kind, with credentials; another one none', async t => {
  const others = ['null', 'https://evil.example', `${ORIGIN}.evil.example`, 'https://xn--bcher-kva.example', `${ORIGIN}.`, `${ORIGIN}:443`, 'https://a.example.net.', 'https://bücher.example.net', 'https://a.example.net@evil.example', 'HTTPS://A.EXAMPLE.NET', 'https://a.example.net/', 'https://evilexample.net', `https://${'a.'.repeat(2000)}example.net!`, 'https://a.example.net https://evil.example'] // prettier-ignore
  for (const [status, options] of KINDS) {
    const asked = async (origin: string) => fieldsOf(await app.inject({ ...options, headers: { ...options.headers, origin } })) // prettier-ignore
    const listed = UNREADABLE.has(options.url)
      ? []
      : [ORIGIN, 'https://a.example.net', 'https://xn--bcher-kva.example.net']
    for (const origin of listed)
      t.match(
        await asked(origin),
        { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: /\bOrigin\b/i },
        `${status} ${origin}`,
      )
    for (const origin of others) {
      const fields = await asked(origin)
      const said = Object.keys(fields).filter(name => /^access-control-allow-(?:origin|credentials)$/.test(name))
      t.same(said, [], `${status} ${origin.slice(0, 60)}`)
    }
  }
})

await t.test('a preflight is good for a day, and for no method that no route has', async t => {
  const preflight = async (method: string) =>
    fieldsOf(
      await app.inject({
        method: 'OPTIONS',
        url: '/api/courses',
        headers: { origin: ORIGIN, 'access-control-request-method': method },
      }),
    )
  t.equal((await preflight('PUT'))['access-control-max-age'], '86400')
  const allowed = String((await preflight('PATCH'))['access-control-allow-methods']).split(', ')
  t.same(allowed, ['GET', 'POST', 'PUT', 'DELETE'])
  const used = new Set(routes.map(({ method }) => method))
  t.same(
    [...used].filter(method => !allowed.includes(method)),
    [],
  )
})

await t.test(
  'no answer sets a cookie, and none signs anybody in: no page can act in the name of who has one',
  async t => {
    for (const { method, url } of routes) {
      const asked = async (headers: Record<string, string>) => app.inject({ method: method as 'GET', url, headers })
      const plain = await asked({})
      const withCookie = await asked({ cookie: `session=${operatorToken}; authorization=Bearer ${operatorToken}` })
      t.equal(withCookie.statusCode, plain.statusCode, `${method} ${url}`)
      t.notOk('set-cookie' in plain.headers || 'set-cookie' in withCookie.headers, `${method} ${url}`)
    }
  },
)

await t.test('a failure is the same few words whatever has failed, and an id', async t => {
  const words = new Map<string, Set<string>>()
  for (const { method, url } of [...routes, { method: 'GET', url: '/breaks' }]) {
    for (const headers of [{}, operator]) {
      const answer = await app.inject({ method: method as 'GET', url, headers })
      if (!/problem\+json/.test(String(answer.headers['content-type']))) continue
      t.notMatch(
        answer.body + JSON.stringify(answer.headers),
        /select|srv|db-7|secret-password|127\.0\.0\.1|\.ts:|node_modules|ECONN/,
        url,
      )
      if (answer.statusCode < 500) continue
      const { code, requestId, ...others } = answer.json<Record<string, string>>()
      t.equal(requestId, answer.headers['x-request-id'])
      words.set(String(code), (words.get(String(code)) ?? new Set()).add(JSON.stringify(others)))
    }
  }
  t.ok(words.has('API_ERR_INTERNAL'))
  t.ok(words.has('API_ERR_DATABASE_UNAVAILABLE'))
  for (const [code, texts] of words) t.equal(texts.size, 1, `${code}: ${[...texts].join(' ')}`)
})

await t.test('the page of the documentation runs no script and no style that stands in it', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'development' } })
  for (const url of ['/documentation', '/documentation/']) {
    const { body, headers } = await app.inject({ url })
    const policy = String(headers['content-security-policy'])
    t.match(policy, /default-src 'self'/)
    t.match(policy, /frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe|\*|https?:/)
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.match(body, /<script src=/)
    t.notMatch(
      body,
      /<script(?![^>]*\bsrc=)|<style|\bstyle=|\son[a-z]+=|javascript:/i,
      'else it would need unsafe-inline',
    )
  }
})
