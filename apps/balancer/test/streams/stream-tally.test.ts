import t from 'tap'
import { StreamTally } from '../../src/streams/stream-tally.ts'

await t.test('streams are counted by kind, and those that were told are not counted as cut', t => {
  const tally = new StreamTally()
  tally.onTold('websocket')
  tally.onTold('event-stream')
  tally.onTold('websocket')
  tally.onCut('websocket', true)
  tally.onCut('event-stream', false)
  t.same(tally.toldTotal, { websocket: 2, 'event-stream': 1 })
  t.same(tally.cutTotal, { websocket: 0, 'event-stream': 1 })
  t.end()
})
