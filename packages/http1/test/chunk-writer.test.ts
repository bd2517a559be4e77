import t from 'tap'
import fc from 'fast-check'
import {
  CRLF,
  HeadRewrite,
  LAST_CHUNK,
  MAX_CHUNK_HEAD_BYTES,
  RequestParser,
  writeChunkHead,
  writeTrailers,
  type MessageHead,
} from '@plimsoll/http1'
import { contentOf, octetsOf, parseRequests } from './recorder.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

await t.test('a size is written in as few digits as it needs', async t => {
  const out = Buffer.alloc(64, 0x7e)
  for (const size of [
    1,
    9,
    10,
    15,
    16,
    17,
    255,
    256,
    4095,
    4096,
    65_535,
    65_536,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 53 - 1,
  ]) {
    const end = writeChunkHead(out, 5, size)
    t.equal(out.toString('latin1', 5, end), `${size.toString(16)}\r\n`)
    t.ok(end - 5 <= MAX_CHUNK_HEAD_BYTES)
  }
})

await t.test('an empty chunk, which would end the message, is not written', async t => {
  const out = Buffer.alloc(8, 0x7e)
  t.equal(writeChunkHead(out, 2, 0), 2)
  t.ok(out.every(octet => octet === 0x7e))
})

await t.test('without room nothing is written', async t => {
  const out = Buffer.alloc(6, 0x7e)
  t.equal(writeChunkHead(out, 2, 0x123), -1)
  t.ok(out.every(octet => octet === 0x7e))
  t.equal(writeChunkHead(out, 2, 0x12), 6)
})

await t.test('content written in chunks is read as it was', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), pieces => {
      const out = Buffer.alloc(4096)
      let pos = HEAD.length
      out.write(HEAD, 'latin1')
      for (const piece of pieces) {
        if (piece.length === 0) continue
        pos = writeChunkHead(out, pos, piece.length)
        out.set(piece, pos)
        pos += piece.length
        pos += CRLF.copy(out, pos)
      }
      pos += LAST_CHUNK.copy(out, pos)
      const outcome = parseRequests(Buffer.from(out.subarray(0, pos)))
      return outcome.finish === 'idle' && contentOf(outcome) === Buffer.concat(pieces).toString('latin1')
    }),
    { numRuns: 200 },
  )
})

await t.test('a trailer section is written with the fields that may be forwarded, in normal form', async t => {
  const received = octetsOf(
    `${HEAD}0\r\nA:b\r\nContent-Length: 5\r\nC: d\r\nHost: e\r\nF:\t\r\nSet-Cookie: g\r\nETag: h\r\n\r\n`,
  )
  let trailers: MessageHead | undefined
  const ignore = (): void => {}
  const parser = new RequestParser({
    onHead: ignore,
    onBody: ignore,
    onTrailers: given => (trailers = given),
    onEnd: ignore,
    onRefusal: ignore,
  })
  parser.execute(received, 0, received.length)
  const out = Buffer.alloc(256, 0x7e)
  const end = writeTrailers(out, 4, trailers!, new HeadRewrite())
  t.equal(out.toString('latin1', 4, end), '0\r\nA: b\r\nC: d\r\nF: \r\nETag: h\r\n\r\n')
  t.equal(writeTrailers(Buffer.alloc(40), 0, trailers!, new HeadRewrite()), -1)
})
