// A stop loses nothing: what is under way is answered, what is idle is closed, what is new looks elsewhere.
import t from 'tap'
import { rawClient, until } from '@plimsoll/testing'
import { ask, final, get } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

/** Stops it, and comes back when the drain has begun. */
async function draining(balancer: RunningBalancer): Promise<Promise<number>[]> {
  const stopped = balancer.stop()
  await until(async () => (await fetch(`${balancer.adminUrl}/health`)).status === 503, { what: 'the drain to begin' })
  return [stopped]
}

/** An origin that answers when told. */
async function waiting(t: Parameters<typeof strictOrigin>[0]) {
  const held: (() => void)[] = []
  const origin = await strictOrigin(t, async request => {
    await new Promise<void>(resolve => held.push(resolve))
    return answer(request.target)
  })
  return { origin, held, go: () => held.splice(0).forEach(resolve => resolve()) }
}

await t.test('within the grace everything is served, but health says no and answers end their connections', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url], ['--shutdown.grace-ms=300'])
  const { client } = await ask(t, balancer.port, get('/before'))
  const stopped = balancer.stop()
  await until(async () => (await fetch(`${balancer.adminUrl}/health`)).status === 503, { what: 'health to fail' })
  await client.write(get('/kept'))
  const response = await final(client)
  t.equal(response.body.toString(), 'GET /kept ')
  t.equal(response.header('connection'), 'close')
  t.equal(await client.expectClosed(), 'ended')
  const newcomer = await ask(t, balancer.port, get('/new'))
  t.equal(newcomer.answers[0]?.status, 200)
  client.end()
  newcomer.client.end()
  t.equal(await stopped, 0)
  await t.rejects(rawClient(t, balancer.port), { code: 'ECONNREFUSED' })
})

await t.test('pipelined requests that have come are answered before the connection ends', async t => {
  const { origin, held, go } = await waiting(t)
  const balancer = await startBalancer(t, [origin.url], ['--shutdown.grace-ms=300'])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/1') + get('/2') + get('/3'))
  await until(() => held.length === 1, { what: 'the first request to arrive' })
  const [stopped] = await draining(balancer)
  const answering = setInterval(go, 5)
  t.teardown(() => clearInterval(answering))
  for (const target of ['/1', '/2', '/3']) {
    const response = await final(client)
    t.equal(response.body.toString(), target)
    t.equal(response.header('connection'), target === '/3' ? 'close' : undefined)
  }
  client.end()
  t.equal(await stopped, 0)
})

await t.test('idle connections are closed, without a reset, and new ones refused', async t => {
  const { origin, held, go } = await waiting(t)
  const balancer = await startBalancer(t, [origin.url])
  const idle = await rawClient(t, balancer.port)
  const busy = await rawClient(t, balancer.port)
  await busy.write(get('/busy'))
  await until(() => held.length === 1, { what: 'the request to arrive' })
  const [stopped] = await draining(balancer)
  t.equal(await idle.expectClosed(), 'ended')
  t.equal(busy.state, 'open')
  go()
  const response = await final(busy)
  t.equal(response.body.toString(), '/busy')
  t.equal(response.header('connection'), 'close', 'the client knows that nothing more is answered')
  t.equal((await busy.readAll()).length, 0)
  idle.end()
  busy.end()
  t.equal(await stopped, 0)
})

await t.test('of pipelined requests the one under way is answered, as the last', async t => {
  const { origin, held, go } = await waiting(t)
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/one') + get('/two') + get('/three'))
  await until(() => held.length === 1, { what: 'the first to arrive' })
  const [stopped] = await draining(balancer)
  go()
  const response = await final(client)
  t.equal(response.body.toString(), '/one')
  t.equal(response.header('connection'), 'close')
  client.end()
  t.equal((await client.readAll()).length, 0)
  t.equal(origin.seen.length, 1, 'the others never reached the origin: a client may safely send them again')
  t.equal(await stopped, 0)
})

await t.test('a body that is under way is still taken', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(`${get('/', 'Content-Length: 6\r\n', 'POST')}abc`)
  await until(() => origin.peers.length === 1, { what: 'the request to be under way' })
  const [stopped] = await draining(balancer)
  await client.write('def')
  t.equal((await final(client, 'POST')).status, 200)
  client.end()
  t.equal(origin.seen[0]?.body.toString(), 'abcdef')
  t.equal(await stopped, 0)
})

await t.test('the balancer’s own refusals say that the connection ends, too', async t => {
  const { origin, held, go } = await waiting(t)
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/one'))
  await until(() => held.length === 1, { what: 'the request to arrive' })
  const half = await rawClient(t, balancer.port)
  await half.write('TRACE / HTTP/1.1\r\nHost: a')
  await new Promise(resolve => setTimeout(resolve, 20))
  const [stopped] = await draining(balancer)
  await half.write('\r\n\r\n')
  const refused = await final(half)
  t.equal(refused.status, 501)
  t.equal(refused.header('connection'), 'close')
  go()
  await final(client)
  client.end()
  half.end()
  t.equal(await stopped, 0)
})
