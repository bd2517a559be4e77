import fc from 'fast-check'
import t from 'tap'
import { parseRequest, parseResponse } from '@plimsoll/testing'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

await t.test('a response with content-length: raw pairs in order, body, and what follows left alone', t => {
  const response = parseResponse(
    bytes('HTTP/1.1 200 OK\r\nSet-Cookie: a\r\ncontent-LENGTH:  5 \r\nSet-Cookie: b\r\n\r\nhelloHTTP/1.1 '),
  )
  t.equal(response?.status, 200)
  t.equal(response?.reason, 'OK')
  t.equal(response?.version, 'HTTP/1.1')
  t.strictSame(response?.headers, [
    ['Set-Cookie', 'a'],
    ['content-LENGTH', '5'],
    ['Set-Cookie', 'b'],
  ])
  t.equal(response?.header('set-cookie'), 'a, b')
  t.equal(response?.header('etag'), undefined)
  t.equal(String(response?.body), 'hello')
  t.equal(response?.framing, 'content-length')
  t.equal(
    response?.raw.length,
    'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\ncontent-LENGTH:  5 \r\nSet-Cookie: b\r\n\r\nhello'.length,
  )
  t.end()
})

await t.test('chunks, extensions and trailers', t => {
  const response = parseResponse(
    bytes(
      'HTTP/1.1 200 \r\nTransfer-Encoding: Chunked\r\n\r\n4;x=1\r\nWiki\r\nA \r\npedia in c\r\n0\r\nDigest: z\r\n\r\n',
    ),
  )
  t.equal(String(response?.body), 'Wikipedia in c')
  t.strictSame(response?.trailers, [['Digest', 'z']])
  t.equal(response?.framing, 'chunked')
  t.end()
})

await t.test('a prefix of a message is no message, whatever its framing', t => {
  const messages = [
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ]
  for (const message of messages) {
    const all = bytes(message)
    for (let length = 0; length < all.length; length++) t.equal(parseResponse(all.subarray(0, length)), undefined)
    t.equal(parseResponse(all)?.raw.length, all.length)
  }
  t.end()
})

await t.test('without framing a response lasts until the close, and a request has no body', t => {
  const text = 'HTTP/1.0 200 OK\r\n\r\nall of this'
  t.equal(parseResponse(bytes(text)), undefined)
  const response = parseResponse(bytes(text), { ended: true })
  t.equal(String(response?.body), 'all of this')
  t.equal(response?.framing, 'until-close')
  const request = parseRequest(bytes('GET /a?b HTTP/1.1\r\nHost: x\r\n\r\nGET /next'))
  t.equal(`${request?.method} ${request?.target} ${request?.version}`, 'GET /a?b HTTP/1.1')
  t.equal(request?.framing, 'none')
  t.end()
})

await t.test('answers that have no body by rule end with their head', t => {
  for (const [status, method] of [
    [100, 'GET'],
    [101, 'GET'],
    [204, 'GET'],
    [304, 'GET'],
    [200, 'HEAD'],
    [200, 'CONNECT'],
  ] as const) {
    const response = parseResponse(bytes(`HTTP/1.1 ${status} X\r\nContent-Length: 9\r\n\r\nrest`), { method })
    t.equal(response?.body.length, 0, `${method} ${status}`)
    t.equal(response?.framing, 'none')
  }
  t.equal(parseResponse(bytes('HTTP/1.1 404 X\r\nContent-Length: 1\r\n\r\nx'), { method: 'CONNECT' })?.body.length, 1)
  t.end()
})

await t.test('what a sender may not send is refused', t => {
  for (const text of [
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n',
  ]) {
    t.throws(() => parseResponse(bytes(text)), { code: 'TESTING_ERR_BAD_MESSAGE' }, JSON.stringify(text))
  }
  t.throws(() => parseRequest(bytes('GET  / HTTP/1.1\r\n\r\n')), { code: 'TESTING_ERR_BAD_MESSAGE' })
  t.end()
})

await t.test('any body comes back whole in any division into chunks', t => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 }), chunks => {
      const framed = Buffer.concat([
        bytes('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'),
        ...chunks.flatMap(chunk => [bytes(`${chunk.length.toString(16)}\r\n`), chunk, bytes('\r\n')]),
        bytes('0\r\n\r\n'),
      ])
      t.ok(parseRequest(framed)?.body.equals(Buffer.concat(chunks)))
    }),
    { numRuns: 50 },
  )
  t.end()
})
