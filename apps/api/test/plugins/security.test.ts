import t from 'tap'
import { isOriginPattern } from '../../src/plugins/security.ts'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

const origins = ['https://app.example.org', 'https://*.example.net', 'http://localhost:5173']
const { app } = await testApp(t, NO_DATABASE, { app: { corsOrigins: origins } })

const ask = (headers: Record<string, string>, method: 'GET' | 'OPTIONS' = 'GET') =>
  app.inject({ method, url: '/health/live', headers })

await t.test('every answer forbids loading, framing, sniffing and naming where it came from', async t => {
  for (const url of ['/health/live', '/nowhere', '/api/courses?limit=0', '/openapi.json']) {
    const { headers } = await app.inject({ url })
    t.match(headers, {
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    })
    t.notOk(headers['server'])
    t.notOk(headers['x-powered-by'])
  }
})

await t.test('HSTS is said over TLS only, on the word of a believed peer', async t => {
  t.equal((await ask({})).headers['strict-transport-security'], undefined)
  t.equal(
    (await ask({ 'x-forwarded-proto': 'https' })).headers['strict-transport-security'],
    undefined,
    'from just anybody',
  )
  const { app } = await testApp(t, NO_DATABASE, { app: { trustedProxies: ['127.0.0.1'] } })
  const { headers } = await app.inject({ url: '/health/live', headers: { 'x-forwarded-proto': 'https' } })
  t.match(headers['strict-transport-security'], /^max-age=(3153600\d|[4-9]\d{7,}); includeSubDomains$/)
})

await t.test('HSTS is for a year in production, for a day in staging, and not said in development', async t => {
  const said = async (environment: 'development' | 'staging') => {
    const { app } = await testApp(t, NO_DATABASE, { app: { environment, trustedProxies: ['127.0.0.1'] } })
    const { headers } = await app.inject({ url: '/health/live', headers: { 'x-forwarded-proto': 'https' } })
    return headers['strict-transport-security']
  }
  t.equal(await said('staging'), 'max-age=86400; includeSubDomains')
  t.equal(await said('development'), undefined)
})

await t.test('switched off, nothing is said to browsers, and no origin is let in', async t => {
  const { app } = await testApp(t, NO_DATABASE, {
    app: { corsOrigins: origins, trustedProxies: ['127.0.0.1'] },
    features: { security: false },
  })
  const answer = await app.inject({
    url: '/health/live',
    headers: { origin: 'https://app.example.org', 'x-forwarded-proto': 'https' },
  })
  t.equal(answer.statusCode, 200)
  for (const name of [
    'content-security-policy',
    'x-frame-options',
    'referrer-policy',
    'cross-origin-resource-policy',
    'strict-transport-security',
    'access-control-allow-origin',
    'access-control-allow-credentials',
  ])
    t.notOk(name in answer.headers, name)
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/health/live',
    headers: { origin: 'https://app.example.org', 'access-control-request-method': 'GET' },
  })
  t.same(
    Object.keys(preflight.headers).filter(name => name.startsWith('access-control-')),
    [],
  )
})

await t.test('listed origins may read with credentials, and answers differ by origin', async t => {
  for (const origin of [
    'https://app.example.org',
    'https://a.example.net',
    'https://a.b-c.example.net',
    'http://localhost:5173',
  ]) {
    const { headers } = await ask({ origin })
    t.match(
      headers,
      { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: /Origin/i },
      origin,
    )
  }
  t.match((await ask({})).headers, { vary: /Origin/i })
})

await t.test('other origins get nothing, however they are spelt', async t => {
  const others = [
    'null',
    'https://example.net',
    'https://app.example.org.evil.com',
    'https://evil-app.example.org',
    'http://app.example.org',
    'https://app.example.org:444',
    'https://x.example.net.evil.com',
    'https://evil.com/.example.net',
    'https://evil.com?.example.net',
    'https://a.example.net:8443',
    'https://.example.net',
    'https://a..example.net',
    'https://A.example.net',
    'https://a@example.net',
    'http://127.0.0.1:5173',
    '*',
    '',
  ]
  for (const origin of others) {
    const { headers } = await ask({ origin })
    t.equal(headers['access-control-allow-origin'], undefined, origin)
    t.equal(headers['access-control-allow-credentials'], undefined, origin)
    t.match(headers['vary'], /Origin/i)
  }
})

await t.test('a preflight of a listed origin is answered for a day, with the methods there are', async t => {
  const { statusCode, headers } = await ask(
    { origin: 'https://app.example.org', 'access-control-request-method': 'PUT' },
    'OPTIONS',
  )
  t.equal(statusCode, 204)
  t.match(headers, {
    'access-control-allow-methods': 'GET, POST, PUT, DELETE',
    'access-control-max-age': '86400',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key',
  })
  const refused = await ask({ origin: 'https://evil.com', 'access-control-request-method': 'PUT' }, 'OPTIONS')
  t.equal(refused.headers['access-control-allow-origin'], undefined)
  t.equal(refused.headers['access-control-allow-methods'], undefined)
})

await t.test('in development every origin of this machine may read, and still no other', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'development' } })
  const allowed = async (origin: string) =>
    (await app.inject({ url: '/health/live', headers: { origin } })).headers['access-control-allow-origin']
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1:8080', 'http://[::1]:1', 'https://localhost'])
    t.equal(await allowed(origin), origin)
  for (const origin of ['null', 'http://localhost.evil.com', 'https://evil.com', 'file://localhost'])
    t.equal(await allowed(origin), undefined, origin)
})

await t.test('an entry of the list is an origin, or one with a wildcard for its subdomains', async t => {
  for (const entry of ['https://a.example', 'http://localhost:5173', 'https://*.example.org'])
    t.equal(isOriginPattern(entry), true, entry)
  for (const entry of [
    '*',
    'https://*',
    'example.org',
    'https://a.example/',
    'https://a.example/path',
    'https://a.*.org',
    'https://*.*.org',
    'null',
    '',
    'https://user@a.example',
  ]) {
    t.equal(isOriginPattern(entry), false, entry)
  }
})
