import t from 'tap'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { until } from '@plimsoll/testing'
import { NO_DATABASE, probeSchema, testApp, type TestApp } from '../fixture/test-app.ts'

async function requestCounts({ dependencies }: TestApp): Promise<Record<string, number>> {
  const text = await dependencies.registry.getSingleMetricAsString('api_requests_total')
  return Object.fromEntries(
    [...text.matchAll(/^api_requests_total\{(.*)\} (\d+)$/gm)].map(([, labels = '', count]) => [labels, Number(count)]),
  )
}

await t.test('requests are counted by the route that was registered, not by the path that was asked for', async t => {
  const test = await testApp(t, NO_DATABASE)
  for (const url of [
    '/health/live',
    '/health/live',
    '/api/courses/0',
    '/api/courses/00',
    '/nowhere/1',
    '/nowhere/2?x=1',
  ])
    await test.app.inject({ url })
  await test.app.inject({ method: 'PROPFIND' as 'GET', url: '/health/live' })
  t.same(await requestCounts(test), {
    'route="/health/live",method="GET",code="200"': 2,
    'route="/api/courses/:id",method="GET",code="400"': 2,
    'route="none",method="GET",code="404"': 2,
    'route="none",method="OTHER",code="405"': 1,
  })
  t.match(test.dependencies.figures.snapshot(), { total: 7, active: 0, errors: 0 })
  const text = await test.dependencies.registry.metrics()
  t.match(text, /api_request_duration_seconds_bucket\{le="0.005",route="\/health\/live"\} \d/)
  t.match(text, /^api_requests_active 0$/m)
  t.match(text, /^db_up 0$/m)
  t.match(text, /^api_process_resident_memory_bytes \d+$/m)
})

await t.test('a client that goes away is counted once as 499, and leaves nothing active', async t => {
  const test = await testApp(t, NO_DATABASE)
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<object>()
  test.app.get('/slow', { schema: probeSchema, config: { access: 'public' } }, async () => {
    started.resolve()
    return finish.promise
  })
  await test.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((test.app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n')
  await started.promise
  t.equal(test.dependencies.figures.active, 1)
  socket.destroy()
  await until(() => test.dependencies.figures.active === 0, { what: 'the request to end' })
  finish.resolve({})
  t.same(await requestCounts(test), { 'route="/slow",method="GET",code="499"': 1 })
})

await t.test('errors are answers from 500 up', async t => {
  const test = await testApp(t, NO_DATABASE)
  await until(() => test.dependencies.outage?.isAway === true, { what: 'the database to be missed' })
  await test.app.inject({ url: '/api/courses' })
  await test.app.inject({ url: '/nowhere' })
  t.match(test.dependencies.figures.snapshot(), { total: 2, errors: 1 })
  t.match(await test.dependencies.registry.metrics(), /^db_refused_total 1$/m)
})

await t.test('/metrics is served only where it is asked for', async t => {
  const { app: fleet } = await testApp(t, NO_DATABASE)
  t.equal((await fleet.inject({ url: '/metrics' })).statusCode, 404)
  const { app: alone } = await testApp(t, NO_DATABASE, {
    app: { metricsRoute: true, operatorToken: 'a-token-of-operators' },
  })
  const response = await alone.inject({ url: '/metrics', headers: { authorization: 'Bearer a-token-of-operators' } })
  t.match(response.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.equal((await alone.inject({ url: '/metrics' })).statusCode, 401, 'not for everybody')
  t.match(response.body, /^# TYPE api_requests_total counter$/m)
})
