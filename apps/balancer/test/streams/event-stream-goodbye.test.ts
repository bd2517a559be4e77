import fc from 'fast-check'
import t from 'tap'
import { EventStreamGoodbye } from '../../src/streams/event-stream-goodbye.ts'
import { endsWithWholeEvent, eventStream, readEventStream } from './events.ts'
import { RecordedExits } from './recorded-exits.ts'
import { cuts, rangesOf, within } from './splits.ts'

const HALF = { next: () => 0.5 }

function opened(random = HALF) {
  const exits = new RecordedExits()
  const stream = new EventStreamGoodbye(exits, random)
  const say = (text: string) => stream.fromEndpoint(Buffer.from(text), 0, Buffer.byteLength(text))
  return { exits, stream, say }
}

await t.test('told at a boundary, the client is said when to come back, and nothing follows', t => {
  const { exits, stream, say } = opened()
  say('data: a\n\n')
  stream.leave()
  t.equal(exits.client.toString(), 'data: a\n\nretry: 1750\n\n')
  t.same(exits.said, ['told event-stream', 'over'])
  t.ok(stream.isTold)
  say('data: b\n\n')
  stream.leave()
  t.equal(exits.client.toString(), 'data: a\n\nretry: 1750\n\n')
  t.same(exits.said, ['told event-stream', 'over'])
  t.end()
})

await t.test('told within an event, the client gets all of it first, and nothing of the next', t => {
  const { exits, stream, say } = opened()
  say('data: a\r\nda')
  stream.leave()
  t.same(exits.said, [])
  say('ta: b\r\n')
  t.notOk(stream.isTold)
  say('\r\ndata: c\r\n\r\n')
  t.equal(exits.client.toString(), 'data: a\r\ndata: b\r\n\r\nretry: 1750\n\n')
  t.same(exits.said, ['told event-stream', 'over'])
  t.end()
})

await t.test('an LF that belongs to the last CR and is dropped with the rest is put there by us', t => {
  for (const rest of ['', '\n', '\ndata: b\r\n\r\n']) {
    const { exits, stream, say } = opened()
    say('data: a\r\n\r')
    stream.leave()
    say(rest)
    t.equal(exits.client.toString(), 'data: a\r\n\r\nretry: 1750\n\n', JSON.stringify(rest))
  }
  t.end()
})

await t.test('a stream on which nothing has come yet can be told at once', t => {
  const { exits, stream } = opened()
  stream.leave()
  t.equal(exits.client.toString(), 'retry: 1750\n\n')
  t.end()
})

await t.test('the times lie between 500 and 3000 ms, both included', t => {
  const retryOf = (next: number) => {
    const { exits, stream } = opened({ next: () => next })
    stream.leave()
    return readEventStream(exits.client).retryMs
  }
  t.equal(retryOf(0), 500)
  t.equal(retryOf(1 - Number.EPSILON), 3000)
  t.equal(retryOf(0.25), 1125)
  t.end()
})

await t.test('any stream in any pieces: as it is until told, then up to the next boundary, then the time', t => {
  fc.assert(
    fc.property(eventStream, cuts, fc.nat(12), (bytes, cuts, leaveBefore) => {
      const { exits, stream } = opened()
      let toldAt = -1
      for (const [index, [start, end]] of rangesOf(bytes.length, cuts).entries()) {
        if (index === leaveBefore) {
          stream.leave()
          toldAt = start
        }
        if (toldAt === -1 && !exits.client.equals(bytes.subarray(0, start))) return false
        stream.fromEndpoint(...within(bytes, start, end))
      }
      if (toldAt === -1) {
        if (!exits.client.equals(bytes)) return false
        stream.leave()
        toldAt = bytes.length
      }
      let boundary = toldAt
      while (boundary <= bytes.length && !endsWithWholeEvent(bytes.subarray(0, boundary))) boundary++
      if (boundary > bytes.length) return exits.client.equals(bytes) && exits.said.length === 0 && !stream.isTold
      const passed = bytes.subarray(0, boundary)
      if (!exits.client.subarray(0, boundary).equals(passed)) return false
      const before = readEventStream(passed)
      const after = readEventStream(exits.client)
      return (
        after.isWhole &&
        after.retryMs === 1750 &&
        JSON.stringify(after.events) === JSON.stringify(before.events) &&
        exits.said.join() === 'told event-stream,over'
      )
    }),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random streams')
  t.end()
})
