// Clients that end their side, leave, or never finish; and endpoints that do. Whoever leaves takes the other side's work with it.
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type HttpResponse, type RawPeer } from '@plimsoll/testing'
import { final, get, problemOf } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'
import { blackHole } from './black-hole.ts'

/** A balancer before an endpoint that hands over each request's head and its side of the connection. */
async function withPeers(t: Test, flags: string[] = []) {
  const peers: { peer: RawPeer; head: string }[] = []
  const server = await rawServer(t, async peer => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)
    if (head) peers.push({ peer, head: head.toString('latin1') })
    else peer.end()
  })
  const balancer = await startBalancer(t, [server.url], ['--health.interval-ms=60000', ...flags])
  const arrived = async (index: number) => {
    await until(() => peers.length > index, { what: `request ${index} to arrive`, intervalMs: 2 })
    return peers[index]?.peer as RawPeer
  }
  return { balancer, arrived, peers }
}

const activeRequests = async (balancer: RunningBalancer) =>
  Number(/^lb_requests_active (\d+)$/m.exec(await (await fetch(`${balancer.adminUrl}/metrics`)).text())?.[1])

await t.test('a client that ends its side behind a whole request is still answered', async t => {
  const { balancer, arrived } = await withPeers(t)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/'))
  client.end()
  const peer = await arrived(0)
  const interim: HttpResponse[] = []
  const response = final(client, 'GET', { interim })
  await until(() => client.unread.length > 0 || interim.length > 0, { what: 'the question whether it is still there' })
  t.equal(peer.state, 'open')
  await peer.write(answer('for you'))
  t.equal((await response).body.toString(), 'for you')
  t.equal(await client.expectClosed(), 'ended')
  t.ok(interim.every(({ status }) => status === 102))
})

await t.test('so are requests that it sent together, all of them', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/1') + get('/2') + get('/3'))
  client.end()
  for (const target of ['/1', '/2', '/3']) t.equal((await final(client)).body.toString(), `GET ${target} `)
  t.equal((await client.readAll()).length, 0)
})

await t.test('an HTTP/1.0 client that ends its side gets no interim answer, and its answer', async t => {
  const { balancer, arrived } = await withPeers(t, ['--timeouts.half-closed-probe-ms=20'])
  const client = await rawClient(t, balancer.port)
  await client.write('GET / HTTP/1.0\r\n\r\n')
  client.end()
  const peer = await arrived(0)
  await new Promise(resolve => setTimeout(resolve, 150))
  t.equal(client.unread.length, 0)
  await peer.write(answer('old'))
  t.match((await client.readAll()).toString(), /^HTTP\/1\.1 200 [^]*old$/)
})

for (const [name, bytes, method] of [
  ['in a head', 'GET / HTTP/1.1\r\nHost: a.te', 'GET'],
  ['in a request line', 'GE', 'GET'],
  ['in a body', `${get('/', 'Content-Length: 10\r\n', 'POST')}half`, 'POST'],
  ['before a body', get('/', 'Content-Length: 10\r\n', 'PUT'), 'PUT'],
  ['in a chunk', `${get('/', 'Transfer-Encoding: chunked\r\n', 'POST')}a\r\nhalf`, 'POST'],
  ['between chunks', `${get('/', 'Transfer-Encoding: chunked\r\n', 'POST')}4\r\nhalf\r\n`, 'POST'],
  ['in the last chunk', `${get('/', 'Transfer-Encoding: chunked\r\n', 'POST')}4\r\nhalf\r\n0\r\n`, 'POST'],
  ['in the trailers', `${get('/', 'Transfer-Encoding: chunked\r\n', 'POST')}4\r\nhalf\r\n0\r\nX: y\r\n`, 'POST'],
] as const) {
  await t.test(`a client that ends its side ${name} gets 400, and nothing reaches the endpoint as whole`, async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(t, [origin.url])
    const client = await rawClient(t, balancer.port)
    await client.write(get('/good') + bytes)
    client.end()
    t.equal((await final(client)).status, 200)
    const response = await final(client, method)
    t.equal(response.status, 400)
    t.match(problemOf(response), { code: 'LB_ERR_REQUEST_CUT_SHORT', source: 'client' })
    t.equal((await client.readAll()).length, 0)
    t.equal(origin.seen.length, 1)
    await until(() => origin.peers.every(peer => peer.state !== 'open' || peer.unread.length === 0), {
      what: 'the endpoint to see that the rest will not come',
    })
  })
}

for (const [name, leave] of [
  ['a reset', (client: RawPeer) => client.reset()],
  ['a close, which shows only as an end of its side', (client: RawPeer) => client.release()],
] as const) {
  await t.test(
    `a client that leaves by ${name} while its request waits takes it with it, within about a second`,
    async t => {
      const { balancer, arrived } = await withPeers(t)
      const client = await rawClient(t, balancer.port)
      await client.write(get('/'))
      const peer = await arrived(0)
      const leftAtMs = performance.now()
      leave(client)
      await peer.expectClosed({ timeoutMs: 3000 })
      t.ok(performance.now() - leftAtMs < 2500)
      await until(async () => (await activeRequests(balancer)) === 0, { what: 'the request to be over' })
    },
  )

  await t.test(`a client that leaves by ${name} in the middle of its answer ends it at the endpoint`, async t => {
    const { balancer, arrived } = await withPeers(t)
    const client = await rawClient(t, balancer.port)
    await client.write(get('/'))
    const peer = await arrived(0)
    await peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    await client.readUntil('half')
    leave(client)
    while (peer.state === 'open') {
      await peer.write('1\r\nx\r\n').catch(() => {})
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    t.pass('the endpoint sees it')
  })

  await t.test(`a client that leaves by ${name} in the middle of its body ends it at the endpoint`, async t => {
    const { balancer, arrived } = await withPeers(t)
    const client = await rawClient(t, balancer.port)
    await client.write(`${get('/', 'Content-Length: 1000\r\n', 'POST')}some of it`)
    const peer = await arrived(0)
    leave(client)
    await peer.expectClosed()
    t.equal(peer.unread.toString(), 'some of it')
  })
}

await t.test('a client that leaves while its connection is being opened leaves nothing behind', async t => {
  const hole = await blackHole(t)
  const balancer = await startBalancer(t, [hole.url], ['--timeouts.connect-ms=60000', '--health.interval-ms=60000'])
  await hole.swallow()
  const client = await rawClient(t, balancer.port)
  await client.write(get('/'))
  await until(async () => (await activeRequests(balancer)) === 1, { what: 'the request to be under way' })
  client.reset()
  await until(async () => (await activeRequests(balancer)) === 0, { what: 'the request to be over' })
  t.match(
    await (await fetch(`${balancer.adminUrl}/metrics`)).text(),
    /^lb_upstream_connections\{server="[^"]+",state="used"\} 0$/m,
  )
})

await t.test('an endpoint that resets in the middle of its answer is seen by the client at once', async t => {
  const { balancer, arrived } = await withPeers(t)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/'))
  const peer = await arrived(0)
  await peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf')
  await client.readUntil('half')
  peer.reset()
  await client.expectClosed()
  t.equal(client.unread.length, 0)
})

await t.test('good answers before one that breaks off arrive whole', async t => {
  const { balancer, arrived } = await withPeers(t)
  const client = await rawClient(t, balancer.port)
  client.pause()
  const large = 'x'.repeat(500_000)
  await client.write(get('/large') + get('/broken'))
  const first = await arrived(0)
  const second = first.readUntil('\r\n\r\n', { timeoutMs: 5000 })
  void first.write(answer(large))
  await second
  await first.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf')
  first.reset()
  client.resume()
  t.equal((await final(client)).body.length, large.length)
  await client.expectClosed()
  t.match(client.unread.toString('latin1'), /^HTTP\/1\.1 200 [^]*\r\n\r\nhalf$/)
})
