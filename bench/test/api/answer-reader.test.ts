import t from 'tap'
import { type Answer, AnswerReader, fieldOf } from '../../src/api/answer-reader.ts'

const WITH_LENGTH =
  'HTTP/1.1 200 OK\r\nCache-Status: plimsoll-api; hit; ttl=30\r\ncontent-length: 11\r\n\r\n{"items":1}'
const IN_CHUNKS =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ite\r\n6;name=value\r\nms":1}\r\n0\r\n\r\n'

await t.test('an answer is the same however its bytes come', async t => {
  for (const text of [WITH_LENGTH, IN_CHUNKS]) {
    const bytes = Buffer.from(text)
    for (let at = 0; at <= bytes.length; at++) {
      const answer = last(new AnswerReader(), [bytes.subarray(0, at), bytes.subarray(at)])
      t.same(
        { status: answer?.status, body: answer?.body.toString() },
        { status: 200, body: '{"items":1}' },
        `at ${at}`,
      )
    }
    const single = Array.from(bytes, byte => Buffer.from([byte]))
    t.equal(last(new AnswerReader(), single)?.body.toString(), '{"items":1}', 'byte by byte')
  }
})

await t.test('one reader reads one answer after the other', async t => {
  const reader = new AnswerReader()
  for (const text of [WITH_LENGTH, IN_CHUNKS, WITH_LENGTH]) {
    t.equal(reader.take(Buffer.from(text))?.body.toString(), '{"items":1}')
  }
})

await t.test('fields are found in any case, and only by their whole name', async t => {
  const head = new AnswerReader().take(Buffer.from(WITH_LENGTH))?.head ?? ''
  t.equal(fieldOf(head, 'cache-status'), 'plimsoll-api; hit; ttl=30')
  t.equal(fieldOf(head, 'content-length'), '11')
  t.equal(fieldOf(head, 'connection'), null)
  t.equal(fieldOf('HTTP/1.1 200 OK\r\nx-content-length: 3', 'content-length'), null)
})

await t.test('what is no answer, or more than one, is refused', async t => {
  const refuse = (text: string, message: RegExp) => t.throws(() => new AnswerReader().take(Buffer.from(text)), message)
  refuse(`${WITH_LENGTH}H`, /1 bytes too many/)
  refuse(`${IN_CHUNKS}${IN_CHUNKS}`, /bytes too many/)
  refuse('SSH-2.0-OpenSSH\r\n\r\n', /no answer begins like this/)
  refuse('HTTP/1.1 100 Continue\r\n\r\n', /no answer begins like this/)
  refuse('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n', /without a length/)
  refuse('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', /a chunk without a size/)
})

function last(reader: AnswerReader, pieces: readonly Buffer[]): Answer | null {
  let answer: Answer | null = null
  for (const piece of pieces) answer = (piece.length === 0 ? null : reader.take(piece)) ?? answer
  return answer
}
