// Endpoints that drip: an answer that never gets on is given up after its time, however steadily single octets come.
import { rawServer, rawClient, type RawPeer } from '@plimsoll/testing'
import t from 'tap'
import { answerTo, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'

const TIMES = ['--retry.count=0', '--timeouts.try-ms=200', '--timeouts.total-ms=400', '--timeouts.answer-idle-ms=200']

/** An endpoint that says `first`, and then single octets of `rest` for as long as the connection lives. */
async function dripping(t: Parameters<typeof rawServer>[0], first: string, rest: string) {
  return rawServer(t, async (peer: RawPeer) => {
    const head = await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)
    if (head === null) return peer.end()
    await peer.write(first)
    for (let i = 0; peer.state === 'open' && !peer.released; i++) {
      await peer.write(rest[i % rest.length] as string).catch(() => {})
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  })
}

for (const [name, first, rest] of [
  ['a reason phrase', 'HTTP/1.1 200 ', 'x'],
  ['a field', 'HTTP/1.1 200 OK\r\nX: ', 'x'],
  ['the fields of an interim answer', 'HTTP/1.1 103 Early Hints\r\nX: ', 'x'],
  ['fields', 'HTTP/1.1 200 OK\r\n', 'X: y\r\n'],
] as const) {
  await t.test(`slow drip: ${name} without an end is answered with 504 when its time is over`, async t => {
    const server = await dripping(t, first, rest)
    const balancer = await startBalancer(t, [server.url], TIMES)
    const response = await answerTo(t, balancer.port, get('/'))
    t.equal(response.status, 504)
    t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_TIMEOUT', source: 'upstream' })
  })
}

for (const [name, chunks, rest] of [
  ['an extension of a chunk', '2\r\nok\r\n3;', 'x'],
  ['the zeros of a size', '2\r\nok\r\n', '0'],
  ['a trailer section', '2\r\nok\r\n0\r\n', 'X: y\r\n'],
] as const) {
  await t.test(`slow drip: ${name} without an end is no progress, and the answer is cut off`, async t => {
    const server = await dripping(t, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, rest)
    const balancer = await startBalancer(t, [server.url], TIMES)
    const client = await rawClient(t, balancer.port)
    await client.write(get('/'))
    await client.expectClosed()
    t.match(client.unread.toString('latin1'), /\r\n\r\n2\r\nok\r\n$/)
  })
}
