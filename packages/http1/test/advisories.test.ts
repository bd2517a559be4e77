// One test per known way to make two HTTP parties disagree, or one of them fail, as far as a codec can be to blame. Each is named
// after its advisory or its family, and each is tried whole, octet by octet and cut in two at every place.
import t, { type Test } from 'tap'
import { HeadRewrite, METHOD, RequestParser, writeRequestHead, type MessageHead } from '@plimsoll/http1'
import {
  contentOf,
  headOf,
  inAllPieces,
  kindsOf,
  octetsOf,
  parseRequests,
  parseResponses,
  verdict,
  type Outcome,
} from './recorder.ts'

/** A request with these lines and what stands behind its head; what is refused would have smuggled `GET /admin`. */
const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n'
const request = (lines: readonly string[], rest = '', line = 'POST / HTTP/1.1'): Outcome =>
  inAllPieces(octetsOf([line, 'Host: a', ...lines, '', ''].join('\r\n') + rest), parseRequests)
const response = (lines: readonly string[], rest = '', line = 'HTTP/1.1 200 OK'): Outcome =>
  inAllPieces(octetsOf([line, ...lines, '', ''].join('\r\n') + rest), parseResponses)
const forwarded = (text: string): string => {
  let written = ''
  const out = Buffer.alloc(4096)
  const ignore = (): void => {}
  const onHead = (head: MessageHead): void => {
    written = out.toString('latin1', 0, writeRequestHead(out, 0, head, new HeadRewrite()))
  }
  const octets = octetsOf(text)
  const sink = { onHead, onBody: ignore, onTrailers: ignore, onEnd: ignore, onRefusal: ignore }
  new RequestParser(sink).execute(octets, 0, octets.length)
  return written
}
/** That nothing but a refusal came of it, in particular no request for /admin. */
const isRefused = (t: Test, outcome: Outcome, code: string, name: string): void => {
  t.equal(kindsOf(outcome), 'refusal', name)
  t.equal(verdict(outcome), code, name)
}

await t.test('CL.TE and TE.CL: both framings in one message (RFC 9112, 6.3; CVE-2026-2835, CVE-2026-2836)', async t => {
  for (const lines of [
    ['Content-Length: 6', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    ['Transfer-Encoding: chunked', 'Content-Length: 0'],
    ['Content-Length: 6', 'X: y', 'TRANSFER-ENCODING:chunked'],
  ]) {
    isRefused(t, request(lines, `0\r\n\r\n${SMUGGLED}`), 'HTTP1_ERR_TRANSFER_ENCODING_WITH_LENGTH', lines.join())
    isRefused(t, response(lines, '0\r\n\r\n'), 'HTTP1_ERR_TRANSFER_ENCODING_WITH_LENGTH', lines.join())
  }
})

await t.test('TE.TE: a Transfer-Encoding that one party takes for chunked and another does not', async t => {
  for (const [lines, code] of [
    [['Transfer-Encoding: xchunked'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [['Transfer-Encoding: x', 'Transfer-Encoding: chunked'], 'HTTP1_ERR_TRANSFER_CODING_UNKNOWN'],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [['Transfer-Encoding: identity, chunked'], 'HTTP1_ERR_TRANSFER_CODING_UNKNOWN'],
    [['Transfer-Encoding: "chunked"'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [['Transfer-Encoding: chunked;x'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [["Transfer-Encoding: 'chunked'"], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [['Transfer-Encoding : chunked'], 'HTTP1_ERR_SPACE_BEFORE_COLON'],
    [['Transfer-Encoding\t: chunked'], 'HTTP1_ERR_SPACE_BEFORE_COLON'],
    [['Transfer-Encoding:\x0bchunked'], 'HTTP1_ERR_FIELD_VALUE'],
    [['Transfer-Encoding: chunked\x00'], 'HTTP1_ERR_FIELD_VALUE'],
    [['Transfer-Encoding: \xffchunked'], 'HTTP1_ERR_TRANSFER_ENCODING'],
    [[' Transfer-Encoding: chunked'], 'HTTP1_ERR_OBS_FOLD'],
    [['X: y\nTransfer-Encoding: chunked'], 'HTTP1_ERR_BARE_LF'],
    [['X: y\rTransfer-Encoding: chunked'], 'HTTP1_ERR_BARE_CR'],
    [['X:\nTransfer-Encoding: chunked'], 'HTTP1_ERR_BARE_LF'],
    [['Transfer\0-Encoding: chunked'], 'HTTP1_ERR_FIELD_NAME'],
    [['"Transfer-Encoding": chunked'], 'HTTP1_ERR_FIELD_NAME'],
  ] as const) {
    isRefused(t, request(lines, `0\r\n\r\n${SMUGGLED}`), code, lines.join())
    isRefused(t, response(lines, '0\r\n\r\n'), code, lines.join())
  }
})

await t.test('Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1)', async t => {
  isRefused(
    t,
    request(['Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`, 'POST / HTTP/1.0'),
    'HTTP1_ERR_TRANSFER_ENCODING_IN_HTTP10',
    'request',
  )
  isRefused(
    t,
    response(['Transfer-Encoding: chunked'], '0\r\n\r\n', 'HTTP/1.0 200 OK'),
    'HTTP1_ERR_TRANSFER_ENCODING_IN_HTTP10',
    'response',
  )
})

await t.test('CL.CL: two lengths, a list of them, or one that is not a number', async t => {
  for (const [lines, code] of [
    [['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], 'HTTP1_ERR_CONTENT_LENGTH_CONFLICT'],
    [[`Content-Length: 0, ${SMUGGLED.length}`], 'HTTP1_ERR_CONTENT_LENGTH_CONFLICT'],
    [['Content-Length: +5'], 'HTTP1_ERR_CONTENT_LENGTH'],
    [['Content-Length: 0x5'], 'HTTP1_ERR_CONTENT_LENGTH'],
    [['Content-Length: 5 '.concat('\0')], 'HTTP1_ERR_FIELD_VALUE'],
    [['Content-Length: 18446744073709551620'], 'HTTP1_ERR_CONTENT_LENGTH'],
  ] as const) {
    isRefused(t, request(lines, SMUGGLED), code, lines.join())
    isRefused(t, response(lines, SMUGGLED), code, lines.join())
  }
})

await t.test('CVE-2026-1525: Content-Length twice in different case', async t => {
  isRefused(
    t,
    request(['Content-Length: 0', 'content-length: 5'], SMUGGLED),
    'HTTP1_ERR_CONTENT_LENGTH_CONFLICT',
    'different',
  )
  t.equal(
    forwarded('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-LENGTH: 5\r\n\r\nhello'),
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
  )
})

await t.test('0.CL: a length that is hidden from the front is refused, not overlooked', async t => {
  for (const [line, code] of [
    [' Content-Length: 5', 'HTTP1_ERR_OBS_FOLD'],
    ['Content-Length : 5', 'HTTP1_ERR_SPACE_BEFORE_COLON'],
    ['X: y\nContent-Length: 5', 'HTTP1_ERR_BARE_LF'],
    ['X: y\rContent-Length: 5', 'HTTP1_ERR_BARE_CR'],
    ['Content-Length:\n 5', 'HTTP1_ERR_BARE_LF'],
    ['Content-Length:\r\n 5', 'HTTP1_ERR_CONTENT_LENGTH'],
    ['\0Content-Length: 5', 'HTTP1_ERR_FIELD_NAME'],
    ['Content-Length\0: 5', 'HTTP1_ERR_FIELD_NAME'],
  ] as const) {
    isRefused(t, request([line], SMUGGLED, 'GET / HTTP/1.1'), code, JSON.stringify(line))
  }
})

await t.test('CL.0: content of GET, HEAD, OPTIONS and DELETE is content, never the next request', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE']) {
    const outcome = request([`Content-Length: ${SMUGGLED.length}`], SMUGGLED, `${method} / HTTP/1.1`)
    t.equal(kindsOf(outcome), 'head body end', method)
    t.equal(contentOf(outcome), SMUGGLED)
    t.equal(
      forwarded(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n`),
      `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n`,
    )
  }
})

await t.test('Expect gadgets: an expectation changes nothing about where a request ends', async t => {
  for (const value of ['100-continue', '100-continue\t', 'y 100-continue', '', '100-continue, x', '200-ok']) {
    const outcome = request([`Expect: ${value}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED)
    t.equal(kindsOf(outcome), 'head body end', value)
    t.equal(contentOf(outcome), SMUGGLED)
  }
})

await t.test('CVE-2021-22959, CVE-2024-27982: a space before the colon', async t => {
  isRefused(t, request(['Content-Length : 5'], SMUGGLED), 'HTTP1_ERR_SPACE_BEFORE_COLON', 'Content-Length')
  isRefused(t, request(['X : y'], SMUGGLED), 'HTTP1_ERR_SPACE_BEFORE_COLON', 'any field')
  isRefused(t, response(['Content-Length : 5'], 'hello'), 'HTTP1_ERR_SPACE_BEFORE_COLON', 'in a response')
})

await t.test('CVE-2023-30589: a bare CR ends neither a field nor a head', async t => {
  for (const end of ['\r\rGET', '\r\r\n', '\rX', '\r \n']) {
    isRefused(
      t,
      inAllPieces(octetsOf(`GET / HTTP/1.1\r\nHost: a\r\nX: y${end}${SMUGGLED}`), parseRequests),
      'HTTP1_ERR_BARE_CR',
      JSON.stringify(end),
    )
    isRefused(
      t,
      inAllPieces(octetsOf(`GET / HTTP/1.1\r\nHost: a\r\n${end}${SMUGGLED}`), parseRequests),
      'HTTP1_ERR_BARE_CR',
      JSON.stringify(end),
    )
  }
})

await t.test('CVE-2022-32215: folded lines, a folded Transfer-Encoding', async t => {
  isRefused(
    t,
    request(['Transfer-Encoding: chunked\r\n , identity'], `0\r\n\r\n${SMUGGLED}`),
    'HTTP1_ERR_OBS_FOLD',
    'coding',
  )
  isRefused(t, request(['X: y\r\n\tTransfer-Encoding: chunked'], SMUGGLED), 'HTTP1_ERR_OBS_FOLD', 'field')
  isRefused(t, response(['X: y\r\n z', 'Content-Length: 0']), 'HTTP1_ERR_OBS_FOLD', 'response')
})

await t.test('CVE-2024-22019, CVE-2023-39326: a flood of chunk extensions', async t => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
  const one = parseRequests(octetsOf(`${head}1;${'a'.repeat(20_000)}`))
  t.equal(verdict(one), 'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE')
  t.equal(one.taken, head.length + 1 + 16_384)
  t.equal(
    verdict(parseRequests(octetsOf(head + `1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(17)))),
    'HTTP1_ERR_CHUNK_EXTENSIONS_TOO_LARGE',
  )
  t.equal(
    contentOf(parseRequests(octetsOf(`${head}${`1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(16)}0\r\n\r\n`))),
    'x'.repeat(16),
  )
})

await t.test('funky chunks (2025): terminators and extensions that two parties read differently', async t => {
  const lines = ['Transfer-Encoding: chunked']
  for (const [body, code] of [
    ['5;\nx\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['5;a\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['5\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['5\rXhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_CR'],
    ['5;a="\n"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['5;a="\r\n"\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_EXTENSION'],
    ['5\r\nhelloXX0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR'],
    ['5\r\nhello\n\r0\r\n\r\n', 'HTTP1_ERR_CHUNK_TERMINATOR'],
    ['5\r\nhello\r\n0\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['5\r\nhello\r\n0\r\n\n', 'HTTP1_ERR_BARE_LF'],
    ['5\r\nhello\r\n0\r\nX: y\n\r\n', 'HTTP1_ERR_BARE_LF'],
    ['0x5\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE'],
    ['100000000000000005\r\nhello\r\n0\r\n\r\n', 'HTTP1_ERR_CHUNK_SIZE_TOO_LARGE'],
  ] as const) {
    const asRequest = request(lines, body + SMUGGLED)
    t.equal(verdict(asRequest), code, JSON.stringify(body))
    t.equal(asRequest.events.filter(event => event.type === 'head').length, 1)
    t.equal(verdict(response(lines, body)), code, JSON.stringify(body))
  }
})

await t.test('a spilled terminator: a chunk one octet longer than its size smuggles nothing', async t => {
  const outcome = request(['Transfer-Encoding: chunked'], `4\r\nhello\r\n0\r\n\r\n${SMUGGLED}`)
  t.equal(verdict(outcome), 'HTTP1_ERR_CHUNK_TERMINATOR')
  t.equal(contentOf(outcome), 'hell')
})

await t.test('floods: endless heads, fields, options, trailers, empty lines', async t => {
  t.equal(verdict(parseRequests(octetsOf('X'.repeat(20_000)))), 'HTTP1_ERR_METHOD_TOO_LONG')
  t.equal(verdict(parseRequests(octetsOf(`GET /${'x'.repeat(20_000)}`))), 'HTTP1_ERR_TARGET_TOO_LONG')
  t.equal(verdict(parseRequests(octetsOf(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(200)}`))), 'HTTP1_ERR_TOO_MANY_FIELDS')
  t.equal(verdict(parseRequests(octetsOf(`GET / HTTP/1.1\r\nA: ${'b'.repeat(20_000)}`))), 'HTTP1_ERR_HEAD_TOO_LARGE')
  t.equal(verdict(parseRequests(octetsOf(`GET / HTTP/1.1\r\n${'A'.repeat(20_000)}`))), 'HTTP1_ERR_HEAD_TOO_LARGE')
  t.equal(
    verdict(parseRequests(octetsOf(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${'a,'.repeat(5000)}a\r\n\r\n`))),
    'HTTP1_ERR_CONNECTION',
  )
  t.equal(verdict(parseRequests(octetsOf('\r\n'.repeat(10_000)))), 'HTTP1_ERR_EMPTY_LINES')
  const trailers = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'
  t.equal(verdict(parseRequests(octetsOf(`${trailers}${'A: b\r\n'.repeat(200)}`))), 'HTTP1_ERR_TOO_MANY_TRAILERS')
  t.equal(verdict(parseRequests(octetsOf(`${trailers}A: ${'b'.repeat(20_000)}`))), 'HTTP1_ERR_TRAILERS_TOO_LARGE')
})

await t.test(
  'CVE-2026-2833 and WebSocket smuggling: nothing behind an upgrade request is read as a request',
  async t => {
    for (const lines of [
      ['Connection: Upgrade', 'Upgrade: websocket'],
      ['Connection: Upgrade', 'Upgrade: anything'],
    ]) {
      const octets = octetsOf(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n') + SMUGGLED)
      let heads = 0
      const ignore = (): void => {}
      const parser = new RequestParser({
        onHead: () => heads++,
        onBody: ignore,
        onTrailers: ignore,
        onEnd: ignore,
        onRefusal: ignore,
      })
      let pos = 0
      for (let taken = 1; taken > 0; pos += taken) taken = parser.execute(octets, pos, octets.length)
      t.equal(heads, 1)
      t.equal(octets.length - pos, SMUGGLED.length)
    }
  },
)

await t.test('CVE-2026-2833: a refused upgrade (426, 200) is an ordinary response and opens no tunnel', async t => {
  const octets = octetsOf(
    'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno',
  )
  const outcome = inAllPieces(octets, (given, cuts) => parseResponses(given, cuts, [METHOD.GET], undefined, true))
  t.equal(contentOf(outcome), 'no')
  t.equal(outcome.finish, 'complete')
})

await t.test('h2c smuggling (Bishop Fox, 2020): Upgrade and HTTP2-Settings are not passed on', async t => {
  t.equal(
    forwarded(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    ),
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  t.equal(
    forwarded('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n'),
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  )
})

await t.test('the HTTP/2 preface is refused', async t => {
  isRefused(
    t,
    inAllPieces(octetsOf('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), parseRequests),
    'HTTP1_ERR_VERSION_NOT_SUPPORTED',
    'preface',
  )
})

await t.test('hop-by-hop abuse: Connection takes away what it names, but never the framing or the host', async t => {
  t.equal(
    forwarded(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For, Content-Length, Host, Transfer-Encoding\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 5\r\nA: b\r\n\r\nhello',
    ),
    'POST / HTTP/1.1\r\nHost: a\r\nA: b\r\nContent-Length: 5\r\n\r\n',
  )
})

await t.test('CVE-2023-45539: # in the target', async t => {
  isRefused(t, request([], SMUGGLED, 'GET /index.html#.png HTTP/1.1'), 'HTTP1_ERR_TARGET_FRAGMENT', '#')
})

await t.test(
  'GHSA-qmw8-3v4g-gwj4, GHSA-2q7r-29rg-6m5h, GHSA-c4j6-fc7j-m34r: no target chooses the host, on an upgrade neither',
  async t => {
    for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n']) {
      const line = (target: string): string =>
        forwarded(`GET ${target} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`).split('\r\nHost: a\r\n')[0]!
      t.equal(line('//evil.example/x'), 'GET //evil.example/x HTTP/1.1')
      t.equal(line('/\u002f/evil.example'), 'GET ///evil.example HTTP/1.1')
      t.equal(line('/@evil.example'), 'GET /@evil.example HTTP/1.1')
      t.equal(line('/http://evil.example/'), 'GET /http://evil.example/ HTTP/1.1')
      t.equal(line('@evil.example'), '')
      t.equal(line('.evil.example'), '')
      t.equal(line(':80'), '')
      t.equal(line('/\\evil.example'), '')
      t.equal(line('http://evil.example/'), '')
      t.equal(line('http://evil.example@a/'), '')
    }
  },
)

await t.test(
  'underscores: X_Forwarded_For and Content_Length are not taken for, and not passed on beside, the real ones',
  async t => {
    t.equal(
      forwarded(
        'POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 9\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: 1.2.3.4\r\nX_Own: b\r\n\r\n',
      ),
      'POST / HTTP/1.1\r\nHost: a\r\nX_Own: b\r\n\r\n',
    )
  },
)

await t.test('response splitting: a response ends where its framing says, and what follows is nobody’s', async t => {
  const injected = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
  for (const head of [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ]) {
    const outcome = inAllPieces(octetsOf(head + injected), parseResponses)
    t.equal(outcome.events.filter(event => event.type === 'head').length, 1, head)
    t.equal(outcome.taken, head.length, head)
  }
  const split = response(['Location: /x\rSet-Cookie: evil=1', 'Content-Length: 0'])
  t.equal(verdict(split), 'HTTP1_ERR_BARE_CR')
})

await t.test('status 000, 99 and 1000, which ended the process of proxies on node:http', async t => {
  for (const status of ['0', '00', '000', '99', '099', '1000', '-1', '2e2']) {
    isRefused(t, response(['Content-Length: 0'], '', `HTTP/1.1 ${status} X`), 'HTTP1_ERR_STATUS_CODE', status)
  }
})

await t.test('a flood of interim responses before the final one', async t => {
  t.equal(
    verdict(parseResponses(octetsOf('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1000)))),
    'HTTP1_ERR_INTERIM_FLOOD',
  )
})

await t.test('truncated bodies are never complete', async t => {
  for (const rest of [
    '5\r\nhello\r\n0\r\n\r',
    '5\r\nhello\r\n0\r\n',
    '5\r\nhello\r\n0',
    '5\r\nhello\r\n',
    '5\r\nhel',
    '5\r',
    '',
  ]) {
    t.equal(response(['Transfer-Encoding: chunked'], rest).finish, 'truncated', JSON.stringify(rest))
    t.equal(request(['Transfer-Encoding: chunked'], rest).finish, 'truncated', JSON.stringify(rest))
  }
  t.equal(response(['Content-Length: 5'], 'hell').finish, 'truncated')
})

await t.test('a syntactically invalid Host is refused (userinfo, port, ?, #, \\, brackets: RFC 9112, 3.2)', async t => {
  for (const host of [
    'u@a',
    'a:b',
    'a?b',
    'a#b',
    'a\\b',
    'a[b]',
    '[::1',
    'a/b',
    'a b',
    'a, b',
    'a,b',
    '',
    ':80',
    'a:65536',
  ]) {
    const outcome = inAllPieces(octetsOf(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), parseRequests)
    t.equal(verdict(outcome), 'HTTP1_ERR_HOST_INVALID', host)
  }
})

await t.test('Upgrade in HTTP/1.0 is ignored (RFC 9110, 7.8)', async t => {
  const head = headOf(request(['Connection: Upgrade', 'Upgrade: websocket'], '', 'GET / HTTP/1.0'))
  t.equal(head.upgrade, false)
})
