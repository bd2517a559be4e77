import fc from 'fast-check'
import t from 'tap'
import { EventStreamBoundary } from '../../src/streams/event-stream-boundary.ts'
import { endsWithWholeEvent, eventStream } from './events.ts'
import { cuts, octetRanges, rangesOf, within } from './splits.ts'

function fed(text: string): EventStreamBoundary {
  const events = new EventStreamBoundary()
  const bytes = Buffer.from(text)
  events.feed(bytes, 0, bytes.length)
  return events
}

/** Feeds the ranges; true when the tracker agreed with the oracle behind each. */
function agrees(bytes: Buffer, ranges: readonly [number, number][]): boolean {
  const events = new EventStreamBoundary()
  return ranges.every(([start, end]) => {
    events.feed(...within(bytes, start, end))
    return events.isAtBoundary === endsWithWholeEvent(bytes.subarray(0, end))
  })
}

await t.test('a boundary is behind an empty line, with any of the three line ends', t => {
  for (const text of [
    '',
    'data: a\n\n',
    'data: a\r\n\r\n',
    'data: a\r\r',
    'data: a\n\r',
    'data: a\r\n\n',
    'data: a\n\r\n',
  ])
    t.ok(fed(text).isAtBoundary, JSON.stringify(text))
  for (const text of [
    'd',
    'data: a\n',
    'data: a\r',
    'data: a\r\n',
    'data: a\n\ndata',
    'data: a\n\ndata: b\r\n',
    '\uFEFF:\n',
  ])
    t.notOk(fed(text).isAtBoundary, JSON.stringify(text))
  t.end()
})

await t.test('comments leave the stream whole when their line has ended', t => {
  t.ok(fed('data: a\n\n: ping\n').isAtBoundary)
  t.notOk(fed('data: a\n\n: pin').isAtBoundary)
  t.notOk(fed('data: a\n: ping\n').isAtBoundary, 'but not in the middle of an event')
  t.end()
})

await t.test('it is told when an LF may still follow that belongs to what has come', t => {
  t.ok(fed('data: a\r\n\r').isBehindCr)
  t.ok(fed('data: a\r').isBehindCr)
  t.notOk(fed('data: a\r\n\r\n').isBehindCr)
  t.notOk(fed('data: a\n\n').isBehindCr)
  t.end()
})

await t.test('every stream of up to seven of the octets that matter, whole and octet by octet', t => {
  const octets = ['\r', '\n', ':', 'x']
  let texts = ['']
  let wrong = 0
  for (let length = 1; length <= 7; length++) {
    texts = texts.flatMap(text => octets.map(octet => text + octet))
    for (const text of texts) {
      const bytes = Buffer.from(text)
      if (!agrees(bytes, [[0, length]]) || !agrees(bytes, octetRanges(length))) wrong++
    }
  }
  t.equal(wrong, 0)
  t.equal(texts.length, 4 ** 7)
  t.end()
})

await t.test('one stream at every split', t => {
  const bytes = Buffer.from('\uFEFF: hi\n\ndata: a\r\n\r\nid: 1\rdata: b\r\r: c\ndata\n\r\ndata: é\n\n\n:\r\n')
  const wrong = octetRanges(bytes.length - 1)
    .map(([, split]) => split)
    .filter(
      split =>
        !agrees(bytes, [
          [0, split],
          [split, bytes.length],
        ]),
    )
  t.same(wrong, [])
  t.end()
})

await t.test('any stream in any pieces: it stands at a boundary exactly when every event so far is whole', t => {
  fc.assert(
    fc.property(eventStream, cuts, (bytes, cuts) => agrees(bytes, rangesOf(bytes.length, cuts))),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random streams')
  t.end()
})

await t.test('a range is split at the first boundary in it', t => {
  fc.assert(
    fc.property(eventStream, fc.nat(), (bytes, at) => {
      const from = bytes.length === 0 ? 0 : at % bytes.length
      const events = new EventStreamBoundary()
      events.feed(bytes, 0, from)
      const split = events.feedToBoundary(bytes, from, bytes.length)
      let expected = from + 1
      while (expected < bytes.length && !endsWithWholeEvent(bytes.subarray(0, expected))) expected++
      return (
        bytes.length === 0 ||
        (split === expected && events.isAtBoundary === endsWithWholeEvent(bytes.subarray(0, split)))
      )
    }),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random streams')
  t.end()
})
