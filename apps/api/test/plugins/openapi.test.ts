import t from 'tap'
import { NO_DATABASE, testApp } from '../fixture/test-app.ts'

interface Document {
  openapi: string
  paths: Record<string, Record<string, { responses: Record<string, unknown>; summary: string; tags: string[] }>>
  components: { schemas: Record<string, unknown> }
}

await t.test('the document lists every route that is served, and nothing else', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { metricsRoute: true } })
  const served: string[] = []
  app.addHook('onRoute', route => {
    if (route.method !== 'HEAD' && route.schema?.hide !== true)
      served.push(`${String(route.method).toLowerCase()} ${route.url.replaceAll(/:(\w+)/g, '{$1}')}`)
  })
  const response = await app.inject({ url: '/openapi.json' })
  const document = response.json<Document>()
  const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  )
  t.same(listed.toSorted(), served.toSorted())
  t.ok(served.length >= 10)
  t.match(response.headers['content-type'], /^application\/json/)
})

await t.test('every operation has a summary, a tag, a good answer, and its errors as problems', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  const document = (await app.inject({ url: '/openapi.json' })).json<Document>()
  t.equal(document.openapi, '3.1.0')
  t.ok(document.components.schemas['Problem'])
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      t.ok(operation.summary && operation.tags.length > 0 && operation.responses['200'], path)
    }
  }
  t.match(document.paths['/api/courses/{id}']?.['get']?.responses['404'], {
    description: /API_ERR_COURSE_NOT_FOUND/,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
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
