import t from 'tap'
import fc from 'fast-check'
import {
  CONNECTION,
  encodeFieldLine,
  FRAMING,
  HEADER,
  HeadRewrite,
  headRoom,
  METHOD,
  RequestParser,
  ResponseParser,
  writeOwnResponseHead,
  writeRequestHead,
  writeResponseHead,
  type MessageHead,
} from '@plimsoll/http1'
import { octetsOf, Recorder } from './recorder.ts'
import { checkRequestRewrite, checkResponseRewrite } from './invariants.ts'
import { requestText, responseText } from './messages.ts'

/** Parses a request and gives its head to `write` while it holds; in pieces if `cut` is given. */
function withRequest<Result>(octets: Buffer, write: (head: MessageHead) => Result, cut = 0): Result {
  let result: { value: Result } | undefined
  const recorder = new Recorder()
  const parser = new RequestParser({
    onHead: head => (result = { value: write(head) }),
    onBody: () => {},
    onTrailers: () => {},
    onEnd: () => {},
    onRefusal: refusal => recorder.onRefusal(refusal),
  })
  parser.execute(octets, 0, cut)
  parser.execute(octets, cut, octets.length)
  if (result === undefined) throw new Error(`No head: ${JSON.stringify(recorder.events)}`)
  return result.value
}

function withResponse<Result>(
  octets: Buffer,
  write: (head: MessageHead) => Result,
  method: number = METHOD.GET,
): Result {
  let result: { value: Result } | undefined
  const recorder = new Recorder()
  const parser = new ResponseParser({
    onHead: head => (result = { value: write(head) }),
    onBody: () => {},
    onTrailers: () => {},
    onEnd: () => {},
    onRefusal: refusal => recorder.onRefusal(refusal),
  })
  parser.expect(method, true)
  parser.execute(octets, 0, octets.length)
  if (result === undefined) throw new Error(`No head: ${JSON.stringify(recorder.events)}`)
  return result.value
}

const out = Buffer.alloc(65_536)
const text = (end: number): string => out.toString('latin1', 3, end)
const rewriteRequest = (head: string, rewrite = new HeadRewrite(), cut = 0): string =>
  withRequest(
    octetsOf(head.replaceAll('\n', '\r\n')),
    parsed => text(writeRequestHead(out, 3, parsed, rewrite)),
    cut,
  ).replaceAll('\r\n', '\n')
const rewriteResponse = (head: string, rewrite = new HeadRewrite(), framing?: number, method?: number): string =>
  withResponse(
    octetsOf(head.replaceAll('\n', '\r\n')),
    parsed => text(writeResponseHead(out, 3, parsed, framing ?? parsed.framing, rewrite)),
    method,
  ).replaceAll('\r\n', '\n')

await t.test('a request is written as HTTP/1.1 with its path, one Host in front, and normal field lines', async t => {
  t.equal(
    rewriteRequest(
      'GET http://B.example:81/x?y HTTP/1.0\nAccept:*/*\nHost: b.example:81\nCookie: \t c=1 \t\nEmpty:\nVia:\tb\nX: y\n\n',
    ),
    'GET /x?y HTTP/1.1\nHost: B.example:81\nAccept: */*\nCookie: c=1\nEmpty: \nVia: b\nX: y\n\n',
  )
})

await t.test('a request keeps its method, and the path that its form asks for', async t => {
  const line = (head: string): string => rewriteRequest(head).split('\n')[0]!
  t.equal(line('get //a/../b HTTP/1.1\nHost: a\n\n'), 'get //a/../b HTTP/1.1')
  t.equal(line('GET http://a HTTP/1.1\nHost: a\n\n'), 'GET / HTTP/1.1')
  t.equal(line('GET http://a?b=c HTTP/1.1\nHost: a\n\n'), 'GET /?b=c HTTP/1.1')
  t.equal(line('OPTIONS http://a HTTP/1.1\nHost: a\n\n'), 'OPTIONS * HTTP/1.1')
  t.equal(line('OPTIONS * HTTP/1.1\nHost: a\n\n'), 'OPTIONS * HTTP/1.1')
})

await t.test('a request without any authority gets the default, or an empty Host', async t => {
  t.equal(rewriteRequest('GET / HTTP/1.0\n\n'), 'GET / HTTP/1.1\nHost: \n\n')
  const rewrite = new HeadRewrite()
  rewrite.defaultHost = octetsOf('default.example')
  t.equal(rewriteRequest('GET / HTTP/1.0\n\n', rewrite), 'GET / HTTP/1.1\nHost: default.example\n\n')
  t.equal(rewriteRequest('GET / HTTP/1.0\nHost: a\n\n', rewrite), 'GET / HTTP/1.1\nHost: a\n\n')
})

await t.test(
  'hop-by-hop fields, what Connection names and what the caller skips are left out; runs around them are joined',
  async t => {
    const rewrite = new HeadRewrite()
    rewrite.skip[HEADER.xForwardedFor] = 1
    rewrite.skip[HEADER.cookie] = 1
    const head =
      'GET / HTTP/1.1\nA: 1\nB: 2\nHost: h\nC: 3\nConnection: x-mine, close\nTE: trailers\nD: 4\nE: 5\nX-Mine: 6\nX-Forwarded-For: 7\nF: 8\nCookie: 9\nKeep-Alive: 10\nG: 11\n\n'
    t.equal(rewriteRequest(head, rewrite), 'GET / HTTP/1.1\nHost: h\nA: 1\nB: 2\nC: 3\nD: 4\nE: 5\nF: 8\nG: 11\n\n')
  },
)

await t.test('a field that the owner marks is left out', async t => {
  const octets = octetsOf('GET / HTTP/1.1\r\nHost: a\r\nX-Internal: 1\r\nB: 2\r\n\r\n')
  const written = withRequest(octets, head => {
    head.hopByHop[head.findName('X-INTERNAL')] = 1
    return text(writeRequestHead(out, 3, head, new HeadRewrite()))
  })
  t.equal(written, 'GET / HTTP/1.1\r\nHost: a\r\nB: 2\r\n\r\n')
})

await t.test('framing is written from the verdict, once, whatever was received', async t => {
  const of = (fields: string): string =>
    rewriteRequest(`POST / HTTP/1.1\nHost: a\n${fields}\n\n`).split('\n').slice(2, -2).join('|')
  t.equal(of('Content-Length: 5'), 'Content-Length: 5')
  t.equal(of('Content-Length: 0005'), 'Content-Length: 5')
  t.equal(of('content-length: 5, 5\nCONTENT-LENGTH: 5'), 'Content-Length: 5')
  t.equal(of('Content-Length: 0'), 'Content-Length: 0')
  t.equal(of('Content-Length: 9007199254740991'), 'Content-Length: 9007199254740991')
  t.equal(of('Content-Length: 1000'), 'Content-Length: 1000')
  t.equal(of('transfer-encoding:CHUNKED\nTrailer: A'), 'Trailer: A|Transfer-Encoding: chunked')
  t.equal(of('Connection: content-length\nContent-Length: 5'), 'Content-Length: 5')
  t.equal(of('Connection: transfer-encoding\nTransfer-Encoding: chunked'), 'Transfer-Encoding: chunked')
  t.equal(of('A: b'), 'A: b')
  t.equal(of('Content_Length: 5\nTransfer_Encoding: chunked'), '', 'look-alikes are dropped')
  t.equal(of('Trailer: A\nContent-Length: 1'), 'Content-Length: 1', 'no trailers without chunks')
})

await t.test('the connection is spoken for by the caller', async t => {
  const rewrite = new HeadRewrite()
  const of = (head: string): string => rewriteRequest(head, rewrite).split('\n').slice(2, -2).join('|')
  rewrite.connection = CONNECTION.close
  t.equal(of('GET / HTTP/1.1\nHost: a\nConnection: keep-alive\n\n'), 'Connection: close')
  rewrite.connection = CONNECTION.keepAlive
  t.equal(of('GET / HTTP/1.1\nHost: a\nConnection: close\n\n'), 'Connection: keep-alive')
  rewrite.connection = CONNECTION.upgrade
  const upgrade = 'GET / HTTP/1.1\nHost: a\nConnection: Upgrade, x\nUpgrade: websocket\nX: y\nSec-WebSocket-Key: k\n\n'
  t.equal(of(upgrade), 'Sec-WebSocket-Key: k|Connection: Upgrade|Upgrade: websocket')
  t.equal(
    of('GET / HTTP/1.1\nHost: a\nUpgrade: a/1,b\nConnection: Upgrade\nUpgrade: c\n\n'),
    'Connection: Upgrade|Upgrade: a/1,b, c',
  )
  t.equal(of('GET / HTTP/1.1\nHost: a\n\n'), '', 'there is nothing to upgrade to')
})

await t.test('lines of the caller are appended behind the fields', async t => {
  const rewrite = new HeadRewrite()
  rewrite.setExtra(
    Buffer.concat([encodeFieldLine('X-Forwarded-For', '10.0.0.1'), encodeFieldLine('Via', '1.1 plimsoll')]),
  )
  t.equal(
    rewriteRequest('GET / HTTP/1.1\nHost: a\nB: c\n\n', rewrite),
    'GET / HTTP/1.1\nHost: a\nB: c\nX-Forwarded-For: 10.0.0.1\nVia: 1.1 plimsoll\n\n',
  )
  rewrite.extraStart = encodeFieldLine('X-Forwarded-For', '10.0.0.1').length
  t.equal(rewriteRequest('GET / HTTP/1.1\nHost: a\n\n', rewrite), 'GET / HTTP/1.1\nHost: a\nVia: 1.1 plimsoll\n\n')
  rewrite.setExtra()
  t.equal(rewriteRequest('GET / HTTP/1.1\nHost: a\n\n', rewrite), 'GET / HTTP/1.1\nHost: a\n\n')
})

await t.test('long fields are copied as well as short ones, out of the parser’s own buffer too', async t => {
  const long = 'v'.repeat(3000)
  const head = `GET /${long} HTTP/1.1\nHost: a\nA: ${long}\nB:${long}\nC: ${long}\n\n`
  const written = `GET /${long} HTTP/1.1\nHost: a\nA: ${long}\nB: ${long}\nC: ${long}\n\n`
  t.equal(rewriteRequest(head), written)
  for (const cut of [1, 5, 3100, 6100, 9000])
    t.equal(rewriteRequest(head, new HeadRewrite(), cut), written, `cut at ${cut}`)
})

await t.test('a response is written as HTTP/1.1 with the space behind its status', async t => {
  t.equal(rewriteResponse('HTTP/1.0 200\nA:b\nContent-Length: 0\n\n'), 'HTTP/1.1 200 \nA: b\nContent-Length: 0\n\n')
  t.equal(
    rewriteResponse('HTTP/1.1 404 Not  Found\nConnection: close, a\nA: b\nKeep-Alive: x\nB: c\nContent-Length: 03\n\n'),
    'HTTP/1.1 404 Not  Found\nB: c\nContent-Length: 3\n\n',
  )
})

await t.test('a response is framed as the caller sends it on, with a length where nothing else says it', async t => {
  const framing = (head: string, given?: number, method?: number): string =>
    rewriteResponse(head, new HeadRewrite(), given, method).split('\n').slice(1, -2).join('|')
  const chunked = 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X\n\n'
  t.equal(framing(chunked), 'Trailer: X|Transfer-Encoding: chunked')
  t.equal(framing(chunked, FRAMING.untilClose), '')
  t.equal(framing('HTTP/1.1 200 OK\n\n'), '')
  t.equal(framing('HTTP/1.1 200 OK\nContent-Length: 7\n\n', FRAMING.untilClose), '')
  t.equal(framing('HTTP/1.1 200 OK\nContent-Length: 7\n\n', FRAMING.tunnel), '')
  t.equal(framing('HTTP/1.1 200 OK\nContent-Length: 7\n\n', FRAMING.chunked), 'Transfer-Encoding: chunked')
  t.equal(framing('HTTP/1.1 200 OK\n\n', FRAMING.chunked), 'Transfer-Encoding: chunked')
  t.equal(framing('HTTP/1.1 200 OK\nContent-Length: 7\n\n', undefined, METHOD.HEAD), 'Content-Length: 7')
  t.equal(framing('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n', undefined, METHOD.HEAD), '')
  t.equal(framing('HTTP/1.1 304 X\nContent-Length: 7\n\n'), 'Content-Length: 7')
  t.equal(framing('HTTP/1.1 204 X\nContent-Length: 7\n\n'), '')
  t.equal(framing('HTTP/1.1 103 X\nContent-Length: 7\nLink: x\n\n'), 'Link: x')
  const rewrite = new HeadRewrite()
  rewrite.connection = CONNECTION.upgrade
  t.equal(
    rewriteResponse('HTTP/1.1 101 X\nUpgrade: websocket\nConnection: Upgrade\nContent-Length: 3\n\n', rewrite),
    'HTTP/1.1 101 X\nConnection: Upgrade\nUpgrade: websocket\n\n',
  )
})

await t.test('a response of our own has its status, its length and what the caller adds', async t => {
  const rewrite = new HeadRewrite()
  rewrite.connection = CONNECTION.close
  rewrite.setExtra(encodeFieldLine('Content-Type', 'application/problem+json'))
  t.equal(
    text(writeOwnResponseHead(out, 3, 503, 'Service Unavailable', 12, rewrite)),
    'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\nConnection: close\r\nContent-Type: application/problem+json\r\n\r\n',
  )
  rewrite.connection = CONNECTION.keepAlive
  rewrite.setExtra()
  t.equal(
    text(writeOwnResponseHead(out, 3, 408, 'X', 0, rewrite)),
    'HTTP/1.1 408 X\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
  )
  rewrite.connection = CONNECTION.none
  t.equal(text(writeOwnResponseHead(out, 3, 100, 'Continue', -1, rewrite)), 'HTTP/1.1 100 Continue\r\n\r\n')
  t.equal(writeOwnResponseHead(Buffer.alloc(40), 0, 503, 'Service Unavailable', 1, rewrite), -1)
})

await t.test('nothing is written behind the end that is returned', async t => {
  const small = Buffer.alloc(512, 0x7e)
  const rewrite = new HeadRewrite()
  const beyond = (end: number): boolean => end > 0 && small.subarray(end).every(octet => octet === 0x7e)
  withRequest(octetsOf('GET /abc HTTP/1.1\r\nHost:h\r\nA: b\r\nC:\r\n\r\n'), head => {
    t.ok(beyond(writeRequestHead(small, 0, head, rewrite)))
  })
  small.fill(0x7e)
  withResponse(octetsOf('HTTP/1.1 200 OK\r\nA:b\r\n\r\n'), head => {
    t.ok(beyond(writeResponseHead(small, 0, head, head.framing, rewrite)))
  })
  small.fill(0x7e)
  t.ok(beyond(writeOwnResponseHead(small, 0, 503, 'X', 1, rewrite)))
})

await t.test('without room nothing is written, and with the room that is asked for all is', async t => {
  const rewrite = new HeadRewrite()
  rewrite.setExtra(encodeFieldLine('A', 'b'))
  rewrite.connection = CONNECTION.upgrade
  const request = octetsOf(
    'GET http://a?b HTTP/1.1\r\nHost:a\r\nB:\r\nC:d\r\nUpgrade:x\r\nConnection:upgrade\r\nTransfer-Encoding:chunked\r\n\r\n',
  )
  withRequest(request, head => {
    const room = headRoom(head, rewrite)
    const small = Buffer.alloc(room + 4, 0x7e)
    t.equal(writeRequestHead(small, 5, head, rewrite), -1)
    t.ok(small.every(octet => octet === 0x7e))
    t.ok(writeRequestHead(small, 4, head, rewrite) > 0)
  })
  withResponse(octetsOf('HTTP/1.1 200\r\nA:b\r\n\r\n'), head => {
    const small = Buffer.alloc(headRoom(head, rewrite) + 4, 0x7e)
    t.equal(writeResponseHead(small, 5, head, head.framing, rewrite), -1)
    t.ok(small.every(octet => octet === 0x7e))
    t.ok(writeResponseHead(small, 4, head, head.framing, rewrite) > 0)
  })
})

await t.test('any request that is written parses to what was received, and holds nothing forbidden', async t => {
  let seen = 0
  fc.assert(
    fc.property(requestText, fc.nat(), (text, place) => {
      if (checkRequestRewrite(text, place)) seen++
    }),
    { numRuns: 500 },
  )
  t.ok(seen > 100, `${seen} of the requests were valid`)
})

await t.test('any response that is written parses to what was received, and holds nothing forbidden', async t => {
  let seen = 0
  fc.assert(
    fc.property(responseText, text => {
      if (checkResponseRewrite(text)) seen++
    }),
    { numRuns: 500 },
  )
  t.ok(seen > 100, `${seen} of the responses were valid`)
})
