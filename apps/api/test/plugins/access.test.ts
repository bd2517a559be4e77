import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const TOKEN = 'a-token-of-operators'

async function operatorApp(t: TestScope, environment: 'development' | 'production', operatorToken?: string) {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment, operatorToken, trustedProxies: ['10.0.0.1'] } })
  app.register((routes, _options, done) => {
    routes.get('/only', { schema: probeSchema, config: { access: 'operator' } }, () => ({ in: true }))
    routes.get('/all', { schema: probeSchema }, () => ({ in: true }))
    done()
  })
  return (url: string, headers: Record<string, string> = {}, remoteAddress = '203.0.113.7') =>
    app.inject({ url, headers, remoteAddress })
}

await t.test('the token opens the operators’ routes, and nothing else does in production', async t => {
  const get = await operatorApp(t, 'production', TOKEN)
  t.equal((await get('/only', { authorization: `Bearer ${TOKEN}` })).statusCode, 200)
  t.equal((await get('/only', { authorization: `bearer ${TOKEN}` })).statusCode, 200, 'the scheme in any case')
  for (const authorization of [
    'Bearer wrong',
    `Basic ${TOKEN}`,
    `Bearer${TOKEN}`,
    `Bearer  ${TOKEN}`,
    `Bearer ${TOKEN} `,
    `Bearer ${TOKEN.slice(1)}`,
    TOKEN,
    '',
  ]) {
    const answer = await get('/only', { authorization }, '127.0.0.1')
    t.match({ status: answer.statusCode, ...answer.json<object>() }, { status: 403, code: 'API_ERR_OPERATOR_ONLY' })
  }
  t.equal((await get('/only', {}, '127.0.0.1')).statusCode, 403)
  t.equal((await get('/only?x', { cookie: `token=${TOKEN}` })).statusCode, 403)
  t.equal((await get('/all')).statusCode, 200)
})

await t.test('without a token configured they are closed, but in development to this machine', async t => {
  const closed = await operatorApp(t, 'production')
  t.equal((await closed('/only', { authorization: 'Bearer undefined' })).statusCode, 403)
  t.equal((await closed('/only', {}, '127.0.0.1')).statusCode, 403)
  const open = await operatorApp(t, 'development')
  t.equal((await open('/only', {}, '127.0.0.1')).statusCode, 200)
  t.equal((await open('/only', {}, '::1')).statusCode, 200)
  t.equal((await open('/only')).statusCode, 403)
  t.equal(
    (await open('/only', { authorization: 'Bearer guess' }, '127.0.0.1')).statusCode,
    403,
    'a wrong token is wrong',
  )
  t.equal((await open('/only', { 'x-forwarded-for': '127.0.0.1' })).statusCode, 403, 'nobody says who they are')
  for (const [field, value] of [
    ['x-forwarded-for', '203.0.113.9'],
    ['x-forwarded-host', 'localhost'],
    ['forwarded', 'for=203.0.113.9'],
    ['host', 'api.example.org'],
    ['host', 'localhost.example.org:8080'],
  ] as const)
    t.equal((await open('/only', { [field]: value }, '127.0.0.1')).statusCode, 403, `a proxy on this machine: ${field}`)
  t.equal((await open('/only', { 'x-forwarded-for': '127.0.0.1' }, '10.0.0.1')).statusCode, 200, 'a listed one says it')
  const withToken = await operatorApp(t, 'development', TOKEN)
  t.equal((await withToken('/only', {}, '127.0.0.1')).statusCode, 403, 'where there is a token, it is asked for')
  t.equal((await open('/only', { 'x-forwarded-for': '203.0.113.9' }, '10.0.0.1')).statusCode, 403)
})
