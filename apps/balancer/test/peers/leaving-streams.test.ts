// When the balancer or an endpoint drains, long-lived streams are told to leave, and their clients come back elsewhere.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { CLOSE, TEXT, closeOf, frameBytes, parseFrames, type Frame } from '../streams/frames.ts'
import { readEventStream } from '../streams/events.ts'

const ASKING = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n'
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n'
const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const MASK = Buffer.from([1, 2, 3, 4])

/** An endpoint that waits with its answer; hands over its side of each connection. */
async function origin(t: Test) {
  const peers: RawPeer[] = []
  const server = await rawServer(t, async peer => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)
    if (head) peers.push(peer)
    else peer.end()
  })
  return { server, peers }
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

async function tunnel(t: Test, flags: string[] = []) {
  const { server, peers } = await origin(t)
  const balancer = await startBalancer(t, [server.url], flags)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/chat', ASKING))
  await until(() => peers.length > 0, { what: 'the request' })
  const peer = peers[0] as RawPeer
  await peer.write(SWITCHED)
  t.equal((await final(client)).status, 101)
  return { balancer, client, peer }
}

async function frame(peer: RawPeer): Promise<Frame> {
  const head = await peer.readUntil(2)
  const length = (head[1] as number) & 0x7f
  const rest = await peer.readUntil(length + ((head[1] as number) > 0x7f ? 4 : 0))
  return parseFrames(Buffer.concat([head, rest]))[0] as Frame
}

await t.test('a drain closes a WebSocket by 1001 on both sides, and ends when both have answered', async t => {
  const { balancer, client, peer } = await tunnel(t)
  const half = frameBytes({ opcode: TEXT, payload: 'hello' })
  await peer.write(half.subarray(0, 3))
  t.same(await client.readUntil(3), half.subarray(0, 3))
  const stopped = balancer.stop()
  t.same(closeOf(await frame(peer)), { code: 1001, reason: 'draining' })
  await peer.write(half.subarray(3))
  await client.readUntil(half.length - 3)
  t.same(closeOf(await frame(client)), { code: 1001, reason: 'draining' })
  await peer.write(frameBytes({ opcode: CLOSE, payload: Buffer.from([3, 0xe9]) }))
  await client.write(frameBytes({ opcode: CLOSE, payload: Buffer.from([3, 0xe9]), mask: MASK }))
  t.equal(await client.expectClosed(), 'ended')
  t.equal(await peer.expectClosed(), 'ended')
  client.end()
  t.equal(await stopped, 0)
})

await t.test('a client that does not answer the close frame is closed after two seconds', async t => {
  const { balancer, client, peer } = await tunnel(t, ['--shutdown.drain-ms=20000'])
  const startedAtMs = performance.now()
  const stopped = balancer.stop()
  await frame(client)
  await client.write(frameBytes({ opcode: TEXT, payload: 'more', mask: MASK }))
  t.equal(await client.expectClosed({ timeoutMs: 5000 }), 'ended')
  t.ok(performance.now() - startedAtMs >= 1900)
  client.end()
  peer.end()
  t.equal(await stopped, 0)
})

await t.test('an endpoint that breaks off when it is told takes nothing from its client', async t => {
  const { balancer, client, peer } = await tunnel(t)
  const stopped = balancer.stop()
  await frame(peer)
  peer.reset()
  t.equal(closeOf(await frame(client)).code, 1001)
  t.equal(await client.expectClosed(), 'ended')
  client.end()
  t.equal(await stopped, 0)
})

await t.test('a drain ends an event stream behind a whole event, with a time to come back', async t => {
  const { server, peers } = await origin(t)
  const balancer = await startBalancer(t, [server.url])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/events'))
  await until(() => peers.length > 0, { what: 'the request' })
  const peer = peers[0] as RawPeer
  await peer.write(EVENTS + chunk('id: 1\ndata: a\n\ndata: '))
  await client.readUntil('data: \r\n')
  const stopped = balancer.stop()
  await until(async () => (await fetch(`${balancer.adminUrl}/health`)).status === 503, { what: 'the drain' })
  await peer.write(chunk('b\n\ndata: never\n\n'))
  const rest = await client.readUntil('0\r\n\r\n')
  t.equal(rest.toString(), `${chunk('b\n\n')}${chunk('retry: 1750\n\n')}0\r\n\r\n`)
  t.equal(await client.expectClosed(), 'ended')
  client.end()
  t.match(await peer.expectClosed(), /ended|reset/)
  t.equal(await stopped, 0)
})

await t.test(
  'an HTTP/1.0 client sees the end by the close; a stream that has only begun in the drain is told at once',
  async t => {
    const { server, peers } = await origin(t)
    const balancer = await startBalancer(t, [server.url])
    const client = await rawClient(t, balancer.port)
    await client.write('GET /events HTTP/1.0\r\nHost: a.test\r\n\r\n')
    await until(() => peers.length > 0, { what: 'the request' })
    const idle = await rawClient(t, balancer.port)
    const stopped = balancer.stop()
    t.equal(await idle.expectClosed(), 'ended', 'the drain has begun')
    idle.end()
    await (peers[0] as RawPeer).write(EVENTS + chunk('data: never\n\n'))
    const body = (await client.readAll()).toString().split('\r\n\r\n')[1] as string
    t.same(readEventStream(Buffer.from(body)), { events: [], retryMs: 1750, isWhole: true })
    client.end()
    t.equal(await stopped, 0)
  },
)

await t.test('compressed streams and those of a known length are left until the drain ends', async t => {
  const { server, peers } = await origin(t)
  const balancer = await startBalancer(t, [server.url], ['--shutdown.drain-ms=100'])
  const client = await rawClient(t, balancer.port)
  await client.write(get('/events'))
  await until(() => peers.length > 0, { what: 'the request' })
  await (peers[0] as RawPeer).write(EVENTS.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\n') + chunk('abc\n\n'))
  await client.readUntil('abc\n\n')
  t.equal(await balancer.stop(), 1)
  t.notOk(client.unread.includes('retry'))
})

await t.test(
  'an endpoint that drains has its streams told, others stay, and the client connection lives on',
  async t => {
    const first = await origin(t)
    const second = await origin(t)
    const file = join(t.testdir(), 'endpoints.json')
    const list = (draining: boolean) =>
      JSON.stringify({
        format: 1,
        endpoints: [first, second].map(({ server }, i) => ({
          id: `w${i}`,
          url: server.url,
          state: draining && i === 0 ? 'draining' : 'ready',
        })),
      })
    await writeFile(file, list(false))
    const balancer = await startBalancer(t, [], [`--discovery.file=${file}`, '--discovery.poll-ms=50'])
    await balancer.available(2)
    const clients = [await rawClient(t, balancer.port), await rawClient(t, balancer.port)]
    for (const client of clients) await client.write(get('/events'))
    await until(() => first.peers.length > 0 && second.peers.length > 0, { what: 'the requests' })
    await (first.peers[0] as RawPeer).write(EVENTS + chunk('data: 1\n\n'))
    await (second.peers[0] as RawPeer).write(EVENTS + chunk('data: 2\n\n'))
    const ofFirst = await Promise.all(
      clients.map(async client => (await client.readUntil(/data: \d\n\n\r\n/)).includes('data: 1')),
    )
    await writeFile(file, list(true))
    const leaving = clients[ofFirst.indexOf(true)] as RawPeer
    const staying = clients[ofFirst.indexOf(false)] as RawPeer
    t.match((await leaving.readUntil('0\r\n\r\n')).toString(), 'retry: 1750')
    t.equal(staying.unread.length, 0)
    await leaving.write(get('/events'))
    await until(() => second.peers.length === 2, { what: 'the next request at the other one' })
    t.equal(leaving.state, 'open')
  },
)
