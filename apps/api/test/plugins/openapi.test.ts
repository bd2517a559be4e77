import t from 'tap'
import { Type } from 'typebox'
import type { FastifyInstance } from 'fastify'
import { problemResponses } from '../../src/plugins/openapi.ts'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

interface Document {
  openapi: string
  paths: Record<string, Record<string, { responses: Record<string, { description: string; content: object }> }>>
  components: { schemas: Record<string, unknown> }
}

/** What is served and not documented, all of it: the preflight route of CORS. */
const HIDDEN = ['OPTIONS *']
/** In development also the files of the documentation page. */
const HIDDEN_PAGE = ['', '/json', '/yaml', '/static/index.html', '/static/swagger-initializer.js'].flatMap(path => [
  `GET /documentation${path}`,
  `HEAD /documentation${path}`,
])
const HIDDEN_IN_DEVELOPMENT = [...HIDDEN, ...HIDDEN_PAGE, 'HEAD /documentation/', 'HEAD,GET /documentation/static/*']

/** Routes that are registered from now on, the hidden ones apart. */
function routesOf(app: FastifyInstance) {
  const [served, hidden]: [string[], string[]] = [[], []]
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (schema?.hide === true) hidden.push(`${String(method)} ${url}`)
    else if (method !== 'HEAD') served.push(`${String(method).toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
  })
  return { served, hidden }
}

await t.test('the document lists every route that is served, and nothing else', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { metricsRoute: true } })
  const { served, hidden } = routesOf(app)
  const response = await app.inject({ url: '/openapi.json' })
  const document = response.json<Document>()
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  )
  t.same(listed.toSorted(), served.toSorted())
  t.same(hidden, HIDDEN)
  t.ok(served.length >= 10)
  t.match(response.headers['content-type'], /^application\/json/)
})

await t.test('a route hidden from the document is one of few that are known', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'development' } })
  const { hidden } = routesOf(app)
  await app.ready()
  t.same(hidden.toSorted(), HIDDEN_IN_DEVELOPMENT.toSorted())

  const { app: planted } = await testApp(t, NO_DATABASE)
  const found = routesOf(planted)
  planted.get('/backdoor', { schema: { hide: true } }, () => ({}))
  await planted.ready()
  t.same(
    found.hidden.filter(route => !HIDDEN.includes(route)),
    ['GET /backdoor', 'HEAD /backdoor'],
  )
})

await t.test('a route says what it does, the document also what follows from how it is made', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  app.register((app, _options, done) => {
    const schema = {
      ...probeSchema,
      params: Type.Object({ id: Type.Integer() }),
      querystring: Type.Object({ limit: Type.Integer({ default: 5 }), by: Type.String() }),
      body: Type.Object({ title: Type.String() }),
      response: {
        201: {
          description: 'Made.',
          headers: { location: Type.String(), warning: Type.Optional(Type.String()) },
          content: { 'application/json': { schema: Type.Object({}) } },
        },
        503: Type.Object({ status: Type.String() }, { description: 'Not now.' }),
        ...problemResponses('API_ERR_COURSE_NOT_FOUND'),
      },
    }
    const config = { access: 'operator', limit: 'expensive' } as const
    app.post('/things/:id/open-all', { config, schema }, async () => ({}))
    done()
  })
  const document = (await app.inject({ url: '/openapi.json' })).json<Document>()
  t.equal(document.openapi, '3.1.0')
  t.ok(document.components.schemas['Problem'])
  const operation = document.paths['/things/{id}/open-all']?.['post']
  t.match(operation, {
    operationId: 'postThingsByIdOpenAll',
    security: [{ operator: [] }, { user: [] }],
    parameters: [
      { in: 'query', name: 'limit', required: false },
      { in: 'query', name: 'by', required: true },
      { in: 'path', name: 'id', required: true },
    ],
  })
  const problems = (...codes: string[]) => ({
    'application/problem+json': {
      schema: {
        allOf: [
          { $ref: '#/components/schemas/Problem' },
          { type: 'object', properties: { code: { type: 'string', enum: codes } } },
        ],
      },
    },
  })
  const { responses } = operation ?? { responses: {} }
  t.same(Object.keys(responses), ['201', '400', '401', '403', '404', '413', '414', '415', '429', '500', '503'])
  t.match(responses['201'], { headers: { location: { required: true }, warning: { required: false } } })
  t.same(
    responses['400']?.content,
    problems('API_ERR_BAD_REQUEST', 'API_ERR_BAD_URL', 'API_ERR_MALFORMED_JSON', 'API_ERR_VALIDATION'),
  )
  t.same(responses['404']?.content, problems('API_ERR_COURSE_NOT_FOUND'))
  t.match(responses['404']?.description, /^`API_ERR_COURSE_NOT_FOUND`: No published course/)
  t.match(responses['429'], { headers: { 'retry-after': { required: true, schema: { type: 'integer' } } } })
  t.match(responses['503'], {
    description: /^Not now\.\n\n`API_ERR_DATABASE_BUSY`/,
    content: {
      'application/json': { schema: { type: 'object' } },
      ...problems(
        'API_ERR_DATABASE_BUSY',
        'API_ERR_DATABASE_TIMEOUT',
        'API_ERR_DATABASE_UNAVAILABLE',
        'API_ERR_DEADLINE',
        'API_ERR_OVERLOADED',
      ),
    },
  })
})

await t.test('a route that says nothing of its query takes none, neither for GET nor for HEAD', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  for (const method of ['GET', 'HEAD'] as const) {
    t.equal((await app.inject({ method, url: '/health/live' })).statusCode, 200)
    t.equal((await app.inject({ method, url: '/health/live?verbose=1' })).statusCode, 400)
  }
})

await t.test('a route that is not documented stops the start', async t => {
  for (const schema of [
    undefined,
    {},
    { summary: 'x', tags: ['x'] },
    { summary: 'x', response: {} },
    { tags: ['x'], response: {} },
    { summary: 'x', tags: [], response: {} },
  ]) {
    const { app } = await testApp(t, NO_DATABASE)
    t.throws(() => app.get('/forgotten', schema ? { schema } : {}, () => ({})), {
      code: 'API_ERR_ROUTE_UNDOCUMENTED',
      message: /GET \/forgotten/,
    })
  }
})

await t.test('a route whose path takes what its schema does not describe stops the start', async t => {
  for (const params of [undefined, Type.Object({}), Type.Object({ name: Type.String() })]) {
    const { app } = await testApp(t, NO_DATABASE)
    const schema = { ...probeSchema, ...(params === undefined ? {} : { params }) }
    t.throws(() => app.get('/things/:id', { schema }, () => ({})), {
      code: 'API_ERR_ROUTE_UNDOCUMENTED',
      message: /GET \/things\/:id takes anything for id/,
    })
  }
})

await t.test('the page is there in development only, and loads nothing from elsewhere', async t => {
  const { app: production } = await testApp(t, NO_DATABASE)
  t.equal((await production.inject({ url: '/documentation' })).statusCode, 404)
  t.equal((await production.inject({ url: '/documentation/static/index.html' })).statusCode, 404)

  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'development' } })
  const page = await app.inject({ url: '/documentation' })
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-security-policy'], /^default-src 'self'/)
  t.notMatch(page.headers['content-security-policy'], /unsafe-inline|https?:/)
  t.notMatch(page.body, /(src|href)="https?:/)
  t.notMatch(page.body, /<script>[^<]*\S/, 'no script inside the page, which the policy would refuse')
  t.notMatch(page.body, /<style>/)
  for (const [, path] of page.body.matchAll(/(?:src|href)="([^"]+)"/g))
    t.equal((await app.inject({ url: path ?? '' })).statusCode, 200, path ?? '')
})
