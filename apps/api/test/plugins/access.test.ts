import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { sessionTags } from '../../src/auth/session-tags.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { newUser, signedIn } from '../fixture/sign-in.ts'
import { NO_DATABASE, probeSchema, testApp } from '../fixture/test-app.ts'

const TOKEN = 'a-token-of-operators'

async function operatorApp(t: TestScope, environment: 'development' | 'production', operatorToken?: string) {
  const { app } = await testApp(t, NO_DATABASE, { app: { environment, operatorToken, trustedProxies: ['10.0.0.1'] } })
  app.register((routes, _options, done) => {
    routes.get('/only', { schema: probeSchema, config: { access: 'operator' } }, () => ({ in: true }))
    routes.get('/all', { schema: probeSchema, config: { access: 'public' } }, () => ({ in: true }))
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
    t.match({ status: answer.statusCode, ...answer.json<object>() }, { status: 401, code: 'API_ERR_ACCESS_TOKEN' })
  }
  t.equal((await get('/only', {}, '127.0.0.1')).statusCode, 401)
  t.equal((await get('/only?x', { cookie: `token=${TOKEN}` })).statusCode, 401)
  t.equal((await get('/all')).statusCode, 200)
})

await t.test('without a token configured they are closed, but in development to this machine', async t => {
  const closed = await operatorApp(t, 'production')
  t.equal((await closed('/only', { authorization: 'Bearer undefined' })).statusCode, 401)
  t.equal((await closed('/only', {}, '127.0.0.1')).statusCode, 401)
  const open = await operatorApp(t, 'development')
  t.equal((await open('/only', {}, '127.0.0.1')).statusCode, 200)
  t.equal((await open('/only', {}, '::1')).statusCode, 200)
  t.equal((await open('/only')).statusCode, 401)
  t.equal(
    (await open('/only', { authorization: 'Bearer guess' }, '127.0.0.1')).statusCode,
    401,
    'a wrong token is wrong',
  )
  t.equal((await open('/only', { 'x-forwarded-for': '127.0.0.1' })).statusCode, 401, 'nobody says who they are')
  for (const [field, value] of [
    ['x-forwarded-for', '203.0.113.9'],
    ['x-forwarded-host', 'localhost'],
    ['forwarded', 'for=203.0.113.9'],
    ['host', 'api.example.org'],
    ['host', 'localhost.example.org:8080'],
  ] as const)
    t.equal((await open('/only', { [field]: value }, '127.0.0.1')).statusCode, 401, `a proxy on this machine: ${field}`)
  t.equal((await open('/only', { 'x-forwarded-for': '127.0.0.1' }, '10.0.0.1')).statusCode, 200, 'a listed one says it')
  const withToken = await operatorApp(t, 'development', TOKEN)
  t.equal((await withToken('/only', {}, '127.0.0.1')).statusCode, 401, 'where there is a token, it is asked for')
  t.equal((await open('/only', { 'x-forwarded-for': '203.0.113.9' }, '10.0.0.1')).statusCode, 401)
})

await t.test('a route that does not say who may call it stops the start', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  app.register(async routes => {
    routes.get('/forgotten', { schema: probeSchema }, () => ({}))
  })
  await t.rejects(async () => app.ready(), {
    code: 'API_ERR_ROUTE_WITHOUT_ACCESS',
    message: /GET \/forgotten doesn't say who may call it/,
  })
})

await t.test('who is signed in is known by the session, which ends at once and with the user type of now', async t => {
  const database = await demoDatabase(t)
  const { app, dependencies } = await testApp(t, database.url, { cache: {} })
  const seen: unknown[] = []
  app.register((routes, _options, done) => {
    const answer = (request: FastifyRequest) => {
      seen.push([request.user?.userId, request.user?.userType, request.isOperator])
      return {}
    }
    routes.get('/user', { schema: probeSchema, config: { access: 'user' } }, answer)
    routes.get('/operator', { schema: probeSchema, config: { access: 'operator' } }, answer)
    done()
  })
  const userId = await newUser(database)
  const { authorization, familyId } = await signedIn(dependencies, userId)
  const get = (url: string, headers = { authorization }) => app.inject({ url, headers })
  t.equal((await get('/user')).statusCode, 200)
  t.same(seen, [[userId, 'learner', false]])
  t.match((await get('/operator')).json(), { status: 403, code: 'API_ERR_OPERATOR_ONLY' })

  const stranger = dependencies.auth.accessTokens.sign(userId + 1, familyId).token
  t.equal((await get('/user', { authorization: `Bearer ${stranger}` })).statusCode, 401, 'the session of another')
  const unknown = dependencies.auth.accessTokens.sign(userId, 999_999).token
  t.equal((await get('/user', { authorization: `Bearer ${unknown}` })).statusCode, 401, 'a session that nobody has')

  // Whoever changes the type tells the sessions, in the same transaction.
  await dependencies.database.transaction('test.promote', async tx => {
    await tx`update users set user_type = 'admin' where id = ${userId}`.with({ invalidates: [] })
    tx.invalidates([sessionTags.ofUser(userId)])
  })
  t.equal((await get('/operator')).statusCode, 200, 'the same session, the type of now')
  const admin = await signedIn(dependencies, userId)
  t.equal((await get('/operator', { authorization: admin.authorization })).statusCode, 200)
  t.same(seen.at(-1), [userId, 'admin', true])

  await dependencies.auth.families.revoke({ userId, familyId })
  t.equal((await get('/user')).statusCode, 401)
  t.equal((await get('/user', { authorization: admin.authorization })).statusCode, 200, 'the other session goes on')
  await dependencies.auth.families.revokeAll(userId)
  t.equal((await get('/user', { authorization: admin.authorization })).statusCode, 401)
})

await t.test('when sessions can not be read, the answer says so, and lets nobody in', async t => {
  const { app, dependencies } = await testApp(t, NO_DATABASE)
  app.register((routes, _options, done) => {
    routes.get('/user', { schema: probeSchema, config: { access: 'user' } }, () => ({ in: true }))
    done()
  })
  const { token } = dependencies.auth.accessTokens.sign(1, 1)
  const answer = await app.inject({ url: '/user', headers: { authorization: `Bearer ${token}` } })
  t.match(answer.json(), { status: 503, code: 'API_ERR_DATABASE_UNAVAILABLE' })
})
