// WebSocket tunnels: opened only by 101, then bytes both ways as they are; never opened by anything else.
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { final, get, problemOf } from '../conversation.ts'
import { startBalancer, type RunningBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const ASKING = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n'
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n'

/** An endpoint that hands over its side of the connection, with the head that came, before it has answered. */
async function tunnelled(
  t: Test,
  flags: string[] = [],
): Promise<{ balancer: RunningBalancer; client: RawPeer; peer: RawPeer; head: string }> {
  const arrived = Promise.withResolvers<{ peer: RawPeer; head: string }>()
  const server = await rawServer(t, async peer => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)
    if (head) arrived.resolve({ peer, head: head.toString('latin1') })
    else peer.end()
  })
  const balancer = await startBalancer(t, [server.url], ['--shutdown.drain-ms=30', ...flags])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/chat', ASKING))
  return { balancer, client, ...(await arrived.promise) }
}

async function opened(t: Test, flags: string[] = []) {
  const all = await tunnelled(t, flags)
  await all.peer.write(SWITCHED)
  t.equal((await final(all.client)).status, 101)
  return all
}

await t.test('the handshake reaches the endpoint as an upgrade, with who the client is', async t => {
  const { head, peer, client } = await tunnelled(t)
  t.match(head, /^GET \/chat HTTP\/1\.1\r\n/)
  t.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/)
  t.match(head, /\r\nSec-WebSocket-Key: x\r\n/)
  t.match(head, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/)
  await peer.write(SWITCHED)
  const response = await final(client)
  t.equal(response.status, 101)
  t.equal(response.header('connection'), 'Upgrade')
  t.equal(response.header('upgrade'), 'websocket')
  t.equal(response.header('sec-websocket-accept'), 'y')
  t.equal(response.header('content-length'), undefined)
})

await t.test('bytes pass both ways as they are: all values, nothing added, a megabyte', async t => {
  const { client, peer } = await opened(t)
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  await client.write(all)
  t.same(await peer.readUntil(256), all)
  await peer.write(all)
  t.same(await client.readUntil(256), all)
  const large = Buffer.alloc(1_000_000, all)
  void client.write(large)
  void peer.write(large)
  t.ok((await peer.readUntil(large.length)).equals(large))
  t.ok((await client.readUntil(large.length)).equals(large))
  await client.write(get('/not-a-request'))
  t.equal((await peer.readUntil('\r\n\r\n')).toString(), get('/not-a-request'))
})

await t.test('CVE-2026-2833: bytes right behind the handshake wait until 101', async t => {
  const { client, peer } = await tunnelled(t)
  await client.write('early bytes')
  // Something that certainly comes later than those bytes would have.
  await peer.write('HTTP/1.1 103 Early Hints\r\n\r\n')
  t.equal((await client.readResponse()).status, 103)
  t.equal(peer.unread.length, 0)
  await peer.write(`${SWITCHED}first bytes`)
  t.equal((await final(client)).status, 101)
  t.equal((await peer.readUntil(11)).toString(), 'early bytes')
  t.equal((await client.readUntil(11)).toString(), 'first bytes')
})

await t.test('WebSocket smuggling: 426 opens no tunnel, and what follows is a request like any other', async t => {
  const origin = await strictOrigin(t, request =>
    request.header('upgrade')
      ? 'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n'
      : answer(request.target),
  )
  const balancer = await startBalancer(t, [origin.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/chat', ASKING) + get('/second') + get('/a b'))
  const refused = await final(client)
  t.equal(refused.status, 426)
  t.equal(refused.header('upgrade'), 'websocket', 'RFC 9110, 15.5.22')
  t.equal((await final(client)).body.toString(), '/second')
  t.equal((await final(client)).status, 400)
})

for (const status of ['200 OK', '403 Forbidden', '503 Service Unavailable']) {
  await t.test(`${status} to an upgrade is an answer like any other`, async t => {
    const origin = await strictOrigin(t, request =>
      answer(request.target, '', request.header('upgrade') ? status : '200 OK'),
    )
    const balancer = await startBalancer(t, [origin.url])
    const client = await rawClient(t, balancer.port)
    await client.write(get('/chat', ASKING) + get('/second'))
    t.equal((await final(client)).status, Number(status.slice(0, 3)))
    t.equal((await final(client)).body.toString(), '/second')
  })
}

for (const [name, request] of [
  [
    'h2c (Bishop Fox 2020)',
    get('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n'),
  ],
  ['HTTP/1.0 (RFC 9110, 7.8)', `GET / HTTP/1.0\r\nHost: a\r\n${ASKING}\r\n`],
  ['Upgrade that Connection does not name', get('/', 'Upgrade: websocket\r\n')],
  ['Connection: Upgrade alone', get('/', 'Connection: Upgrade\r\n')],
  ['a list of protocols', get('/', 'Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n')],
  ['POST', get('/', ASKING, 'POST')],
  ['an upgrade with a body', `${get('/', `${ASKING}Content-Length: 3\r\n`)}abc`],
  ['an upgrade with chunks', `${get('/', `${ASKING}Transfer-Encoding: chunked\r\n`)}3\r\nabc\r\n0\r\n\r\n`],
] as const) {
  await t.test(`not passed on as an upgrade: ${name}`, async t => {
    const origin = await strictOrigin(t)
    const balancer = await startBalancer(t, [origin.url])
    const client = await rawClient(t, balancer.port)
    await client.write(request)
    t.equal((await final(client)).status, 200)
    t.equal(origin.seen[0]?.header('upgrade'), undefined)
    t.equal(origin.seen[0]?.header('connection'), undefined)
    t.equal(origin.seen[0]?.body.toString() ?? '', request.includes('abc') ? 'abc' : '')
  })
}

for (const [name, head] of [
  ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ['no protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ['HTTP/1.0', 'HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
] as const) {
  await t.test(`101 that was not asked for like this becomes 502: ${name}`, async t => {
    const { client, peer } = await tunnelled(t)
    await peer.write(head)
    const response = await final(client)
    t.equal(response.status, 502)
    t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_INVALID' })
    t.equal(await peer.expectClosed(), 'ended')
  })
}

await t.test('each side may end its half: the other half goes on', async t => {
  const { client, peer } = await opened(t)
  client.end()
  t.equal(await peer.expectClosed(), 'ended')
  await peer.write('still here')
  t.equal((await client.readUntil(10)).toString(), 'still here')
  peer.end()
  t.equal(await client.expectClosed(), 'ended')

  const other = await opened(t)
  await other.peer.write('last words')
  other.peer.end()
  t.equal((await other.client.readAll()).toString(), 'last words')
  await other.client.write('and mine')
  other.client.end()
  t.equal((await other.peer.readAll()).toString(), 'and mine')
})

await t.test('what was written last arrives before the end, however much it is', async t => {
  const large = Buffer.alloc(3_000_000, 'x')
  const { client, peer } = await opened(t)
  peer.end()
  await client.expectClosed()
  peer.pause()
  void client.write(large)
  client.end()
  await new Promise(resolve => setTimeout(resolve, 50))
  peer.resume()
  t.equal((await peer.readAll()).length, large.length)
})

await t.test('a reset passes through the tunnel, both ways', async t => {
  const { client, peer } = await opened(t)
  peer.reset()
  t.equal(await client.expectClosed(), 'reset')
  const other = await opened(t)
  other.client.reset()
  await other.peer.expectClosed()
  t.pass('the endpoint sees it')
})

await t.test('a tunnel that is silent on both sides ends after its time; one that is not lives', async t => {
  const { client, peer } = await opened(t, [
    '--timeouts.tunnel-idle-ms=200',
    '--timeouts.try-ms=100',
    '--timeouts.total-ms=100',
  ])
  for (let i = 0; i < 8; i++) {
    await (i % 2 ? client : peer).write('x')
    await (i % 2 ? peer : client).readUntil(1)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.same([client.state, peer.state], ['open', 'open'])
  await client.expectClosed()
  await peer.expectClosed()
})

await t.test('a side that does not read slows the other down, and loses nothing', async t => {
  const { client, peer } = await opened(t)
  client.pause()
  let written = 0
  const piece = Buffer.alloc(64 * 1024, 'y')
  let blocked = false
  while (!blocked && written < 200 * 1024 * 1024) {
    const done = peer.write(piece)
    written += piece.length
    blocked = await Promise.race([
      done.then(() => false),
      new Promise<boolean>(resolve => setTimeout(resolve, 300, true)),
    ])
  }
  t.ok(blocked, `the endpoint feels it after ${written} bytes`)
  client.resume()
  t.equal((await client.readUntil(written, { timeoutMs: 10_000 })).length, written)
})

await t.test('a tunnel is counted, and cut when a drain is over', async t => {
  const { balancer, client } = await opened(t)
  await until(async () => /lb_requests_active 1/.test(await (await fetch(`${balancer.adminUrl}/metrics`)).text()), {
    what: 'the tunnel to be counted',
  })
  t.equal(await balancer.stop(), 1)
  await client.expectClosed()
})
