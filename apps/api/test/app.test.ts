import t from 'tap'
import { NO_DATABASE, testApp } from './fixture/test-app.ts'

await t.test("the limits of the server are the ones that were chosen, none of them Node's own", async t => {
  const { app } = await testApp(t, NO_DATABASE)
  await app.ready()
  const { keepAliveTimeout, headersTimeout, requestTimeout } = app.server
  t.same(
    { keepAliveTimeout, headersTimeout, requestTimeout },
    { keepAliveTimeout: 72_000, headersTimeout: 10_000, requestTimeout: 30_000 },
  )
  t.match(app.initialConfig, { bodyLimit: 64 * 1024, routerOptions: { maxParamLength: 128 } })
})

await t.test('plugins run in the order in which app.ts registers them', async t => {
  // Where all of them are there: HSTS is not said in development, the page is not shown in production.
  const { app } = await testApp(t, NO_DATABASE, { app: { environment: 'staging' }, features: { caching: true } })
  await app.ready()
  const order = [
    'request-context',
    'draining',
    'metrics',
    'load-report',
    'load-shedding',
    'access',
    'request-log',
    'helmet-headers',
    'strict-transport',
    '@fastify/cors',
    'private-answers',
    'rate-limits',
    '@fastify/compress',
    'http-caching',
    '@fastify/swagger',
    '@fastify/swagger-ui',
  ]
  const plugins = app.printPlugins()
  const places = order.map(name => plugins.indexOf(` ${name} `))
  t.notOk(places.includes(-1), plugins)
  t.same(
    places,
    places.toSorted((a, b) => a - b),
  )
})
