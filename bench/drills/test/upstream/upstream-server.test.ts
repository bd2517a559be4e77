import { type HttpResponse, type RawPeer, rawClient, until } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { answerBody, HEALTH_PATH, INJURED_CODE, requestBody, WORK_PATH } from '../../src/upstream/upstream-protocol.ts'
import { UpstreamServer } from '../../src/upstream/upstream-server.ts'

interface Started {
  readonly server: UpstreamServer
  readonly port: number
  /** What was executed, as "METHOD id". */
  readonly executed: readonly string[]
}

async function start(t: Test, drainMs = 200): Promise<Started> {
  const executed: string[] = []
  const record = (method: string, id: string) => void executed.push(`${method} ${id}`)
  const server = new UpstreamServer({ name: 'a', port: 0, record, dripMs: 50, drainMs })
  t.teardown(() => server.close())
  return { server, port: await server.listen(), executed }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (id: string, body = requestBody(id)) =>
  `POST ${WORK_PATH}${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function ask(peer: RawPeer, bytes: string): Promise<HttpResponse> {
  await peer.write(bytes)
  return peer.readResponse()
}

await t.test('a healthy one executes once, answers the id, and keeps the connection', async t => {
  const { port, executed } = await start(t)
  const peer = await rawClient(t, port)
  t.equal((await ask(peer, get(`${WORK_PATH}1`))).body.toString(), answerBody('1', 'GET', 'a'))
  const answer = await ask(peer, post('2'))
  t.equal(answer.body.toString(), answerBody('2', 'POST', 'a'))
  t.not(answer.header('connection'), 'close')
  t.equal((await ask(peer, get(HEALTH_PATH))).status, 200)
  t.equal((await ask(peer, get('/other'))).status, 404)
  t.same(executed, ['GET 1', 'POST 2'])
})

await t.test('the body of another request is refused and not executed', async t => {
  const { port, executed } = await start(t)
  t.equal((await ask(await rawClient(t, port), post('2', requestBody('22')))).status, 422)
  t.same(executed, [])
})

await t.test(
  'one that hangs reads and executes but never answers, on the health path neither, and is well once healed',
  async t => {
    const { server, port, executed } = await start(t)
    await server.injure('hang')
    const [work, health] = [await rawClient(t, port), await rawClient(t, port)]
    await work.write(post('1'))
    await health.write(get(HEALTH_PATH))
    await until(() => executed.length === 1, { what: 'the request to be read' })
    await server.injure('none')
    const other = await rawClient(t, port)
    t.equal((await ask(other, get(HEALTH_PATH))).status, 200)
    t.equal((await ask(other, post('2'))).status, 200)
    t.equal(work.unread.length + health.unread.length, 0)
  },
)

await t.test('one that answers 500 executes, says its code, and is well on the health path', async t => {
  const { server, port, executed } = await start(t)
  await server.injure('answer-500')
  const peer = await rawClient(t, port)
  const answer = await ask(peer, post('1'))
  t.equal(answer.status, 500)
  t.same(JSON.parse(answer.body.toString()), { code: INJURED_CODE })
  t.equal((await ask(peer, get(HEALTH_PATH))).status, 200)
  t.same(executed, ['POST 1'])
})

await t.test('one that resets sends its head and half of its body before', async t => {
  const { server, port, executed } = await start(t)
  await server.injure('reset')
  const peer = await rawClient(t, port)
  await peer.write(get(`${WORK_PATH}1`))
  t.equal(await peer.expectClosed(), 'reset')
  const [head, body = ''] = peer.unread.toString().split('\r\n\r\n')
  const whole = answerBody('1', 'GET', 'a')
  t.match(head, new RegExp(`content-length: ${whole.length}`))
  t.ok(body.length > 0 && body.length < whole.length && whole.startsWith(body))
  t.same(executed, ['GET 1'])
})

await t.test('one that drips sends the right answer in pieces', async t => {
  const { server, port } = await start(t)
  await server.injure('drip')
  const peer = await rawClient(t, port)
  await peer.write(get(`${WORK_PATH}1`))
  await peer.readUntil('\r\n\r\n')
  const whole = answerBody('1', 'GET', 'a')
  t.ok(peer.unread.length < whole.length, 'the head came first')
  t.equal((await peer.readUntil(whole.length)).toString(), whole)
})

await t.test(
  'one that refuses gives open connections a last answer, takes no new ones, and takes them again',
  async t => {
    const { server, port } = await start(t, 60)
    const [busy, idle] = [await rawClient(t, port), await rawClient(t, port)]
    await ask(busy, get(HEALTH_PATH))
    await ask(idle, get(HEALTH_PATH))
    await server.injure('refuse')
    await t.rejects(rawClient(t, port), { code: 'ECONNREFUSED' })
    const last = await ask(busy, get(`${WORK_PATH}1`))
    t.equal(last.status, 200)
    t.equal(last.header('connection'), 'close')
    t.equal(await busy.expectClosed(), 'ended')
    t.equal(await idle.expectClosed(), 'ended', 'what is idle is closed a while later')
    await server.injure('none')
    t.equal((await ask(await rawClient(t, port), get(HEALTH_PATH))).status, 200)
  },
)

await t.test('one that drains fails readiness, gives a last answer, and is done when all are gone', async t => {
  const { server, port } = await start(t, 30_000)
  const [work, health] = [await rawClient(t, port), await rawClient(t, port)]
  await ask(work, get(HEALTH_PATH))
  await ask(health, get(HEALTH_PATH))
  const drained = server.drain()
  await t.rejects(rawClient(t, port), { code: 'ECONNREFUSED' })
  t.equal((await ask(health, get(HEALTH_PATH))).status, 503)
  t.equal((await ask(work, post('1'))).status, 200)
  await drained
  t.equal(await work.expectClosed(), 'ended')
})

await t.test('a drain does not wait for ever for a connection that nobody closes', async t => {
  const { server, port } = await start(t, 40)
  const idle = await rawClient(t, port)
  await ask(idle, get(HEALTH_PATH))
  await server.drain()
  await idle.expectClosed()
  t.pass('it ended')
})
