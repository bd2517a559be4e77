import { METHOD, ResponseParser, createLimits, type MessageHead } from '@plimsoll/http1'
import t from 'tap'
import { isEventStream } from '../../src/streams/event-stream-answer.ts'

/** What is said of an answer with these fields. */
function verdict(fields: string, options: { status?: string; method?: number } = {}): boolean {
  const { status = '200 OK', method = METHOD.GET } = options
  let said: boolean | null = null
  const sink = {
    onHead: (head: MessageHead) => {
      said = isEventStream(method, head)
    },
    onBody: () => {},
    onTrailers: () => {},
    onEnd: () => {},
    onRefusal: () => {},
  }
  const parser = new ResponseParser(sink, createLimits({}))
  parser.expect(method, false)
  const bytes = Buffer.from(`HTTP/1.1 ${status}\r\n${fields}\r\n`, 'latin1')
  parser.execute(bytes, 0, bytes.length)
  if (said === null) throw new Error('no head was seen')
  return said
}

const STREAM = 'Content-Type: text/event-stream\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

await t.test('an event stream is chunked, or goes on until the close', t => {
  t.ok(verdict(STREAM + CHUNKED))
  t.ok(verdict(STREAM))
  t.ok(verdict(`content-type:  Text/Event-Stream ; charset=utf-8\r\n${CHUNKED}`))
  t.end()
})

await t.test('not with a length, another status, another type or two, or to another method', t => {
  t.notOk(verdict(`${STREAM}Content-Length: 9\r\n`))
  t.notOk(verdict(STREAM + CHUNKED, { status: '503 Service Unavailable' }))
  t.notOk(verdict(STREAM + CHUNKED, { status: '204 No Content' }))
  t.notOk(verdict(STREAM + CHUNKED, { method: METHOD.POST }))
  t.notOk(verdict(STREAM + CHUNKED, { method: METHOD.HEAD }))
  t.notOk(verdict(CHUNKED))
  for (const type of [
    'text/event-streams',
    'text/event-strea',
    'text/html',
    'application/json',
    'x',
    '',
    'text/event-stream, text/html',
  ])
    t.notOk(verdict(`Content-Type: ${type}\r\n${CHUNKED}`), type)
  t.notOk(verdict(STREAM + STREAM + CHUNKED))
  t.end()
})

await t.test('not when it is encoded: events could not be seen', t => {
  t.ok(verdict(`${STREAM}${CHUNKED}Content-Encoding: identity\r\n`))
  t.ok(verdict(`${STREAM}${CHUNKED}Content-Encoding: Identity, ,\r\nContent-Encoding:\r\n`))
  t.notOk(verdict(`${STREAM}${CHUNKED}Content-Encoding: gzip\r\n`))
  t.notOk(verdict(`${STREAM}${CHUNKED}Content-Encoding: identity\r\nContent-Encoding: br\r\n`))
  t.notOk(verdict(`${STREAM}${CHUNKED}Content-Encoding: identity, zstd\r\n`))
  t.end()
})
