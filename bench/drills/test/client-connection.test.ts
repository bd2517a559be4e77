// Every way in which an answer can go wrong, by peers that do it: a drill that calls one of these well measures nothing.
import { freePort, type HttpRequest, type RawPeer, rawServer } from '@plimsoll/testing'
import t from 'tap'
import { answerBody, WORK_PATH } from '../src/upstream/upstream-protocol.ts'
import { due, startLoop } from './one-request.ts'

const right = answerBody('x.0', 'GET', 'b')
const withLength = (body: string, length = body.length) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${body}`

interface Case {
  readonly what: string
  readonly answer: (peer: RawPeer, request: HttpRequest) => Promise<void> | void
  readonly outcome: object
}

const closing = (bytes: string) => async (peer: RawPeer) => {
  await peer.write(bytes)
  peer.end()
}
const resetting = (bytes: string) => async (peer: RawPeer) => {
  await peer.write(bytes)
  // A reset may overtake bytes that wait in the other side's buffer: it has to have read them.
  await new Promise(resolve => setTimeout(resolve, 30))
  peer.reset()
}

const cases: readonly Case[] = [
  {
    what: 'the right answer, by length, is well',
    answer: peer => peer.write(withLength(right)),
    outcome: { kind: 'well', upstream: 'b' },
  },
  {
    what: 'the right answer, byte by byte, is well',
    answer: peer => peer.writeSlowly(withLength(right)),
    outcome: { kind: 'well', upstream: 'b' },
  },
  {
    what: 'the right answer, in chunks, is well',
    answer: peer =>
      peer.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${right.length.toString(16)}\r\n${right}\r\n0\r\n\r\n`,
      ),
    outcome: { kind: 'well', upstream: 'b' },
  },
  {
    what: 'the right answer, up to the close, is well',
    answer: closing(`HTTP/1.1 200 OK\r\n\r\n${right}`),
    outcome: { kind: 'well', upstream: 'b' },
  },
  {
    what: 'the right answer behind interim ones is well',
    answer: peer => peer.write(`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${withLength(right)}`),
    outcome: { kind: 'well', upstream: 'b' },
  },
  {
    what: 'the answer to another request is wrong',
    answer: peer => peer.write(withLength(answerBody('x.1', 'GET', 'b'))),
    outcome: { kind: 'wrong', detail: /not the answer to GET x\.0/ },
  },
  {
    what: 'the answer to another method is wrong',
    answer: peer => peer.write(withLength(answerBody('x.0', 'POST', 'b'))),
    outcome: { kind: 'wrong' },
  },
  {
    what: 'a shorter body than the right one, well framed, is wrong',
    answer: peer => peer.write(withLength(right.slice(0, -10))),
    outcome: { kind: 'wrong' },
  },
  {
    what: 'an empty 200 is wrong',
    answer: peer => peer.write(withLength('')),
    outcome: { kind: 'wrong' },
  },
  {
    what: 'bytes behind the answer are wrong',
    answer: peer => peer.write(`${withLength(right)}HTTP/1.1 200 OK\r\n`),
    outcome: { kind: 'wrong', detail: /bytes behind the answer/ },
  },
  {
    what: 'what is no HTTP is wrong',
    answer: peer => peer.write('nonsense\r\n\r\n'),
    outcome: { kind: 'wrong', detail: /Not an HTTP/ },
  },
  {
    what: 'two lengths are wrong',
    answer: peer => peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'),
    outcome: { kind: 'wrong' },
  },
  {
    what: 'a problem document is counted by its status and code',
    answer: peer =>
      peer.write(withLength('{"code":"LB_ERR_NO_ENDPOINT"}').replace('200 OK', '503 Service Unavailable')),
    outcome: { kind: 'status', status: 503, code: 'LB_ERR_NO_ENDPOINT' },
  },
  {
    what: 'an error page is counted by its status',
    answer: peer => peer.write(withLength('<html>').replace('200 OK', '502 Bad Gateway')),
    outcome: { kind: 'status', status: 502, code: null },
  },
  {
    what: 'an end in mid-body is a cut',
    answer: closing(withLength(right.slice(0, 100), right.length)),
    outcome: { kind: 'cut', detail: /^closed after/ },
  },
  {
    what: 'a reset in mid-body is a cut',
    answer: resetting(withLength(right.slice(0, 100), right.length)),
    outcome: { kind: 'cut', detail: /^ECONNRESET after/ },
  },
  {
    what: 'an end in mid-head is a cut',
    answer: closing('HTTP/1.1 200 O'),
    outcome: { kind: 'cut' },
  },
  {
    what: 'an end between chunks is a cut',
    answer: closing('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n'),
    outcome: { kind: 'cut' },
  },
  {
    what: 'a reset before a byte of an answer is a reset',
    answer: peer => peer.reset(),
    outcome: { kind: 'reset' },
  },
  {
    what: 'an end before a byte of an answer is a reset too',
    answer: peer => peer.end(),
    outcome: { kind: 'reset', detail: 'closed before an answer' },
  },
]

for (const { what, answer, outcome } of cases) {
  await t.test(what, async t => {
    const server = await rawServer(t, async peer => {
      await answer(peer, await peer.readRequest())
    })
    const loop = startLoop(t, server.port)
    await loop.run(0, due(1), 0)
    await loop.settled()
    t.match(loop.records[0]?.outcome, outcome)
    t.ok((loop.records[0]?.settledAtMs ?? 0) > 0)
  })
}

await t.test('where nobody listens it is refused', async t => {
  const loop = startLoop(t, await freePort())
  await loop.run(0, due(1), 0)
  await loop.settled()
  t.match(loop.records[0]?.outcome, { kind: 'refused', detail: 'ECONNREFUSED' })
})

await t.test('a POST carries its id in its target and its body', async t => {
  const server = await rawServer(t, async peer => {
    const { method, target, body, framing } = await peer.readRequest()
    t.equal(method, 'POST')
    t.equal(target, `${WORK_PATH}x.0`)
    t.equal(framing, 'content-length')
    t.ok(body.toString().startsWith('x.0 '))
    await peer.write(withLength(answerBody('x.0', 'POST', 'c')))
  })
  const loop = startLoop(t, server.port)
  await loop.run(0, due(1, 'POST'), 0)
  await loop.settled()
  t.same(loop.records[0]?.outcome, { kind: 'well', upstream: 'c' })
})

await t.test('after `connection: close` the next request takes a new connection', async t => {
  const server = await rawServer(t, async peer => {
    const { target } = await peer.readRequest()
    const body = answerBody(target.slice(WORK_PATH.length), 'GET', 'a')
    await peer.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  const loop = startLoop(t, server.port)
  for (const request of due(2)) {
    await loop.run(0, [request], 0)
    await loop.settled()
  }
  t.equal(server.peers.length, 2)
  t.same(
    loop.records.map(({ outcome }) => outcome?.kind),
    ['well', 'well'],
  )
})

await t.test('bytes that come without a request are noted', async t => {
  const server = await rawServer(t, async peer => {
    await peer.readRequest()
    await peer.write(withLength(right))
    // Behind the answer, once that was taken.
    await new Promise(resolve => setTimeout(resolve, 30))
    await peer.write('HTTP/1.1 408 Request Timeout\r\n\r\n')
    await peer.expectClosed()
  })
  const loop = startLoop(t, server.port)
  await loop.run(0, due(1), 0)
  await loop.settled()
  t.equal(loop.records[0]?.outcome?.kind, 'well')
  await (await server.peer(0)).expectClosed()
  t.match(loop.stray, [/bytes without a request: "HTTP\/1.1 408/])
})
