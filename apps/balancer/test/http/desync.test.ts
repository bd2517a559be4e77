// Requests that two recipients could read in two ways: the families of request smuggling. Each of them is either refused, with the
// connection closed behind the refusal, or reaches the origin as exactly one request with the meaning that RFC 9112 gives it.
// The second request in each attack (`/smuggled`) must never be answered or arrive by itself.
import t from 'tap'
import { rawClient } from '@plimsoll/testing'
import { answerTo, ask, final, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\nX-Smuggled: 1\r\n\r\n'
const post = (fields: string, body: string, version = '1.1') =>
  `POST /first HTTP/${version}\r\nHost: a.test\r\n${fields}\r\n${body}`

const origin = await strictOrigin(t)
const balancer = await startBalancer(t, [origin.url])

/** What's refused: name, the bytes, and the status. */
const REFUSED: readonly (readonly [name: string, bytes: string, status: number])[] = [
  [
    'CL.TE: Content-Length beside Transfer-Encoding (RFC 9112, 6.1)',
    post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
  ],
  [
    'TE.CL: Transfer-Encoding beside Content-Length (RFC 9112, 6.1)',
    post(
      'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
      `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ),
    400,
  ],
  ...['Transfer-Encoding: xchunked', 'Transfer-Encoding: identity, chunked', 'Transfer-Encoding: gzip, chunked'].map(
    field =>
      [`TE.TE: ${field}`, post(`${field}\r\n`, `0\r\n\r\n${SMUGGLED}`), field.includes('xc') ? 400 : 501] as const,
  ),
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\tchunked\x0b',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked;a=b',
    'Transfer-Encoding: ,chunked',
    'Transfer-Encoding: chunked,',
    'Transfer-Encoding:',
    'Transfer-Encoding: chunked identity',
    'X: y\n Transfer-Encoding: chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    '\x00Transfer-Encoding: chunked',
    'Transfer-Encoding: ch\x00unked',
    'Transfer-Encoding\x00: chunked',
    'Transfer-\rEncoding: chunked',
    'Transfer-Encoding: chunked\r\nContent-Length: 0',
    'Transfer-Encoding:\n chunked',
  ].map(field => [`TE.TE: ${JSON.stringify(field)}`, post(`${field}\r\n`, `0\r\n\r\n${SMUGGLED}`), 400] as const),
  [
    'Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1)',
    post('Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n', `0\r\n\r\n${SMUGGLED}`, '1.0'),
    400,
  ],
  ...[
    'Content-Length: 5\r\nContent-Length: 6',
    'Content-Length: 5, 6',
    'Content-Length: +5',
    'Content-Length: -5',
    'Content-Length: 5 5',
    'Content-Length: 0x5',
    'Content-Length: 5.0',
    'Content-Length: 5;',
    'Content-Length: ',
    'Content-Length: 5,',
    'Content-Length: \x0b5',
    'Content-Length: 99999999999999999999',
    'Content-Length: 9007199254740993',
    'Content-Length : 5',
    'content-length: 5\r\nCONTENT-LENGTH: 05\r\nContent-Length: 6',
  ].map(
    field =>
      [
        `conflicting or broken length: ${JSON.stringify(field)}`,
        post(`${field}\r\n`, `abcde${SMUGGLED}`),
        400,
      ] as const,
  ),
  ['a bare LF ends no line (RFC 9112, 2.2)', `GET / HTTP/1.1\nHost: a.test\n\n`, 400],
  ['a bare LF in the fields', `GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n`, 400],
  [
    'CVE-2023-30589: a bare CR ends no field',
    `GET / HTTP/1.1\r\nHost: a.test\r\nX: y\rContent-Length: 3\r\n\r\nabc`,
    400,
  ],
  ['CR CR LF ends no head', `GET / HTTP/1.1\r\nHost: a.test\r\n\r\r\n${SMUGGLED}`, 400],
  ['CVE-2022-32215: folded Transfer-Encoding', post('Transfer-Encoding: chunked\r\n , identity\r\n', '0\r\n\r\n'), 400],
  ['whitespace before the first field (RFC 9112, 2.2)', `GET / HTTP/1.1\r\n Host: a.test\r\n\r\n`, 400],
  [
    'CVE-2024-27982: a space before Content-Length',
    `POST / HTTP/1.1\r\nHost: a.test\r\n Content-Length: 3\r\n\r\nabc`,
    400,
  ],
  ['CVE-2021-22959: a space before the colon', get('/', 'X-A : b\r\n'), 400],
  ['a field without a name', get('/', ': b\r\n'), 400],
  ['a field without a colon', get('/', 'nothing\r\n'), 400],
  ['a NUL in a value', get('/', 'X: a\0b\r\n'), 400],
  ['a DEL in a name', get('/', 'X\x7f: a\r\n'), 400],
  ['HTTP/0.9 has no heads', 'GET /\r\n\r\n', 400],
  ['HTTP/2.0 in a request line', 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n', 505],
  ['HTTP/1.10', 'GET / HTTP/1.10\r\nHost: a.test\r\n\r\n', 400],
  ['http/1.1 in lower case', 'GET / http/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a space behind the version', 'GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n', 400],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a TLS hello on a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
]

for (const [name, bytes, status] of REFUSED) {
  await t.test(`refused: ${name}`, async t => {
    const before = origin.seen.length
    const client = await rawClient(t, balancer.port)
    void client.write(bytes)
    const response = await final(client)
    t.equal(response.status, status)
    t.equal(response.header('connection'), 'close')
    t.match(problemOf(response), { status, source: 'client', code: /^LB_ERR_/ })
    client.end()
    t.equal((await client.readAll()).length, 0, 'nothing behind the refusal')
    t.equal(origin.seen.filter(({ target }) => target === '/smuggled').length, 0)
    t.ok(origin.seen.length - before <= 1)
  })
}

await t.test('equal Content-Length fields are one length (RFC 9112, 6.3, rule 5)', async t => {
  const { answers } = await ask(
    t,
    balancer.port,
    post('Content-Length: 5\r\nContent-Length: 5, 5\r\n', 'abcde') + get('/second'),
    ['POST', 'GET'],
  )
  t.same(
    answers.map(({ body }) => body.toString()),
    ['POST /first ', 'GET /second '],
  )
  t.equal(origin.seen.at(-2)?.body.toString(), 'abcde')
})

const CHUNKED_REFUSED: readonly (readonly [name: string, body: string, status: number])[] = [
  ['CVE-2024-22019: a flood of chunk extensions', `5;${'a'.repeat(20_000)}\r\nabcde\r\n0\r\n\r\n`, 413],
  ['CVE-2023-39326: extensions add up over chunks', `${'1;abcdefghij\r\nx\r\n'.repeat(2000)}0\r\n\r\n`, 413],
  ['a LF in a chunk extension', `5;a\nbcde\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a LF in a quoted chunk extension', `5;a="\n"\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a bare CR in a chunk extension', `5;a\rb\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a LF behind a chunk size', `5\nabcde\r\n0\r\n\r\n`, 400],
  ['spilled terminator: two bytes more than the size', `5\r\nabcdefg\r\n0\r\n\r\n`, 400],
  ['spilled terminator: LF for CRLF behind the data', `5\r\nabcde\n0\r\n\r\n`, 400],
  ['spilled terminator: any two bytes for CRLF', `5\r\nabcdeXX0\r\n\r\n`, 400],
  ['a chunk size with a sign', `+5\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a chunk size with 0x', `0x5\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a chunk size with an underscore', `1_0\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a chunk size that wraps around 64 bits', `10000000000000005\r\nabcde\r\n0\r\n\r\n`, 400],
  ['no chunk size', `\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a space before a chunk size', ` 5\r\nabcde\r\n0\r\n\r\n`, 400],
  ['a trailer section without an end in CRLF', `0\r\nX: y\n\r\n`, 400],
  ['Content-Length in a trailer is no framing, a folded trailer is refused', `0\r\nX: y\r\n z\r\n\r\n`, 400],
]

for (const [name, body, status] of CHUNKED_REFUSED) {
  await t.test(`a chunked body is refused: ${name}`, async t => {
    const client = await rawClient(t, balancer.port)
    void client.write(post('Transfer-Encoding: chunked\r\n', body + SMUGGLED))
    const response = await final(client)
    t.equal(response.status, status)
    client.end()
    t.equal((await client.readAll()).length, 0, 'nothing behind the refusal')
    t.equal(origin.seen.filter(({ target }) => target === '/smuggled').length, 0)
  })
}

await t.test('chunks, extensions and zeros in front are read by the letter, and written anew', async t => {
  const body = `005;a;b=c;d="e\\"f"\r\nabcde\r\n1 ;x\r\n!\r\n000\r\n\r\n`
  const response = await answerTo(t, balancer.port, post('Transfer-Encoding: Chunked\r\n', body), 'POST')
  t.equal(response.status, 200)
  const seen = origin.seen.at(-1)
  t.equal(seen?.body.toString(), 'abcde!')
  t.notMatch(seen?.raw.toString('latin1'), /;a|e\\"f/)
})

await t.test('0.CL: a body behind a GET is its body, and never a request', async t => {
  const { answers } = await ask(
    t,
    balancer.port,
    get('/zero', `Content-Length: ${SMUGGLED.length}\r\n`) + SMUGGLED + get('/after'),
    ['GET', 'GET'],
  )
  t.same(
    answers.map(({ body }) => body.toString()),
    ['GET /zero ', 'GET /after '],
  )
  t.equal(origin.seen.find(({ target }) => target === '/zero')?.body.toString(), SMUGGLED)
})

await t.test(
  "CL.0: an endpoint that ignores the body of a GET gets nobody else's request on that connection",
  async t => {
    // It answers by the head alone and takes the body for the next request, which it answers as well, a little later.
    const { rawServer } = await import('@plimsoll/testing')
    const lenient = await rawServer(t, async peer => {
      try {
        for (;;) {
          const head = (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 })).toString('latin1')
          await peer.write(answer(`answer to ${head.split(' ')[1]}`))
        }
      } catch {
        peer.end()
      }
    })
    const other = await startBalancer(t, [lenient.url])
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const attacker = await answerTo(
        t,
        other.port,
        `${method} /attack HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
        method,
      )
      t.equal(attacker.status, 200)
      const victim = await answerTo(t, other.port, get('/victim'))
      t.equal(victim.body.toString(), 'answer to /victim', method)
    }
  },
)

await t.test('a request split at every byte arrives as the same one request', async t => {
  const bytes = post('Transfer-Encoding: chunked\r\nX-A: b\r\n', '5\r\nabcde\r\n0\r\nX-Trailer: t\r\n\r\n')
  const client = await rawClient(t, balancer.port)
  await client.writeSlowly(bytes)
  t.equal((await final(client, 'POST')).status, 200)
  t.equal(origin.seen.at(-1)?.body.toString(), 'abcde')
  t.same(origin.seen.at(-1)?.trailers, [['X-Trailer', 't']])
  for (let at = 1; at < bytes.length; at += 7) {
    await client.write(bytes.slice(0, at))
    await new Promise(resolve => setImmediate(resolve))
    await client.write(bytes.slice(at))
    t.equal((await final(client, 'POST')).status, 200)
    t.equal(origin.seen.at(-1)?.body.toString(), 'abcde')
  }
})
