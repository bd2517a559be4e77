import fc from 'fast-check'
import t from 'tap'
import { WebSocketBoundary } from '../../src/streams/websocket-boundary.ts'
import { BINARY, CLOSE, CONTINUATION, PING, TEXT, endsOf, frameBytes, frameStream } from './frames.ts'
import { cuts, octetRanges, rangesOf, within } from './splits.ts'

const MASK = Buffer.from([0x11, 0xff, 0x00, 0x8a])

/** Every form of a head, with payloads that look like heads. */
const FORMS = [
  frameBytes({ opcode: TEXT, payload: 'hello' }),
  frameBytes({ opcode: TEXT }),
  frameBytes({ opcode: BINARY, payload: Buffer.alloc(7, 0x88), mask: MASK }),
  frameBytes({ opcode: PING, mask: MASK }),
  frameBytes({ opcode: TEXT, fin: false, payload: Buffer.alloc(125, 0x88) }),
  frameBytes({ opcode: PING, payload: 'ping' }),
  frameBytes({ opcode: CONTINUATION, payload: Buffer.alloc(126, 0x81) }),
  frameBytes({ opcode: BINARY, payload: 'x', lengthBytes: 2 }),
  frameBytes({ opcode: BINARY, payload: 'x', lengthBytes: 8, mask: MASK }),
  frameBytes({ opcode: BINARY, lengthBytes: 8 }),
  frameBytes({ opcode: BINARY, payload: Buffer.alloc(300, 0x7f), mask: MASK }),
]

/** Feeds the ranges; true when the tracker stood at a boundary exactly at the ends of frames. */
function agrees(bytes: Buffer, ends: Set<number>, ranges: readonly [number, number][]): boolean {
  const frames = new WebSocketBoundary()
  return ranges.every(([start, end]) => {
    frames.feed(...within(bytes, start, end))
    return frames.isAtBoundary === ends.has(end)
  })
}

await t.test('a stream begins at a boundary', t => {
  t.ok(new WebSocketBoundary().isAtBoundary)
  t.end()
})

await t.test('the ends of frames are seen whole, octet by octet and at every split', t => {
  const bytes = Buffer.concat(FORMS)
  const ends = endsOf(FORMS)
  t.ok(agrees(bytes, ends, [[0, bytes.length]]))
  t.ok(agrees(bytes, ends, octetRanges(bytes.length)))
  const wrong = octetRanges(bytes.length - 1)
    .map(([, split]) => split)
    .filter(
      split =>
        !agrees(bytes, ends, [
          [0, split],
          [split, bytes.length],
        ]),
    )
  t.same(wrong, [])
  t.end()
})

await t.test('any frames in any pieces: a boundary is where a frame ends and nowhere else', t => {
  fc.assert(
    fc.property(frameStream({ masked: false }), frameStream({ masked: true }), cuts, (plain, masked, cuts) => {
      const all = [...plain, ...masked]
      const bytes = Buffer.concat(all)
      return agrees(bytes, endsOf(all), rangesOf(bytes.length, cuts))
    }),
    { numRuns: 300 },
  )
  t.pass('for 300 random streams')
  t.end()
})

await t.test('a range is split behind the first frame that ends in it', t => {
  fc.assert(
    fc.property(frameStream({ masked: true }), fc.nat(), (all, at) => {
      const bytes = Buffer.concat(all)
      const ends = endsOf(all)
      const from = bytes.length === 0 ? 0 : at % bytes.length
      const frames = new WebSocketBoundary()
      frames.feed(bytes, 0, from)
      const split = frames.feedToBoundary(bytes, from, bytes.length)
      const expected = [...ends].find(end => end > from) ?? bytes.length
      return split === expected && frames.isAtBoundary === ends.has(split)
    }),
    { numRuns: 300 },
  )
  t.pass('for 300 random streams')
  t.end()
})

await t.test('a range in which no frame ends passes whole, and is no boundary', t => {
  const frames = new WebSocketBoundary()
  const frame = frameBytes({ opcode: TEXT, payload: 'hello' })
  t.equal(frames.feedToBoundary(frame, 0, 1), 1)
  t.equal(frames.feedToBoundary(frame, 1, 4), 4)
  t.notOk(frames.isAtBoundary)
  t.equal(frames.feedToBoundary(frame, 4, 7), 7)
  t.ok(frames.isAtBoundary)
  t.end()
})

await t.test('behind a whole close frame the stream is closed, and no frame may be put there', t => {
  const close = frameBytes({ opcode: CLOSE, payload: Buffer.from([0x03, 0xe8]), mask: MASK })
  const text = frameBytes({ opcode: TEXT, payload: 'a', mask: MASK })
  const frames = new WebSocketBoundary()
  for (let i = 0; i < close.length; i++) {
    t.notOk(frames.isClosed, `not before octet ${i}`)
    frames.feed(close, i, i + 1)
  }
  t.ok(frames.isClosed)
  t.notOk(frames.isAtBoundary)
  frames.feed(text, 0, text.length)
  t.ok(frames.isClosed)
  t.notOk(frames.isAtBoundary)
  const both = Buffer.concat([close, text])
  const again = new WebSocketBoundary()
  t.equal(again.feedToBoundary(both, 0, both.length), close.length, 'a split stops there as well')
  t.ok(again.isClosed)
  t.end()
})

await t.test('an empty close frame closes too, a frame that only contains one does not', t => {
  const frames = new WebSocketBoundary()
  const containing = frameBytes({ opcode: BINARY, payload: frameBytes({ opcode: CLOSE }) })
  frames.feed(containing, 0, containing.length)
  t.ok(frames.isAtBoundary)
  frames.feed(frameBytes({ opcode: CLOSE }), 0, 2)
  t.ok(frames.isClosed)
  t.end()
})

await t.test(
  'a length with its most significant bit set, or above 2^53, is given up: there is no boundary any more',
  t => {
    for (const length of ['8000000000000000', 'ffffffffffffffff', '0020000000000000', '7fffffffffffffff']) {
      const bytes = Buffer.from(`827f${length}`, 'hex')
      for (const ranges of [[[0, bytes.length] as [number, number]], octetRanges(bytes.length)]) {
        const frames = new WebSocketBoundary()
        for (const [start, end] of ranges) frames.feed(bytes, start, end)
        t.ok(frames.isLost, length)
        t.notOk(frames.isAtBoundary, length)
        const text = frameBytes({ opcode: TEXT })
        t.equal(frames.feedToBoundary(text, 0, text.length), text.length)
        t.notOk(frames.isAtBoundary, length)
        t.notOk(frames.isClosed, length)
      }
    }
    t.end()
  },
)

await t.test('the largest length that can be counted is counted to its end', t => {
  const frames = new WebSocketBoundary()
  frames.feed(Buffer.from('827f001fffffffffffff', 'hex'), 0, 10)
  t.notOk(frames.isLost)
  t.notOk(frames.isAtBoundary)
  t.end()
})
