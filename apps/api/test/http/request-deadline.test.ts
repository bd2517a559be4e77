import t from 'tap'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { rawClient, until as waitUntil } from '@plimsoll/testing'
import { Deadlines } from '../../src/http/request-deadline.ts'
import { testApp, NO_DATABASE, probeSchema } from '../fixture/test-app.ts'

await t.test(
  'a handler of a POST that has read its body has a signal that is not aborted, and its whole time',
  async t => {
    const { app } = await testApp(t, NO_DATABASE)
    const schema = { ...probeSchema, body: { type: 'object' } }
    app.post('/echo', { schema, config: { access: 'public' } }, async request => {
      await new Promise(resolve => setTimeout(resolve, 20))
      return {
        aborted: request.deadline.signal.aborted,
        remainingMs: request.deadline.remainingMs(),
        body: request.body,
      }
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}/echo`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    const body = (await response.json()) as { aborted: boolean; remainingMs: number; body: unknown }
    t.match(body, { aborted: false, body: { a: 1 } })
    t.ok(body.remainingMs > 0 && body.remainingMs < 5000)
  },
)

await t.test('a handler that listens to the signal ends by it, and the client reads why', async t => {
  const { app, logged } = await testApp(t, NO_DATABASE, { app: { handlerTimeoutMs: 30 } })
  app.get('/listens', { schema: probeSchema, config: { access: 'public' } }, async request => {
    const { promise, reject } = Promise.withResolvers<never>()
    request.deadline.signal.addEventListener('abort', () => reject(request.deadline.signal.reason as Error))
    return promise
  })
  const response = await app.inject({ url: '/listens' })
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '1')
  t.match(response.json(), { code: 'API_ERR_DEADLINE', requestId: /^test-process-/ })
  t.notOk(
    logged.some(({ msg }) => /already sent|reply.sent/i.test(String(msg))),
    'answered once',
  )
})

await t.test('a handler that does not listen is answered for', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { handlerTimeoutMs: 30 } })
  const never = Promise.withResolvers<never>()
  app.get('/deaf', { schema: probeSchema, config: { access: 'public' } }, async () => never.promise)
  const response = await app.inject({ url: '/deaf' })
  t.match({ status: response.statusCode, ...response.json<object>() }, { status: 503, code: 'API_ERR_DEADLINE' })
})

await t.test(
  'what writes has a moment to say what became of it; then nobody knows, and nobody says try again',
  async t => {
    const { app } = await testApp(t, NO_DATABASE, { app: { handlerTimeoutMs: 30 } })
    const never = Promise.withResolvers<never>()
    app.post('/commits-late', { schema: probeSchema, config: { access: 'public' } }, async request => {
      await once(request.deadline.signal, 'abort')
      await new Promise(resolve => setTimeout(resolve, 20))
      return { committed: true }
    })
    app.post('/deaf', { schema: probeSchema, config: { access: 'public' } }, async () => never.promise)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const post = (path: string) =>
      fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}${path}`, { method: 'POST' })
    const late = await post('/commits-late')
    t.match({ status: late.status, body: await late.json() }, { status: 200, body: { committed: true } })
    const deaf = await post('/deaf')
    t.match(
      { status: deaf.status, body: await deaf.json() },
      { status: 500, body: { code: 'API_ERR_OUTCOME_UNKNOWN' } },
    )
    t.equal(deaf.headers.get('retry-after'), null)
  },
)

await t.test('a change whose body has not come whole was not begun: it may be tried again', async t => {
  const { app } = await testApp(t, NO_DATABASE, { app: { handlerTimeoutMs: 30 } })
  app.post('/takes', { schema: probeSchema, config: { access: 'public' } }, () => ({ done: true }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const peer = await rawClient(t, (app.server.address() as AddressInfo).port)
  await peer.write('POST /takes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"a')
  const response = await peer.readResponse({ method: 'POST' })
  t.equal(response.status, 503)
  t.equal(response.header('retry-after'), '1')
  t.match(response.body.toString(), /API_ERR_DEADLINE/)
})

await t.test('of many requests each has its own end, whichever comes first', async t => {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const all = new Deadlines(clock)
  const expired: number[] = []
  const begun = [40, 20, 30, 20, 3_600_000].map((ms, index) => all.begin(ms, () => expired.push(index)))
  begun[3]?.end(true)
  t.same(
    begun.map(deadline => deadline.remainingMs()),
    [40, 20, 30, 20, 3_600_000],
  )
  const until = async (nowMs: number, count: number) => {
    clock.nowMs = nowMs
    await waitUntil(() => expired.length >= count, { what: `${count} to have ended` })
  }
  await until(25, 1)
  t.same(expired, [1])
  t.equal(begun[0]?.signal.aborted, false)
  await until(50, 3)
  t.same(new Set(expired), new Set([0, 1, 2]))
  t.match(begun[0]?.signal.reason, { code: 'API_ERR_DEADLINE' })
  t.equal(begun[3]?.signal.aborted, false, 'what has ended before is left in peace')
  begun[4]?.end(false)
  t.equal(begun[4]?.signal.aborted, true)
})

await t.test('the signal aborts when the client goes away', async t => {
  const { app } = await testApp(t, NO_DATABASE)
  const aborted = Promise.withResolvers<unknown>()
  const started = Promise.withResolvers<void>()
  app.get('/waits', { schema: probeSchema, config: { access: 'public' } }, async request => {
    request.deadline.signal.addEventListener('abort', () => aborted.resolve(request.deadline.signal.reason))
    started.resolve()
    return aborted.promise
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /waits HTTP/1.1\r\nhost: x\r\n\r\n')
  await started.promise
  socket.destroy()
  t.match(await aborted.promise, { code: 'API_ERR_DEADLINE', message: /went away/ })
})

await t.test('a deadline is taken from a believed peer only, and only shortens', async t => {
  const remaining = async (unixSocket: boolean, field: string) => {
    // inject's socket has an address, 127.0.0.1: believed when it's listed.
    const { app } = await testApp(t, NO_DATABASE, {
      app: { handlerTimeoutMs: 5000, unixSocket, trustedProxies: unixSocket ? ['127.0.0.1'] : [] },
    })
    app.get('/left', { schema: probeSchema, config: { access: 'public' } }, async request => ({
      left: request.deadline.remainingMs(),
    }))
    return (await app.inject({ url: '/left', headers: { 'x-request-deadline-ms': field } })).json<{ left: number }>()
      .left
  }
  t.ok((await remaining(true, '1000')) <= 1000)
  t.ok((await remaining(true, '60000')) > 4000, 'not longer than the own limit')
  t.ok((await remaining(false, '1000')) > 4000, 'not from just anybody')
  for (const field of ['', '-1', '1.5', 'soon', '1e3', '9999999999']) t.ok((await remaining(true, field)) > 4000, field)
})
