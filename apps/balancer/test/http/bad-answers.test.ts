// Endpoints that answer badly. The client gets a 502 of ours, or sees that its answer broke off; it never gets anything that could be
// read in two ways, and nothing of it ever reaches another client.
import t from 'tap'
import { rawClient, rawServer, until, type RawPeer } from '@plimsoll/testing'
import { answerTo, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer } from '../strict-origin.ts'

/** Answers by the request's target: what the script of the case says, then an answer to whatever comes next. */
const scripts = new Map<string, (peer: RawPeer) => void | Promise<void>>()
const server = await rawServer(t, async peer => {
  try {
    for (;;) {
      const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
      const target = head.split(' ')[1] ?? ''
      const script = scripts.get(target)
      if (script) await script(peer)
      else await peer.write(answer(`answer to ${target}`))
    }
  } catch {
    peer.end()
  }
})
const balancer = await startBalancer(t, [server.url], ['--retry.count=0', '--health.interval-ms=60000'])
let cases = 0

/** Lets the endpoint answer with these bytes (and then close, if asked), and asks. */
async function askFor(
  t: Parameters<typeof answerTo>[0],
  bytes: string | string[],
  then: 'keep' | 'end' | 'reset' = 'keep',
  method = 'GET',
) {
  const target = `/case-${++cases}`
  scripts.set(target, async peer => {
    for (const piece of [bytes].flat()) await peer.write(piece)
    if (then === 'end') peer.end()
    if (then === 'reset') peer.reset()
  })
  const client = await rawClient(t, balancer.port)
  await client.write(get(target, '', method))
  return client
}

const INVALID: readonly (readonly [name: string, bytes: string])[] = [
  ...['000', '099', '99', '1000', '600', '999', 'abc', '2x0', '-20', '2 00', '', '20'].map(
    status =>
      [
        `status ${JSON.stringify(status)} is no status`,
        `HTTP/1.1 ${status} OK\r\nContent-Length: 2\r\n\r\nok`,
      ] as const,
  ),
  ['no status line', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['HTTP/1', 'HTTP/1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['ICY', 'ICY 200 OK\r\n\r\nok'],
  ['an empty line in front', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  [
    'two Content-Length that differ (RFC 9112, 6.3, rule 5)',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
  ],
  ['Content-Length: 2, 3', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!'],
  ['Content-Length: -1', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok'],
  [
    'Content-Length beside Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['an unknown transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['chunked that is not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['Transfer-Encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['a folded field (RFC 9112, 5.2)', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'],
  ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok'],
  [
    'response splitting: a bare CR in a field',
    'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b=c\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'response splitting: a bare LF in a field',
    'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b=c\r\nContent-Length: 2\r\n\r\nok',
  ],
  ['response splitting: a bare CR in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok'],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok'],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  ],
  ['a flood of interim answers', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40) + answer('late')],
]

for (const [name, bytes] of INVALID) {
  await t.test(`502: ${name}`, async t => {
    const client = await askFor(t, bytes)
    const response = await final(client)
    t.equal(response.status, 502)
    t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_INVALID', source: 'upstream' })
    // The client did nothing wrong: its connection goes on, over another connection to the endpoint.
    await client.write(get('/next'))
    t.equal((await final(client)).body.toString(), 'answer to /next')
  })
}

const CUT: readonly (readonly [name: string, bytes: string, then: 'end' | 'reset'])[] = [
  ['a body shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'end'],
  ['a reset in a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'reset'],
  ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'end'],
  ['a chunk cut in the middle', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf', 'end'],
  ['a reset between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'reset'],
  [
    'a trailer section without an end',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX: y\r\n',
    'end',
  ],
  ['a broken chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n', 'end'],
  ['a reset in a body without a length', 'HTTP/1.1 200 OK\r\n\r\nhalf', 'reset'],
]

for (const [name, bytes, then] of CUT) {
  await t.test(`the client sees that its answer broke off: ${name}`, async t => {
    const client = await askFor(t, [bytes], then)
    const head = (await client.readUntil('\r\n\r\n')).toString('latin1')
    t.match(head, /^HTTP\/1\.1 200 /)
    await client.expectClosed()
    const rest = client.unread.toString('latin1')
    t.match(rest, 'half')
    t.notMatch(rest, /0\r\n\r\n$/, 'no last chunk')
    t.notMatch(rest, 'HTTP/1.1', 'and no second answer')
  })
}

await t.test('an HTTP/1.0 client sees a body without an end by a reset', async t => {
  scripts.set('/reset', async peer => {
    await peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    peer.end()
  })
  const client = await rawClient(t, balancer.port)
  await client.write('GET /reset HTTP/1.0\r\n\r\n')
  t.equal(await client.expectClosed(), 'reset')
})

const CLOSED: readonly (readonly [name: string, bytes: string, then: 'end' | 'reset'])[] = [
  ['a close before any byte', '', 'end'],
  ['a reset before any byte', '', 'reset'],
  ['half a status line', 'HTTP/1.1 20', 'end'],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-', 'end'],
  ['an interim answer and nothing else', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', 'end'],
]

for (const [name, bytes, then] of CLOSED) {
  await t.test(`502: ${name}`, async t => {
    const client = await askFor(t, bytes, then)
    const response = await final(client)
    t.equal(response.status, 502)
    t.match(problemOf(response), { code: 'LB_ERR_UPSTREAM_CLOSED', source: 'upstream' })
    await client.write(get('/next'))
    t.equal((await final(client)).body.toString(), 'answer to /next')
  })
}

await t.test('equal lengths in an answer are one, and are written once', async t => {
  const client = await askFor(t, 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok')
  const response = await final(client)
  t.equal(response.header('content-length'), '2')
  t.equal(response.body.toString(), 'ok')
})

await t.test('bytes behind a complete answer never reach anyone (response queue poisoning)', async t => {
  for (const behind of ['garbage', answer('poison'), 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n']) {
    const client = await askFor(t, answer('good') + behind)
    t.equal((await final(client)).body.toString(), 'good')
    t.equal((await answerTo(t, balancer.port, get('/victim'))).body.toString(), 'answer to /victim')
    await client.write(get('/next'))
    t.equal((await final(client)).body.toString(), 'answer to /next')
  }
})

await t.test('a body behind an answer that has none never reaches anyone: 204, 304, HEAD', async t => {
  const body = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
  for (const [head, method] of [
    [`HTTP/1.1 204 No Content\r\nContent-Length: ${body.length}\r\n\r\n`, 'GET'],
    [`HTTP/1.1 304 Not Modified\r\nContent-Length: ${body.length}\r\n\r\n`, 'GET'],
    [`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`, 'HEAD'],
    ['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', 'GET'],
  ] as const) {
    const client = await askFor(t, head + body, 'keep', method)
    t.equal((await final(client, method)).body.length, 0)
    t.equal((await answerTo(t, balancer.port, get('/victim'))).body.toString(), 'answer to /victim')
    await client.write(get('/next'))
    t.equal((await final(client)).body.toString(), 'answer to /next')
  }
})

await t.test('garbage on an idle connection closes it: the next client gets its own answer', async t => {
  const peers: RawPeer[] = []
  scripts.set('/idle', async peer => {
    peers.push(peer)
    await peer.write(answer('idle'))
  })
  for (const garbage of ['x', answer('poison'), 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n', '\r\n']) {
    t.equal((await answerTo(t, balancer.port, get('/idle'))).body.toString(), 'idle')
    const peer = peers.at(-1) as RawPeer
    await peer.write(garbage)
    await until(() => peer.state !== 'open', { what: 'the connection to be closed' })
    t.equal((await answerTo(t, balancer.port, get('/victim'))).body.toString(), 'answer to /victim')
  }
})

await t.test('an answer that comes byte by byte is the same answer', async t => {
  scripts.set('/slowly', peer =>
    peer.writeSlowly(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nabcde\r\n0\r\nX-T: t\r\n\r\n',
    ),
  )
  const client = await rawClient(t, balancer.port)
  await client.write(get('/slowly'))
  const response = await final(client)
  t.equal(response.body.toString(), 'abcde')
  t.equal(response.header('x-a'), 'b')
  t.same(response.trailers, [['X-T', 't']])
})
