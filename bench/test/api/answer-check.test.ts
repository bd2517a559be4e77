import t from 'tap'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { AnswerCheck } from '../../src/api/answer-check.ts'
import type { Answer } from '../../src/api/answer-reader.ts'

const ASK = { path: '/api/courses/7', begins: '{"id":7,' }
const TEXT = '{"id":7,"title":"Über Warteschlangen"}'

await t.test('an answer may come in any coding, and is the same text each time', async t => {
  const check = new AnswerCheck()
  const right = [plain(TEXT), coded('br', brotliCompressSync(TEXT)), coded('gzip', gzipSync(TEXT)), plain(TEXT)]
  for (const answer of right) t.doesNotThrow(() => check.check(ASK, answer, true))
  const other = '{"id":7,"title":"Something else"}'
  t.throws(() => check.check(ASK, plain(other), true), /was {"id":7,"title":"Über.* and now is .*Something else/)
  t.throws(() => check.check(ASK, coded('br', brotliCompressSync(other)), true), /and now is/)
})

await t.test('the answer to another request is found out, the first time and later', async t => {
  const check = new AnswerCheck()
  const other = plain('{"id":8,"title":"Another"}')
  t.throws(() => check.check(ASK, other, true), /is to begin with {"id":7,, but is {"id":8/)
  check.check(ASK, plain(TEXT), true)
  t.throws(() => check.check(ASK, other, true), /is to begin with/)
})

await t.test('what may change is still JSON with the right beginning', async t => {
  const check = new AnswerCheck()
  check.check(ASK, plain(TEXT), false)
  check.check(ASK, plain('{"id":7,"title":"Changed"}'), false)
  t.throws(() => check.check(ASK, plain('{"id":7,"title":"Half'), false), /isn't JSON/)
  t.throws(() => check.check(ASK, plain('{"id":8}'), false), /is to begin with/)
})

await t.test('a coding that nobody asked for is refused', async t => {
  t.throws(() => new AnswerCheck().check(ASK, coded('zstd', Buffer.from(TEXT)), true), /nobody asked for: zstd/)
})

function plain(text: string): Answer {
  return { status: 200, head: 'HTTP/1.1 200 OK\r\ncontent-type: application/json', body: Buffer.from(text) }
}

function coded(coding: string, body: Buffer): Answer {
  return { status: 200, head: `HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}`, body }
}
