import t from 'tap'
import { HEADER, RequestParser, type MessageHead } from '@plimsoll/http1'
import { octetsOf } from './recorder.ts'

/** Gives the head of a request to `look`, with octets in front of it in its buffer. */
function withHead(fields: readonly string[], look: (head: MessageHead) => void): void {
  const octets = octetsOf(`....${['GET /a?b HTTP/1.1', 'Host: h', ...fields, '', ''].join('\r\n')}`)
  const ignore = (): void => {}
  const parser = new RequestParser({
    onHead: look,
    onBody: ignore,
    onTrailers: ignore,
    onEnd: ignore,
    onRefusal: ignore,
  })
  parser.execute(octets, 4, octets.length)
}

await t.test('fields are found by id, the first one or the next one from an index on', async t => {
  t.plan(6)
  withHead(['Cookie: a', 'X-Own: b', 'cookie: c'], head => {
    t.equal(head.find(HEADER.cookie), 1)
    t.equal(head.find(HEADER.cookie, 2), 3)
    t.equal(head.find(HEADER.cookie, 4), -1)
    t.equal(head.find(HEADER.via), -1)
    t.equal(head.value(HEADER.cookie), 'a')
    t.equal(head.value(HEADER.via), undefined)
  })
})

await t.test('fields are found by name in any case, known or not, and a look-alike is not the original', async t => {
  t.plan(11)
  withHead(['X-Own: a', 'Cookie: b', 'x-own: c', 'X_Real_Ip: d', 'X: e', 'content_type: f'], head => {
    t.equal(head.findName('content_type'), 6)
    t.equal(head.findName('x-OWN'), 1)
    t.equal(head.findName('X-Own', 2), 3)
    t.equal(head.findName('X-Own', 4), -1)
    t.equal(head.findName('COOKIE'), 2)
    t.equal(head.findName('x_real_ip'), 4)
    t.equal(head.findName('x-real-ip'), -1)
    t.equal(head.findName('x'), 5)
    t.equal(head.findName('x-ow'), -1)
    t.equal(head.findName(''), -1)
    t.equal(head.findName('x-own-'), -1)
  })
})

await t.test('names and values become strings when they are asked for', async t => {
  t.plan(6)
  withHead(['X-Own:\t\xe9 ', 'COOKIE:', 'X_Real_Ip: d'], head => {
    t.equal(head.nameString(1), 'X-Own')
    t.equal(head.valueString(1), '\xe9')
    t.equal(head.nameString(2), 'cookie', 'a known name in lower case')
    t.equal(head.valueString(2), '')
    t.equal(head.nameString(3), 'X_Real_Ip')
    t.equal(head.reasonString(), '')
  })
})

await t.test('offsets count from the beginning of the buffer', async t => {
  t.plan(3)
  withHead(['A: b'], head => {
    t.equal(head.start, 4)
    t.equal(head.buffer.toString('latin1', head.nameStart[1], head.end), 'A: b\r\n\r\n')
    t.equal(head.buffer.toString('latin1', head.queryStart, head.pathEnd), '?b')
  })
})

await t.test('a path may be shortened by its owner before it is written', async t => {
  t.plan(1)
  withHead([], head => {
    // What a route that takes off the prefix "/a" does.
    head.pathPrefix = 0x2f
    head.pathStart += 2
    t.equal(head.pathString(), '/?b')
  })
})
