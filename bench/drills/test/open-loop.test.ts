import { type RawPeer, rawServer } from '@plimsoll/testing'
import t from 'tap'
import { answerBody, WORK_PATH } from '../src/upstream/upstream-protocol.ts'
import { due, startLoop } from './one-request.ts'

/** Answers one request, the right way. */
async function serve(peer: RawPeer): Promise<void> {
  const { method, target } = await peer.readRequest()
  await answer(peer, target, method)
}

function answer(peer: RawPeer, target: string, method: string): Promise<void> {
  const body = answerBody(target.slice(WORK_PATH.length), method === 'POST' ? 'POST' : 'GET', 'a')
  return peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}

await t.test('requests are sent without waiting for answers: none is answered before all are there', async t => {
  const count = 50
  const here: (() => Promise<void>)[] = []
  const server = await rawServer(t, async peer => {
    const { method, target } = await peer.readRequest()
    here.push(() => answer(peer, target, method))
    if (here.length === count) await Promise.all(here.map(send => send()))
  })
  const loop = startLoop(t, server.port)
  await loop.run(0, due(count), 0)
  await loop.settled()
  t.equal(loop.records.filter(({ outcome }) => outcome?.kind === 'well').length, count)
})

await t.test('a connection that has brought its answer carries the next request', async t => {
  const server = await rawServer(t, async peer => {
    for (let i = 0; i < 3; i++) await serve(peer)
  })
  const loop = startLoop(t, server.port)
  for (const request of due(3)) {
    await loop.run(0, [request], 0)
    await loop.settled()
  }
  t.equal(server.peers.length, 1)
  t.same(
    loop.records.map(({ outcome }) => outcome),
    Array.from({ length: 3 }, () => ({ kind: 'well', upstream: 'a' })),
  )
})

await t.test('when all connections are taken a request waits, is sent late, and keeps its due time', async t => {
  const first = Promise.withResolvers<void>()
  const server = await rawServer(t, async peer => {
    const { method, target } = await peer.readRequest()
    await first.promise
    await answer(peer, target, method)
    await serve(peer)
  })
  const loop = startLoop(t, server.port, { maxConnections: 1 })
  await loop.run(0, due(2), 0)
  const [sent, waiting] = loop.records
  t.ok(sent && sent.sentAtMs > 0)
  t.equal(waiting?.sentAtMs, 0)
  const dueAtMs = waiting?.dueAtMs
  first.resolve()
  await loop.settled()
  t.equal(server.peers.length, 1)
  t.equal(waiting?.outcome?.kind, 'well')
  t.equal(waiting?.dueAtMs, dueAtMs)
  t.ok((waiting?.sentAtMs ?? 0) > (sent?.sentAtMs ?? 0))
})

await t.test('a request that waits gets a new connection when an old one fails', async t => {
  const server = await rawServer(t, async (peer, index) => {
    if (index === 0) {
      await peer.readRequest()
      peer.reset()
    } else await serve(peer)
  })
  const loop = startLoop(t, server.port, { maxConnections: 1 })
  await loop.run(0, due(2), 0)
  await loop.settled()
  t.same(
    loop.records.map(({ outcome }) => outcome?.kind),
    ['reset', 'well'],
  )
})

await t.test('a request without an answer is hung when its deadline and the grace are over', async t => {
  const server = await rawServer(t)
  const loop = startLoop(t, server.port, { deadlineMs: 30, graceMs: 20 })
  await loop.run(0, due(1), 0)
  await loop.settled()
  t.equal(loop.records[0]?.outcome?.kind, 'hung')
})

await t.test('what is under way is known by method until it has its outcome', async t => {
  const server = await rawServer(t, serve)
  const loop = startLoop(t, server.port)
  await loop.run(0, [...due(1), { id: 'y', method: 'POST', atMs: 0 }], 0)
  t.same(loop.underWay('POST'), ['y'])
  await loop.settled()
  t.same(loop.underWay('POST'), [])
})

await t.test('a phase takes its time, and a signal ends it', async t => {
  const server = await rawServer(t)
  const stop = new AbortController()
  const loop = startLoop(t, server.port, { signal: stop.signal })
  const running = loop.run(0, [], 60_000)
  stop.abort(new Error('enough'))
  await t.rejects(running, { name: 'AbortError' })
})
