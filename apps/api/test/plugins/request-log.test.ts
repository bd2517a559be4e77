import t from 'tap'
import { ApiError } from '../../src/errors.ts'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

await t.test('a request is one line, with its route, status and time, and its id', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE)
  const response = await app.inject({ url: '/health/detailed?x=1' })
  const lines = logged.filter(({ requestId }) => requestId === response.headers['x-request-id'])
  t.equal(lines.length, 1)
  t.match(lines[0], {
    level: 'info',
    msg: 'request',
    method: 'GET',
    path: '/health/detailed',
    route: '/health/detailed',
    status: 400,
    durationMs: Number,
    ip: '127.0.0.1',
  })
})

await t.test('the checks of the balancer are below every usual level', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE)
  await app.inject({ url: '/health/ready' })
  t.match(
    logged.filter(({ msg }) => msg === 'request'),
    [{ level: 'trace', route: '/health/ready' }],
  )
})

await t.test('no header, cookie, query or body is in any line, also when everything goes wrong', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE)
  app.post('/breaks', { schema: probeSchema, config: { access: 'public' } }, async request => {
    throw Object.assign(new Error('broken'), {
      body: undefined,
      headers: { authorization: request.headers.authorization, cookie: request.headers.cookie },
    })
  })
  await app.inject({
    method: 'POST',
    url: '/breaks?token=query-secret',
    headers: {
      authorization: 'Bearer header-secret',
      cookie: 'session=cookie-secret',
      'content-type': 'application/json',
    },
    payload: '{"password":"body-secret"}',
  })
  t.ok(logged.some(({ level }) => level === 'error'))
  t.notMatch(JSON.stringify(logged), /-secret/)
})

await t.test('nothing that a client sends can forge a line or a field of one', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE, { app: { trustedProxies: ['127.0.0.1'] } })
  const forged = '\n{"level":"fatal","msg":"forged"}'
  await app.inject({
    url: `/${encodeURIComponent(forged)}`,
    headers: { 'x-forwarded-for': '{"level":"fatal"}', 'x-request-id': '"},{"level":"fatal' },
  })
  await app.inject({ url: `/${'x'.repeat(5000)}` })
  const lines = logged.filter(({ msg }) => msg === 'request')
  t.equal(lines.length, 2)
  t.notOk(logged.some(({ level, msg }) => level === 'fatal' || msg === 'forged'))
  t.ok(String(lines[1]?.['path']).length <= 256)
})

await t.test('a refusal for too many requests is in the security log, with who and what', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE)
  for (let count = 0; count < 31; count += 1) await app.inject({ url: '/health/detailed' })
  t.match(
    logged.filter(({ category }) => category === 'security'),
    [{ level: 'warn', status: 429, ip: '127.0.0.1', path: '/health/detailed', requestId: /^test-process-/ }],
  )
})

await t.test('each refusal of somebody who is signed in is in the security log, with the user', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE)
  const codes = ['API_ERR_ACCESS_TOKEN', 'API_ERR_FORBIDDEN', 'API_ERR_RATE_LIMITED'] as const
  app.register((app, _options, done) => {
    for (const code of codes)
      app.get(`/${code}`, { schema: probeSchema, config: { access: 'public' } }, request => {
        request.user = { userId: 4711, userType: 'learner', familyId: 1, expiresAtMs: 0 }
        throw new ApiError(code, 'No.')
      })
    done()
  })
  for (const code of codes) await app.inject({ url: `/${code}`, remoteAddress: '192.0.2.7' })
  await app.inject({ url: '/performance/metrics' })
  const lines = logged.filter(({ category }) => category === 'security')
  t.match(
    lines,
    [401, 403, 429].map((status, index) => ({
      level: 'warn',
      msg: 'request refused',
      status,
      userId: 4711,
      ip: '192.0.2.7',
      requestId: /^test-process-/,
      route: `/${codes[index]}`,
    })),
  )
  t.match(lines[3], { status: 401, route: '/performance/metrics' })
  t.notOk('userId' in (lines[3] ?? {}), 'nobody is signed in')
})

await t.test('path and address are visible ASCII in the log, whatever was sent', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE, { app: { trustedProxies: ['127.0.0.1'] } })
  const hostile = '\u009b31m\u007f\u0085\u001b[2J'
  await app.inject({ url: '/nowhere', headers: { 'x-forwarded-for': `${hostile}${'x'.repeat(500)}` } })
  const [line] = logged.filter(({ msg }) => msg === 'request')
  t.match(line?.['ip'], /^%9B31m%7F%85%1B\[2Jx+$/)
  t.equal(String(line?.['ip']).length, 64)
})
