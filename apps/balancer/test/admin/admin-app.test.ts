// Who gets in, and what everybody else is answered: over real sockets, byte by byte where a decent client wouldn't send it.
import { leakCheck, rawClient, type HttpResponse } from '@plimsoll/testing'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import t, { type Test } from 'tap'
import { FIRST, SECOND } from './fake-control.ts'
import { startAdmin, TOKEN, type RunningAdmin } from './start-admin.ts'

leakCheck(t)

const encoded = encodeURIComponent

/** Sends bytes, takes one answer. */
async function answerTo(t: Test, port: number, bytes: string, method = 'GET'): Promise<HttpResponse> {
  const client = await rawClient(t, port)
  void client.write(bytes)
  return client.readResponse({ method })
}

/** A request with a right token, unless `fields` says other. */
function request(target: string, fields: Record<string, string> = {}, method = 'GET', body = ''): string {
  const all = { Host: '127.0.0.1', Authorization: `Bearer ${TOKEN}`, Connection: 'close', ...fields }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

function problemIn(response: HttpResponse): Record<string, unknown> {
  return JSON.parse(response.body.toString()) as Record<string, unknown>
}

/** Every answer, good or bad, keeps browsers and caches out. */
function checkHeaders(t: Test, response: HttpResponse, what: string): void {
  t.equal(response.header('cache-control'), 'no-store', what)
  t.equal(response.header('x-content-type-options'), 'nosniff', what)
  t.match(response.header('content-security-policy'), /default-src 'none'/, what)
  t.equal(response.header('cross-origin-resource-policy'), 'same-origin', what)
  t.notOk(
    response.headers.some(([name]) => name.toLowerCase().startsWith('access-control-')),
    what,
  )
}

async function refused(t: Test, admin: RunningAdmin, bytes: string, status: number, code: string, method = 'GET') {
  const what = JSON.stringify(bytes.slice(0, 120))
  const response = await answerTo(t, admin.port, bytes, method)
  t.equal(response.status, status, what)
  t.ok(response.header('content-type')?.startsWith(PROBLEM_MEDIA_TYPE), what)
  if (method !== 'HEAD') t.match(problemIn(response), { status, code }, what)
  checkHeaders(t, response, what)
  return response
}

await t.test('health and metrics need no token, everything below /admin does', async t => {
  const admin = await startAdmin(t)
  for (const path of ['/health', '/metrics'])
    t.equal((await answerTo(t, admin.port, request(path, { Authorization: '' }))).status, 200, path)
  for (const path of [
    '/admin',
    '/admin/',
    '/admin/pools',
    '/admin/upstreams',
    `/admin/upstreams/${encoded(FIRST)}`,
    '/admin/explain?request-id=a-1',
    '/admin/decisions',
    '/admin/config',
    '/admin/openapi.json',
    '/admin/nothing',
    '/%61dmin/config',
    '/admin/%63onfig',
    '/admin/config?x=/health',
    '/admin/config;x',
    '/admin//config',
  ]) {
    const response = await answerTo(t, admin.port, request(path, { Authorization: 'Bearer wrong' }))
    t.notOk(response.body.includes('8080'), path)
    t.equal(response.status, 401, path)
    t.match(response.header('www-authenticate'), /^Bearer realm=/, path)
    checkHeaders(t, response, path)
    admin.advance(60_000)
  }
  t.same(admin.control.changes, [])
})

await t.test('no change is made without the token, whatever else is right', async t => {
  const admin = await startAdmin(t)
  const body = '{"state":"draining"}'
  const fields = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) }
  for (const Authorization of ['', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.toUpperCase()}`, `Basic ${TOKEN}`, TOKEN])
    await refused(
      t,
      admin,
      request('/admin/upstreams', { ...fields, Authorization }, 'PATCH', body),
      401,
      'LB_ERR_ADMIN_UNAUTHORIZED',
    )
  t.same(admin.control.changes, [])
  t.equal((await answerTo(t, admin.port, request('/admin/upstreams', fields, 'PATCH', body))).status, 200)
  t.equal(admin.control.changes.length, 2)
})

await t.test('the challenge says whether a token was sent (RFC 6750, 3)', async t => {
  const admin = await startAdmin(t)
  const bare = 'GET /admin/config HTTP/1.1\r\nHost: localhost\r\n\r\n'
  t.equal((await answerTo(t, admin.port, bare)).header('www-authenticate'), 'Bearer realm="plimsoll admin"')
  const wrong = request('/admin/config', { Authorization: 'Bearer wrong' })
  t.match((await answerTo(t, admin.port, wrong)).header('www-authenticate'), /error="invalid_token"/)
})

await t.test(
  'ten wrong tokens block the address for a minute, the right one included; missing ones never do',
  async t => {
    const admin = await startAdmin(t)
    const wrong = request('/admin/config', { Authorization: 'Bearer wrong' })
    const bare = 'GET /admin/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    for (let i = 0; i < 12; i++) await refused(t, admin, bare, 401, 'LB_ERR_ADMIN_UNAUTHORIZED')
    for (let i = 0; i < 10; i++) await refused(t, admin, wrong, 401, 'LB_ERR_ADMIN_UNAUTHORIZED')
    const blocked = await refused(t, admin, request('/admin/config'), 429, 'LB_ERR_ADMIN_THROTTLED')
    t.equal(blocked.header('retry-after'), '60')
    t.equal((await answerTo(t, admin.port, request('/health'))).status, 200)
    t.equal(admin.lines.length, 10, 'each wrong token is a line of the log, a blocked one is not')
    t.match(admin.lines.at(-1), { level: 'warn', facts: { address: '127.0.0.1', blocked: true } })
    t.notOk(JSON.stringify(admin.lines).includes('wrong"'), 'what was sent is nowhere in the log')
    admin.advance(60_000)
    t.equal((await answerTo(t, admin.port, request('/admin/config'))).status, 200)
  },
)

await t.test('a name that anybody could point here is refused: DNS rebinding', async t => {
  const admin = await startAdmin(t, { hosts: ['admin.example.org'] })
  for (const path of ['/health', '/metrics', '/admin/config', '/nothing'])
    for (const Host of ['evil.example', 'evil.example:9901', '127.0.0.1.evil.example', 'localhost.', ''])
      await refused(t, admin, request(path, { Host }), 421, 'LB_ERR_ADMIN_HOST')
  for (const Host of ['127.0.0.1:1', 'localhost:9901', '[::1]', 'ADMIN.example.org:9901'])
    t.equal((await answerTo(t, admin.port, request('/admin/config', { Host }))).status, 200, Host)
})

await t.test('an absolute target counts like Host, and a second Host never does', async t => {
  const admin = await startAdmin(t)
  await refused(t, admin, request('http://evil.example/admin/config'), 421, 'LB_ERR_ADMIN_HOST')
  await refused(t, admin, request('http://127.0.0.1/health', { Host: 'evil.example' }), 421, 'LB_ERR_ADMIN_HOST')
  t.equal((await answerTo(t, admin.port, request('http://127.0.0.1/admin/config'))).status, 200)
  t.equal((await answerTo(t, admin.port, request('http://127.0.0.1/admin/config', { Authorization: '' }))).status, 401)
  const twice = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
  await refused(t, admin, twice, 400, 'LB_ERR_ADMIN_BAD_REQUEST')
})

await t.test('HTTP/1.0 without Host is served, since no browser sends that; HTTP/1.1 is not', async t => {
  const admin = await startAdmin(t)
  t.equal((await answerTo(t, admin.port, 'GET /health HTTP/1.0\r\n\r\n')).status, 200)
  await refused(t, admin, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'LB_ERR_ADMIN_BAD_REQUEST')
})

await t.test('a page of another origin gets nothing, with the token or without, and no CORS field', async t => {
  const admin = await startAdmin(t)
  for (const Origin of ['http://evil.example', 'null', 'http://127.0.0.1', `http://localhost:${admin.port}`, ''])
    for (const path of ['/health', '/admin/config'])
      await refused(t, admin, request(path, { Host: `127.0.0.1:${admin.port}`, Origin }), 403, 'LB_ERR_ADMIN_ORIGIN')
  const preflight = {
    Host: `127.0.0.1:${admin.port}`,
    Origin: 'http://evil.example',
    'Access-Control-Request-Method': 'PATCH',
    'Access-Control-Request-Headers': 'authorization',
  }
  await refused(t, admin, request('/admin/upstreams', preflight, 'OPTIONS'), 403, 'LB_ERR_ADMIN_ORIGIN')
  const own = { Host: `127.0.0.1:${admin.port}`, Origin: `http://127.0.0.1:${admin.port}` }
  const response = await answerTo(t, admin.port, request('/admin/config', own))
  t.equal(response.status, 200)
  checkHeaders(t, response, 'own origin')
})

await t.test('a form can change nothing: only application/json is taken, also without a body', async t => {
  const admin = await startAdmin(t)
  const body = '{"state":"draining"}'
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-patch+json',
    'text/plain, application/json',
    '',
  ])
    await refused(
      t,
      admin,
      request('/admin/upstreams', { 'Content-Type': type, 'Content-Length': String(body.length) }, 'PATCH', body),
      415,
      'LB_ERR_ADMIN_MEDIA_TYPE',
    )
  await refused(t, admin, request('/admin/reload', { 'Content-Length': '0' }, 'POST'), 415, 'LB_ERR_ADMIN_MEDIA_TYPE')
  const zipped = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip', 'Content-Length': '0' }
  await refused(t, admin, request('/admin/reload', zipped, 'POST'), 415, 'LB_ERR_ADMIN_MEDIA_TYPE')
  t.same(admin.control.changes, [])
  const json = { 'Content-Type': 'Application/JSON ; charset=utf-8', 'Content-Length': String(body.length) }
  t.equal((await answerTo(t, admin.port, request('/admin/upstreams', json, 'PATCH', body))).status, 200)
})

await t.test('a body of more than 16 KiB is refused, announced or not, and one of less is read', async t => {
  const admin = await startAdmin(t)
  const big = JSON.stringify({ state: 'x'.repeat(17_000) })
  const json = { 'Content-Type': 'application/json' }
  const announced = { ...json, 'Content-Length': String(big.length) }
  await refused(t, admin, request('/admin/upstreams', announced, 'PATCH', big), 413, 'LB_ERR_ADMIN_BODY_TOO_LARGE')
  const chunked = `${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`
  await refused(
    t,
    admin,
    request('/admin/upstreams', { ...json, 'Transfer-Encoding': 'chunked' }, 'PATCH', chunked),
    413,
    'LB_ERR_ADMIN_BODY_TOO_LARGE',
  )
  const fits = JSON.stringify({ state: 'x'.repeat(15_000) })
  await refused(
    t,
    admin,
    request('/admin/upstreams', { ...json, 'Content-Length': String(fits.length) }, 'PATCH', fits),
    400,
    'LB_ERR_ADMIN_INVALID',
  )
})

await t.test('what is no JSON, or would poison a prototype, changes nothing', async t => {
  const admin = await startAdmin(t)
  for (const body of [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"state":"draining"}x',
    '{"__proto__":{"state":"draining"}}',
    '{"constructor":{"prototype":{"x":1}},"state":"draining"}',
    '\ufeff{"state":"draining"}',
  ])
    await refused(
      t,
      admin,
      request(
        '/admin/upstreams',
        { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body, 'latin1')) },
        'PATCH',
        body,
      ),
      400,
      'LB_ERR_ADMIN_INVALID',
    )
  t.same(admin.control.changes, [])
})

await t.test('an unknown route is 404, a wrong method 405 with what the path answers', async t => {
  const admin = await startAdmin(t)
  for (const path of [
    '/',
    '/healthz',
    '/health/',
    '/HEALTH',
    '/metrics/x',
    '/administrator',
    '/admin/upstreams/a/b',
    '/admin',
  ])
    await refused(t, admin, request(path), 404, 'LB_ERR_ADMIN_NOT_FOUND')
  for (const [method, path, allow] of [
    ['POST', '/health', 'GET, HEAD'],
    ['PROPFIND', '/metrics', 'GET, HEAD'],
    ['OPTIONS', '/health', 'GET, HEAD'],
    ['TRACE', '/health', 'GET, HEAD'],
    ['PUT', '/admin/upstreams', 'GET, HEAD, PATCH'],
    ['DELETE', `/admin/upstreams/${encoded(FIRST)}`, 'GET, HEAD, PATCH'],
    ['GET', '/admin/reload', 'POST'],
    ['QUERY', '/admin/config?x', 'GET, HEAD'],
  ] as const) {
    const fields = method === 'QUERY' ? { 'Content-Type': 'application/json' } : {}
    const response = await refused(t, admin, request(path, fields, method), 405, 'LB_ERR_ADMIN_METHOD', method)
    t.equal(response.header('allow'), allow, `${method} ${path}`)
  }
})

await t.test('HEAD answers like GET, without the content', async t => {
  const admin = await startAdmin(t)
  const response = await answerTo(t, admin.port, request('/admin/config', {}, 'HEAD'), 'HEAD')
  t.equal(response.status, 200)
  t.ok(Number(response.header('content-length')) > 10)
  await refused(t, admin, request('/admin/config', { Authorization: 'Bearer x' }, 'HEAD'), 401, '', 'HEAD')
})

await t.test('bytes that are no request get a problem and a close, and cost nobody else anything', async t => {
  const admin = await startAdmin(t)
  const long = 'x'.repeat(9000)
  for (const [bytes, status, code] of [
    ['hello\r\n\r\n', 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    ['GET /health HTTP/9.9\r\n\r\n', 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    [request('/health', { 'X-Long': long }), 431, 'LB_ERR_ADMIN_HEAD_TOO_LARGE'],
    [request(`/${long}`), 431, 'LB_ERR_ADMIN_HEAD_TOO_LARGE'],
    [request('/health', { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' }), 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    ['GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\nc: d\0\r\n\r\n', 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    ['GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    [request('/admin/upstreams/%ff'), 400, 'LB_ERR_ADMIN_BAD_REQUEST'],
    [request(`/admin/upstreams/${'x'.repeat(600)}`), 404, 'LB_ERR_ADMIN_NO_SUCH_UPSTREAM'],
  ] as const)
    await refused(t, admin, bytes, status, code)
  t.equal((await admin.ask('/health')).status, 200)
})

await t.test('a fault of ours is a 500 that says nothing of it; the log says all', async t => {
  const admin = await startAdmin(t)
  admin.control.metrics = () => Promise.reject(new Error('secret path /etc/x'))
  const response = await refused(t, admin, request('/metrics'), 500, 'LB_ERR_ADMIN_INTERNAL')
  t.notOk(response.raw.includes('secret path'))
  t.match(admin.lines, [{ level: 'error', facts: { err: new Error('secret path /etc/x'), route: '/metrics' } }])
  admin.control.reload = () => {
    throw new TypeError('secret path /etc/y')
  }
  t.equal((await admin.ask('/admin/reload', { method: 'POST' })).status, 500)
})

await t.test('ids are URLs and paths: one percent-encoded segment, decoded once', async t => {
  const admin = await startAdmin(t)
  for (const id of [FIRST, SECOND]) {
    const answer = await admin.ask(`/admin/upstreams/${encoded(id)}`)
    t.equal(answer.status, 200, id)
    t.match(answer.json, { id })
  }
  t.equal((await admin.ask(`/admin/upstreams/${FIRST}`)).status, 404, 'slashes are other segments')
  t.equal((await admin.ask(`/admin/upstreams/${encoded(encoded(FIRST))}`)).status, 404, 'encoded twice is another id')
})
