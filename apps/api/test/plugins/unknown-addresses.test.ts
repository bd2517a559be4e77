import t from 'tap'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const { app } = await testApp(t, NO_DATABASE, { app: { corsOrigins: ['https://app.example.org'] } })
let handled = 0
app.register((app, _options, done) => {
  app.post('/things', { schema: probeSchema, config: { access: 'public' } }, async () => {
    handled += 1
    return {}
  })
  done()
})

await t.test('an address that no route has is a problem document, whatever its method', async t => {
  for (const [method, url] of [
    ['GET', '/nowhere'],
    ['POST', '/nowhere'],
    ['OPTIONS', '/nowhere'],
    ['GET', '/API/COURSES'],
    ['GET', '//api/courses'],
    ['GET', '/api%2Fcourses'],
    ['DELETE', '/api%2Fcourses'],
    ['GET', '/api/courses;x=1'],
    ['PUT', '/api/courses/1/2'],
    ['OPTIONS', '*'],
  ] as const) {
    const response = await app.inject({ method, url })
    t.equal(response.statusCode, 404, `${method} ${url}`)
    t.notOk(response.headers.allow)
    t.match(response.headers, {
      'content-type': /^application\/problem\+json/,
      'content-security-policy': /^default-src 'none'/,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    t.match(response.json(), {
      type: 'urn:plimsoll:problem:api-err-route-not-found',
      status: 404,
      code: 'API_ERR_ROUTE_NOT_FOUND',
      requestId: response.headers['x-request-id'],
    })
  }
})

await t.test('a method that an address does not have is refused with the ones that it has', async t => {
  for (const [method, url, allow] of [
    ['DELETE', '/api/courses', 'GET, HEAD, OPTIONS'],
    ['POST', '/api/courses?limit=5', 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/courses/1', 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/courses/a%20name', 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/c%6Furses', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/health', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/health', 'GET, HEAD, OPTIONS'],
    ['QUERY', '/health', 'GET, HEAD, OPTIONS'],
    ['GET', '/things', 'POST, OPTIONS'],
    ['HEAD', '/things', 'POST, OPTIONS'],
    ['DELETE', '/api/blogs/1', 'GET, HEAD, PUT, OPTIONS'],
  ] as const) {
    // Not one of inject's names for methods, but one of Node's.
    const response = await app.inject({ method: method as 'GET', url })
    t.match(response, { statusCode: 405, headers: { allow, 'cache-control': 'no-store' } }, `${method} ${url}`)
    if (method !== 'HEAD') t.match(response.json(), { status: 405, code: 'API_ERR_METHOD_NOT_ALLOWED' })
  }
})

await t.test('OPTIONS lists the methods of an address; a preflight is answered by CORS as before', async t => {
  const plain = await app.inject({ method: 'OPTIONS', url: '/api/courses' })
  t.match(plain, { statusCode: 204, body: '', headers: { allow: 'GET, HEAD, OPTIONS' } })
  const headers = { origin: 'https://app.example.org', 'access-control-request-method': 'GET' }
  const preflight = await app.inject({ method: 'OPTIONS', url: '/api/courses', headers })
  t.match(preflight, {
    statusCode: 204,
    headers: { 'access-control-allow-origin': 'https://app.example.org', 'access-control-allow-methods': /GET/ },
  })
  const stranger = await app.inject({
    method: 'OPTIONS',
    url: '/api/courses',
    headers: { ...headers, origin: 'https://evil.example' },
  })
  t.match(stranger, { statusCode: 204, headers: { allow: 'GET, HEAD, OPTIONS' } })
  t.notOk(stranger.headers['access-control-allow-origin'])
})

await t.test('the body is not looked at: neither its type, nor its size, nor what is in it', async t => {
  for (const [contentType, payload] of [
    ['application/json', '{'],
    ['application/json', ''],
    ['application/json', JSON.stringify('x'.repeat(100_000))],
    ['text/plain', 'x'],
    ['nonsense', 'x'],
  ] as const) {
    const headers = { 'content-type': contentType }
    t.equal((await app.inject({ method: 'POST', url: '/nowhere', headers, payload })).statusCode, 404, contentType)
    t.equal((await app.inject({ method: 'DELETE', url: '/things', headers, payload })).statusCode, 405)
  }
  t.equal(handled, 0)
})

await t.test('a file that the documentation page does not have is not found, rather than a wrong method', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'development' } })
  t.equal((await app.inject({ url: '/documentation/' })).statusCode, 200)
  for (const url of ['/documentation/static/nothing.js', '/documentation/nothing'])
    t.match((await app.inject({ url })).json(), { status: 404, code: 'API_ERR_ROUTE_NOT_FOUND' }, url)
})
