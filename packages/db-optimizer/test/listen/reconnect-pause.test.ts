import t from 'tap'
import { reconnectPauseMs } from '../../src/listen/reconnect-pause.ts'

await t.test('pauses double from 50 ms to 1 s, and no further', t => {
  const longest = { next: () => 1 - Number.EPSILON }
  const pauses = Array.from({ length: 9 }, (_, failures) => Math.round(reconnectPauseMs(failures, longest)))
  t.same(pauses, [50, 100, 200, 400, 800, 1000, 1000, 1000, 1000])
  t.equal(Math.round(reconnectPauseMs(5000, longest)), 1000, 'also after a night')
  t.end()
})

await t.test('half of it is chance', t => {
  t.equal(reconnectPauseMs(0, { next: () => 0 }), 25)
  t.equal(reconnectPauseMs(8, { next: () => 0 }), 500)
  t.end()
})
