import t from 'tap'
import { Type } from 'typebox'
import { ApiError } from '../../src/errors.ts'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const { app, logged } = await testApp(t, NO_DATABASE, { app: { maxBodyBytes: 2048 } })
let handled = 0
// As a plugin, like every resource: only then do the plugins before it see its routes.
app.register((app, _options, done) => {
  const body = Type.Object({ title: Type.String() }, { additionalProperties: false })
  app.post('/things', { config: { access: 'public' }, schema: { ...probeSchema, body } }, async () => {
    handled += 1
    return {}
  })
  app.get('/breaks', { schema: probeSchema, config: { access: 'public' } }, async () => {
    throw new Error('select password from users where host = /srv/secret', { cause: new Error('inner secret') })
  })
  app.get('/throws-text', { schema: probeSchema, config: { access: 'public' } }, async () => {
    // oxlint-disable-next-line no-throw-literal -- what a careless dependency may do
    throw 'secret text'
  })
  app.get('/refuses', { schema: probeSchema, config: { access: 'public' } }, async () => {
    throw new ApiError('API_ERR_RATE_LIMITED', 'Wait a little.', { retryAfterS: 7, cause: new Error('inner secret') })
  })
  const params = Type.Object({ id: Type.String() })
  app.get('/:id/part', { config: { access: 'public' }, schema: { ...probeSchema, params } }, async () => ({}))
  done()
})

const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  app.inject({ method: 'POST', url: '/things', payload: body, headers })

await t.test('a path that can not be decoded is a problem document with all its header fields', async t => {
  const response = await app.inject({ url: '/api/courses/%E0%A4%A' })
  t.match(response.json(), { status: 400, code: 'API_ERR_BAD_URL', requestId: /^test-process-/ })
  t.match(response.headers, {
    'content-type': /^application\/problem\+json/,
    'x-content-type-options': 'nosniff',
    'x-request-id': /^test-process-/,
  })
})

await t.test('a path parameter beyond all ids is refused', async t => {
  const response = await app.inject({ url: `/${'x'.repeat(129)}/part` })
  t.match(
    { status: response.statusCode, ...response.json<object>() },
    { status: 414, code: 'API_ERR_PARAMETER_TOO_LONG' },
  )
})

await t.test('a body that breaks its schema is refused by field, without its values', async t => {
  const response = await post('{"title":5,"role":"admin-secret"}')
  t.match(response.json(), {
    status: 400,
    code: 'API_ERR_VALIDATION',
    issues: [{ field: 'body.title' }, { field: 'body.role' }],
  })
  t.notMatch(response.body, /secret/)
})

await t.test('every spelling of the content type is checked, or refused: none goes past the schema', async t => {
  handled = 0
  const spellings = [
    'application/json\ta',
    'application/json ;x',
    ' application/json',
    'APPLICATION/JSON',
    'application/json;',
    'application/json; charset=utf-8',
    'application/json;charset=utf-8;',
    'application/json/x',
    'application/jsonx',
    'application/vnd.api+json',
    'text/plain',
    'text/html',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
    'x',
    '*/*',
    'application/json, text/plain',
    'application/json\u00a0',
    '',
  ]
  for (const contentType of spellings) {
    const response = await post('{"title":5}', { 'content-type': contentType })
    t.match(response, { statusCode: /^4(00|15)$/ }, JSON.stringify(contentType))
    t.match(response.json(), { code: /^API_ERR_(VALIDATION|MEDIA_TYPE)$/ })
  }
  t.equal(handled, 0, 'no handler has run')
  t.equal((await post('{"title":"x"}')).statusCode, 200)
})

await t.test('what is not JSON, or would poison a prototype, is refused', async t => {
  const bodies = [
    '',
    '{',
    '{"title":"x"',
    'undefined',
    '{"title":"x"}{}',
    '{"__proto__":{"title":"x"}}',
    '{"title":"x","constructor":{"prototype":{"a":1}}}',
    '{"\\u005f_proto__":{}}',
  ]
  for (const body of bodies) {
    const response = await post(body)
    t.match(response.json(), { status: 400, code: /^API_ERR_(MALFORMED_JSON|VALIDATION)$/ }, body)
  }
  for (const body of ['null', '[]', '"x"', '5', 'true'])
    t.match((await post(body)).json(), { status: 400, code: 'API_ERR_VALIDATION' }, body)
  t.equal(({} as { a?: number }).a, undefined)
})

await t.test('a body that is not UTF-8 is refused: nothing is replaced in silence', async t => {
  const json = { 'content-type': 'application/json' }
  const wrong = [Buffer.from('{"title":"\xff"}', 'latin1'), Buffer.from('{"title":"\xed\xa0\x80"}', 'latin1')]
  for (const payload of wrong) {
    const response = await app.inject({ method: 'POST', url: '/things', payload, headers: json })
    t.match(response.json(), { status: 400, code: 'API_ERR_MALFORMED_JSON', detail: /UTF-8/ })
  }
  t.equal((await post('{"title":"\u00ff 😀"}')).statusCode, 200)
})

await t.test('a body over the limit is refused before it is read', async t => {
  const response = await post(JSON.stringify({ title: 'x'.repeat(3000) }))
  t.match({ status: response.statusCode, ...response.json<object>() }, { status: 413, code: 'API_ERR_BODY_TOO_LARGE' })
})

await t.test('a compressed body is refused, whatever would come out of it', async t => {
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'x']) {
    const response = await post('{"title":"x"}', { 'content-type': 'application/json', 'content-encoding': encoding })
    t.match(
      { status: response.statusCode, ...response.json<object>() },
      { status: 415, code: 'API_ERR_MEDIA_TYPE' },
      encoding,
    )
  }
  t.equal(
    (await post('{"title":"x"}', { 'content-type': 'application/json', 'content-encoding': 'identity' })).statusCode,
    200,
  )
})

await t.test('an unexpected failure is a constant text and a request id; the log has the cause', async t => {
  for (const url of ['/breaks', '/throws-text']) {
    const response = await app.inject({ url })
    const { detail, requestId, ...rest } = response.json<Record<string, unknown>>()
    t.equal(response.statusCode, 500)
    t.same(rest, {
      type: 'urn:plimsoll:problem:api-err-internal',
      title: 'Something went wrong on our side',
      status: 500,
      code: 'API_ERR_INTERNAL',
    })
    t.equal(detail, 'Something went wrong on our side. Tell us the request id if it happens again.')
    const line = logged.find(line => line['requestId'] === requestId && line['level'] === 'error')
    t.match(JSON.stringify(line), /secret/, 'the log knows')
  }
})

await t.test('an error that has an answer is sent as it is, with the time to wait', async t => {
  const response = await app.inject({ url: '/refuses' })
  t.match(response, { statusCode: 429, headers: { 'retry-after': '7' } })
  t.match(response.json(), { code: 'API_ERR_RATE_LIMITED', detail: 'Wait a little.', retryAfterS: 7 })
  t.notMatch(response.body, /secret/)
})
