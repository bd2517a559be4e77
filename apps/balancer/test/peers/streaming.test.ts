// Nothing is held back and nothing is piled up: events arrive one by one, and whoever doesn't read slows down whoever writes.
import t, { type Test } from 'tap'
import { rawClient, rawServer, type RawPeer } from '@plimsoll/testing'
import { get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer } from '../strict-origin.ts'

/** An endpoint that hands over its side as soon as a request has come. */
async function handedOver(t: Test) {
  const arrived = Promise.withResolvers<RawPeer>()
  const server = await rawServer(t, async peer => {
    if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)) arrived.resolve(peer)
    else peer.end()
  })
  const balancer = await startBalancer(t, [server.url], ['--health.interval-ms=60000', '--shutdown.drain-ms=20'])
  return { balancer, peer: () => arrived.promise }
}

for (const [name, request, framing] of [
  ['in chunks', get('/events', 'Accept: text/event-stream\r\n'), 'Transfer-Encoding: chunked\r\n'],
  ['until the close', get('/events'), ''],
  ['by length', get('/events'), 'Content-Length: 1000000\r\n'],
  ['to HTTP/1.0', 'GET /events HTTP/1.0\r\n\r\n', 'Transfer-Encoding: chunked\r\n'],
] as const) {
  await t.test(`server-sent events (${name}) arrive one by one, the head before the first`, async t => {
    const { balancer, peer } = await handedOver(t)
    const client = await rawClient(t, balancer.port)
    await client.write(request)
    const endpoint = await peer()
    await endpoint.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${framing}\r\n`)
    t.match((await client.readUntil('\r\n\r\n')).toString(), 'text/event-stream')
    for (let i = 0; i < 20; i++) {
      const event = `data: ${i}\n\n`
      await endpoint.write(framing.includes('chunked') ? `${event.length.toString(16)}\r\n${event}\r\n` : event)
      // The next is sent only when this one has come.
      await client.readUntil(event)
    }
    t.pass('each before the next')
  })
}

await t.test('a long poll waits, and is answered as soon as there is an answer', async t => {
  const { balancer, peer } = await handedOver(t)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/poll'))
  const endpoint = await peer()
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(client.unread.length, 0)
  await endpoint.write(answer('news'))
  t.equal((await client.readResponse()).body.toString(), 'news')
})

await t.test('a body reaches the endpoint piece by piece as it comes', async t => {
  const { balancer, peer } = await handedOver(t)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/upload', 'Transfer-Encoding: chunked\r\n', 'POST'))
  const endpoint = await peer()
  for (let i = 0; i < 10; i++) {
    await client.write(`2\r\n:${i}\r\n`)
    await endpoint.readUntil(`:${i}`)
  }
  t.pass('each before the next')
})

await t.test('an endpoint that does not read makes the client wait; when it reads, all of it comes', async t => {
  const server = await rawServer(t, peer => peer.pause())
  const balancer = await startBalancer(
    t,
    [server.url],
    ['--health.interval-ms=60000', '--limits.max-body-bytes=0', '--shutdown.drain-ms=20'],
  )
  const client = await rawClient(t, balancer.port)
  const size = 40_000_000
  void client.write(get('/upload', `Content-Length: ${size}\r\n`, 'POST'))
  const written = client.write(Buffer.alloc(size, 'x'))
  const endpoint = await server.peer(1)
  const first = await Promise.race([
    written.then(() => 'all was taken'),
    new Promise(resolve => setTimeout(resolve, 400, 'it waits')),
  ])
  t.equal(first, 'it waits')
  endpoint.resume()
  await endpoint.readUntil('\r\n\r\n')
  t.equal((await endpoint.readUntil(size, { timeoutMs: 5000 })).length, size)
})

await t.test('a client that does not read makes the endpoint wait; when it reads, all of it comes', async t => {
  const { balancer, peer } = await handedOver(t)
  const client = await rawClient(t, balancer.port)
  client.pause()
  await client.write(get('/download'))
  const endpoint = await peer()
  await endpoint.write('HTTP/1.1 200 OK\r\n\r\n')
  const piece = Buffer.alloc(256 * 1024, 'x')
  let written = 0
  for (let blocked = false; !blocked && written < 300_000_000;) {
    const done = endpoint.write(piece)
    written += piece.length
    blocked = await Promise.race([
      done.then(() => false),
      new Promise<boolean>(resolve => setTimeout(resolve, 200, true)),
    ])
  }
  t.ok(written < 300_000_000, `it waits after ${written} bytes`)
  endpoint.end()
  client.resume()
  const response = await client.readResponse({ timeoutMs: 10_000 })
  t.equal(response.body.length, written)
})
