import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { PathAsk } from '../../src/field-reports/question.ts'
import { Side } from '../../src/field-reports/side.ts'

let given = 0
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (bytes: Buffer) => (body += bytes.toString()))
  request.on('end', () => {
    if (request.url === '/api/auth/login' || request.url === '/api/auth/refresh') {
      given++
      response.end(JSON.stringify({ accessToken: `access-${given}`, refreshToken: `refresh-${given}`, body }))
      return
    }
    const status = /\d{3}/.exec(request.url ?? '')?.[0]
    if (request.url === '/kept') response.setHeader('cache-status', 'a-cache; hit; ttl=3')
    if (request.url === '/missed') response.setHeader('cache-status', 'a-cache; fwd=miss')
    response.statusCode = status === undefined ? 200 : Number(status)
    response.end(
      JSON.stringify({
        method: request.method,
        type: request.headers['content-type'] ?? null,
        authorization: request.headers.authorization ?? null,
        body,
      }),
    )
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const stopping = new AbortController()
const side = new Side({
  name: 'after',
  origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  // Connections are opened when they're needed.
  databaseUrl: 'postgres://nobody@127.0.0.1:1/nowhere',
  connections: 2,
  operatorAuthorization: 'Bearer of-operators',
  processors: { begin: () => () => ({}) },
  signal: stopping.signal,
})
t.teardown(async () => {
  await side.close()
  server.close()
})

await t.test('a path is read, a body is posted, both are timed', async t => {
  const read = await side.ask({ path: '/things' })
  t.same(JSON.parse(read.text), { method: 'GET', type: null, authorization: null, body: '' })
  const posted = await side.ask({ path: '/201', body: { name: 'ø' } })
  t.same(JSON.parse(posted.text), {
    method: 'POST',
    type: 'application/json',
    authorization: null,
    body: '{"name":"ø"}',
  })
  t.ok(read.ms > 0 && posted.ms > 0)
})

const account = { userId: 1, email: 'a@example.org', password: 'any' }

await t.test(
  'credentials go with what asks for them: of operators, or of a user who is signed in for it once',
  async t => {
    const authorizationOf = async (ask: PathAsk) =>
      (JSON.parse((await side.ask(ask)).text) as { authorization: string }).authorization
    t.equal(await authorizationOf({ path: '/things', as: 'operator' }), 'Bearer of-operators')
    t.equal(await authorizationOf({ path: '/things', as: account }), 'Bearer access-1')
    t.equal(await authorizationOf({ path: '/things', as: account }), 'Bearer access-1')
    await side.renewSessions()
    t.equal(given, 1)
  },
)

await t.test('a refresh token is sent, and the next one is kept for the next time', async t => {
  const sent = async () => {
    const { body } = JSON.parse((await side.ask({ path: '/api/auth/refresh', renews: account })).text) as {
      body: string
    }
    return JSON.parse(body) as object
  }
  t.same(await sent(), { refreshToken: 'refresh-1' })
  t.same(await sent(), { refreshToken: 'refresh-2' })
})

await t.test('what is asked together is one answer, which takes as long as the slowest', async t => {
  const { text, ms, hit } = await side.ask({ together: [{ path: '/kept' }, { path: '/things' }] })
  t.equal((JSON.parse(text) as unknown[]).length, 2)
  t.ok(ms > 0)
  t.equal(hit, false)
})

await t.test('an answer that says it comes from a cache is a hit', async t => {
  t.equal((await side.ask({ path: '/kept' })).hit, true)
  t.equal((await side.ask({ path: '/missed' })).hit, false)
  t.equal((await side.ask({ path: '/things' })).hit, false)
})

await t.test('any other status is an error with the answer in it, and so is a run that was stopped', async t => {
  await t.rejects(side.ask({ path: '/503' }), /after: \/503 answers 503: {"method":"GET"/)
  await t.rejects(side.ask({ path: '/304' }), /after: \/304 answers 304/)
  stopping.abort(new Error('Ctrl-C'))
  await t.rejects(side.ask({ path: '/things' }), /Ctrl-C/)
})
