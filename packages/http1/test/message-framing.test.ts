import t from 'tap'
import { FRAMING, METHOD, REFUSALS } from '@plimsoll/http1'
import {
  contentOf,
  headOf,
  inAllPieces,
  kindsOf,
  octetsOf,
  parseRequests,
  parseResponses,
  verdict,
} from './recorder.ts'

const request = (fields: string, rest = '', method = 'POST', version = '1.1'): Buffer =>
  octetsOf(`${method} / HTTP/${version}\r\nHost: a\r\n${fields.replaceAll('\n', '\r\n')}\r\n\r\n${rest}`)
const response = (status: string, fields: string, rest = '', version = '1.1'): Buffer =>
  octetsOf(`HTTP/${version} ${status}\r\n${fields === '' ? '' : `${fields.replaceAll('\n', '\r\n')}\r\n`}\r\n${rest}`)

/** Fields that leave no doubt about a length, and the length. */
const LENGTHS: readonly (readonly [fields: string, length: number])[] = [
  ['Content-Length: 0', 0],
  ['Content-Length: 3', 3],
  ['content-LENGTH:3', 3],
  ['Content-Length: \t 3 \t', 3],
  ['Content-Length: 003', 3],
  ['Content-Length: 00000000000000000000000000000003', 3],
  ['Content-Length: 3\nContent-Length: 3', 3],
  ['Content-Length: 3\nContent-Length: 03', 3],
  ['Content-Length: 3, 3', 3],
  ['Content-Length: 3 ,\t3,3', 3],
  ['Content-Length: 3, 3\nContent-Length: 3', 3],
]

/** Fields that are refused in both directions, and why. */
const REFUSED: readonly (readonly [fields: string, refusal: keyof typeof REFUSALS, version?: string])[] = [
  // Content-Length
  ['Content-Length:', 'contentLength'],
  ['Content-Length: ', 'contentLength'],
  ['Content-Length: -1', 'contentLength'],
  ['Content-Length: -0', 'contentLength'],
  ['Content-Length: +3', 'contentLength'],
  ['Content-Length: 3.0', 'contentLength'],
  ['Content-Length: 3e0', 'contentLength'],
  ['Content-Length: 0x3', 'contentLength'],
  ['Content-Length: 3 3', 'contentLength'],
  ['Content-Length: 3_000', 'contentLength'],
  ['Content-Length: three', 'contentLength'],
  ['Content-Length: 3;', 'contentLength'],
  ['Content-Length: "3"', 'contentLength'],
  ['Content-Length: 3,', 'contentLength'],
  ['Content-Length: ,3', 'contentLength'],
  ['Content-Length: 3,,3', 'contentLength'],
  ['Content-Length: \xb3', 'contentLength'],
  ['Content-Length: 9007199254740992', 'contentLength'],
  ['Content-Length: 18446744073709551616', 'contentLength'],
  ['Content-Length: 18446744073709551619', 'contentLength'],
  [`Content-Length: ${'9'.repeat(400)}`, 'contentLength'],
  ['Content-Length: 3\nContent-Length: 4', 'contentLengthConflict'],
  ['Content-Length: 3\ncontent-length: 0', 'contentLengthConflict'],
  ['Content-Length: 3, 4', 'contentLengthConflict'],
  ['Content-Length: 3\nContent-Length:', 'contentLength'],
  // Transfer-Encoding
  ['Transfer-Encoding:', 'transferEncoding'],
  ['Transfer-Encoding: ,', 'transferEncoding'],
  ['Transfer-Encoding: ,chunked', 'transferEncoding'],
  ['Transfer-Encoding: chunked,', 'transferEncoding'],
  ['Transfer-Encoding: ,chunked,', 'transferEncoding'],
  ['Transfer-Encoding: chunked\nTransfer-Encoding:', 'transferEncoding'],
  ['Transfer-Encoding: chunked, chunked', 'transferEncoding'],
  ['Transfer-Encoding: chunked\nTransfer-Encoding: chunked', 'transferEncoding'],
  ['Transfer-Encoding: chunked, gzip', 'transferEncoding'],
  ['Transfer-Encoding: chunked\nTransfer-Encoding: gzip', 'transferEncoding'],
  ['Transfer-Encoding: chunked, gzip, chunked', 'transferEncoding'],
  ['Transfer-Encoding: gzip', 'transferEncoding'],
  ['Transfer-Encoding: identity', 'transferEncoding'],
  ['Transfer-Encoding: xchunked', 'transferEncoding'],
  ['Transfer-Encoding: chunkedx', 'transferEncoding'],
  ['Transfer-Encoding: chunke', 'transferEncoding'],
  ['Transfer-Encoding: chunked;a=b', 'transferEncoding'],
  ['Transfer-Encoding: chunked;', 'transferEncoding'],
  ['Transfer-Encoding: "chunked"', 'transferEncoding'],
  ['Transfer-Encoding: chunked chunked', 'transferEncoding'],
  ['Transfer-Encoding: x chunked', 'transferEncoding'],
  ['Transfer-Encoding: chunked x', 'transferEncoding'],
  ['Transfer-Encoding: chunked;q=1, chunked', 'transferEncoding'],
  ['Transfer-Encoding: \xa0chunked', 'transferEncoding'],
  ['Transfer-Encoding: chun\xadked', 'transferEncoding'],
  ['Transfer-Encoding:\x0bchunked', 'fieldValue'],
  ['Transfer-Encoding: chunked\x0c', 'fieldValue'],
  ['Transfer-Encoding: \0chunked', 'fieldValue'],
  // The first line is empty, which is refused before the fold is seen.
  ['Transfer-Encoding:\n chunked', 'transferEncoding'],
  ['Transfer-Encoding: chunked\n ,gzip', 'obsFold'],
  ['Transfer-Encoding : chunked', 'spaceBeforeColon'],
  ['Transfer-Encoding: gzip, chunked', 'transferCodingUnknown'],
  ['Transfer-Encoding: gzip\nTransfer-Encoding: chunked', 'transferCodingUnknown'],
  ['Transfer-Encoding: identity, chunked', 'transferCodingUnknown'],
  ['Transfer-Encoding: gzip \t, chunked', 'transferCodingUnknown'],
  // Both, and HTTP/1.0
  ['Content-Length: 3\nTransfer-Encoding: chunked', 'transferEncodingWithLength'],
  ['Transfer-Encoding: chunked\nContent-Length: 3', 'transferEncodingWithLength'],
  ['Transfer-Encoding: chunked\nContent-Length: 0', 'transferEncodingWithLength'],
  ['Content-Length: 3\nTransfer-Encoding: identity', 'transferEncodingWithLength'],
  ['Transfer-Encoding: xchunked\nContent-Length: 3', 'transferEncodingWithLength'],
  ['Transfer-Encoding: chunked', 'transferEncodingInHttp10', '1.0'],
  ['Transfer-Encoding: chunked\nContent-Length: 3', 'transferEncodingInHttp10', '1.0'],
  ['Transfer-Encoding: identity', 'transferEncodingInHttp10', '1.0'],
]

await t.test(
  'a request with a length has as much content, whatever its method, and the next one begins behind it',
  async t => {
    for (const [fields, length] of LENGTHS) {
      for (const method of ['POST', 'GET', 'HEAD', 'DELETE', 'OPTIONS', 'FOO']) {
        const one = request(fields, 'abc'.slice(0, length), method)
        const outcome = parseRequests(Buffer.concat([one, one]))
        t.equal(
          kindsOf(outcome),
          length === 0 ? 'head end head end' : 'head body end head body end',
          `${method} ${fields}`,
        )
        t.equal(headOf(outcome).framing, FRAMING.length)
        t.equal(headOf(outcome).contentLength, length)
      }
      t.equal(contentOf(inAllPieces(request(fields, 'abc'.slice(0, length)), parseRequests)), 'abc'.slice(0, length))
    }
  },
)

await t.test('a response with a length has as much content, and what follows is not taken', async t => {
  for (const [fields, length] of LENGTHS) {
    const octets = response('200 OK', fields, `${'abc'.slice(0, length)}HTTP/1.1 200 OK\r\n`)
    const outcome = inAllPieces(octets, parseResponses)
    t.equal(contentOf(outcome), 'abc'.slice(0, length), fields)
    t.equal(outcome.finish, 'complete')
    t.equal(octets.length - outcome.taken, 17)
  }
})

await t.test(
  'framing that could be read in two ways is refused: 400 or 501 for a request, 502 for a response',
  async t => {
    for (const [fields, key, version] of REFUSED) {
      const { code, status } = REFUSALS[key]
      const asRequest = inAllPieces(request(fields, '3\r\nabc\r\n0\r\n\r\n', 'POST', version), parseRequests)
      t.same(asRequest.events, [{ type: 'refusal', code, status }], `request: ${JSON.stringify(fields)}`)
      for (const [line, method] of [
        ['200 OK', METHOD.GET],
        ['200 OK', METHOD.HEAD],
        ['304 Not Modified', METHOD.GET],
        ['204 No Content', METHOD.GET],
      ] as const) {
        const asResponse = inAllPieces(response(line, fields, '3\r\nabc\r\n0\r\n\r\n', version), (octets, cuts) =>
          parseResponses(octets, cuts, [method]),
        )
        t.same(asResponse.events, [{ type: 'refusal', code, status: 502 }], `${line}: ${JSON.stringify(fields)}`)
      }
    }
  },
)

await t.test('a request without length and coding has no content', async t => {
  const outcome = inAllPieces(request('A: b', `GET /next HTTP/1.1\r\nHost: a\r\n\r\n`), parseRequests)
  t.equal(kindsOf(outcome), 'head end head end')
  t.equal(headOf(outcome).framing, FRAMING.none)
  t.equal(headOf(outcome).contentLength, -1)
})

await t.test('chunked is read in any case of its name, for any method', async t => {
  for (const name of ['chunked', 'Chunked', 'CHUNKED', '\tchunked \t']) {
    for (const method of ['POST', 'GET', 'HEAD', 'DELETE']) {
      const outcome = inAllPieces(request(`Transfer-Encoding:${name}`, '3\r\nabc\r\n0\r\n\r\n', method), parseRequests)
      t.equal(kindsOf(outcome), 'head body end', `${method} ${name}`)
      t.equal(contentOf(outcome), 'abc')
      t.equal(headOf(outcome).framing, FRAMING.chunked)
    }
  }
})

await t.test('a CONNECT request has no content and announces none; what follows belongs to the tunnel', async t => {
  const connect = (fields: string): Buffer => octetsOf(`CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n${fields}\r\n`)
  for (const fields of ['', 'Content-Length: 0\r\n']) {
    const outcome = inAllPieces(connect(fields), parseRequests)
    t.equal(kindsOf(outcome), 'head end')
    t.equal(headOf(outcome).framing, FRAMING.tunnel)
  }
  for (const fields of ['Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n']) {
    t.equal(verdict(inAllPieces(connect(fields), parseRequests)), 'HTTP1_ERR_CONNECT_CONTENT')
  }
})

/** Responses that end with their head, whatever their fields say. */
const WITHOUT_CONTENT: readonly (readonly [
  name: string,
  line: string,
  method: number,
  fields: string,
  length: number,
])[] = [
  ['HEAD', '200 OK', METHOD.HEAD, 'Content-Length: 5', 5],
  ['HEAD without length', '200 OK', METHOD.HEAD, 'A: b', -1],
  ['HEAD chunked', '200 OK', METHOD.HEAD, 'Transfer-Encoding: chunked', -1],
  ['204', '204 No Content', METHOD.GET, 'A: b', -1],
  ['204 with a length', '204 No Content', METHOD.GET, 'Content-Length: 5', -1],
  ['204 chunked', '204 No Content', METHOD.GET, 'Transfer-Encoding: chunked', -1],
  ['304', '304 Not Modified', METHOD.GET, 'A: b', -1],
  ['304 with a length', '304 Not Modified', METHOD.GET, 'Content-Length: 5', 5],
  ['304 chunked', '304 Not Modified', METHOD.GET, 'Transfer-Encoding: chunked', -1],
]

await t.test('responses to HEAD, 204 and 304 have no content; octets behind them are not taken', async t => {
  for (const [name, line, method, fields, length] of WITHOUT_CONTENT) {
    const octets = response(line, fields, 'hello')
    const outcome = inAllPieces(octets, (o, cuts) => parseResponses(o, cuts, [method]))
    t.equal(kindsOf(outcome), 'head end', name)
    t.equal(headOf(outcome).framing, FRAMING.none, name)
    t.equal(headOf(outcome).contentLength, length, name)
    t.equal(octets.length - outcome.taken, 5, name)
    t.equal(
      headOf(outcome).keepAlive,
      !/^204 (with|chunked)/.test(name),
      `${name}: who announces content that can't be may send it`,
    )
  }
})

await t.test(
  'a response without length and coding lasts until the connection ends, which it cannot outlive',
  async t => {
    for (const version of ['1.0', '1.1']) {
      const outcome = inAllPieces(response('200 OK', 'Connection: keep-alive', 'abc\r\n0\r\n', version), parseResponses)
      t.equal(kindsOf(outcome), 'head body end')
      t.equal(contentOf(outcome), 'abc\r\n0\r\n')
      t.equal(headOf(outcome).framing, FRAMING.untilClose)
      t.equal(headOf(outcome).keepAlive, false)
      t.equal(outcome.finish, 'complete')
    }
    t.equal(kindsOf(parseResponses(response('200 OK', ''))), 'head end', 'also without any content')
  },
)

await t.test('a 2xx to CONNECT opens a tunnel, another status has content', async t => {
  const connect = (octets: Buffer, cuts: readonly number[]) => parseResponses(octets, cuts, [METHOD.CONNECT])
  for (const fields of ['', 'Content-Length: 5', 'Transfer-Encoding: chunked']) {
    const octets = response('200 OK', fields, 'hello')
    const outcome = inAllPieces(octets, connect)
    t.equal(headOf(outcome).framing, FRAMING.tunnel)
    t.equal(headOf(outcome).contentLength, -1)
    t.equal(octets.length - outcome.taken, 5)
  }
  t.equal(headOf(inAllPieces(response('299 X', ''), connect)).framing, FRAMING.tunnel)
  t.equal(headOf(inAllPieces(response('300 X', ''), connect)).framing, FRAMING.untilClose)
  t.equal(contentOf(inAllPieces(response('403 No', 'Content-Length: 5', 'hello'), connect)), 'hello')
})
