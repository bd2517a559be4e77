import fc from 'fast-check'
import t from 'tap'
import { SlowStart } from '../../src/health/slow-start.ts'

const options = fc.record({
  durationMs: fc.integer({ min: 1, max: 3_600_000 }),
  fromRatio: fc.double({ min: 0.01, max: 1, noNaN: true }),
})
const answers = fc.array(fc.double({ min: 0.01, max: 30_000, noNaN: true }), { maxLength: 40, size: 'max' })
const fleetMs = fc.oneof(fc.constant(Number.NaN), fc.double({ min: 0.01, max: 30_000, noNaN: true }))

await t.test('the ratio is never below where it begins, never above 1, and grows with time alone', t => {
  fc.assert(
    fc.property(
      options,
      answers,
      fleetMs,
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 0.3, noNaN: true }), { maxLength: 30, size: 'max' }),
      (options, answers, fleetMs, startMs, steps) => {
        const slow = new SlowStart(options, startMs)
        for (const ms of answers) slow.onAnswer(ms)
        let nowMs = startMs
        let before = options.fromRatio
        for (const step of steps) {
          nowMs += step * options.durationMs
          const ratio = slow.ratio(nowMs, fleetMs)
          if (ratio < before || ratio > 1) return false
          before = ratio
        }
        // A sum of such times is rounded: it's over when it's over, not a billionth of a millisecond before.
        return slow.ratio(startMs + options.durationMs + 1e-3, fleetMs) === 1
      },
    ),
    { numRuns: 500 },
  )
  t.pass('for 500 random starts')
  t.end()
})

await t.test('without anybody to compare with it rises in a straight line', t => {
  const slow = new SlowStart({ durationMs: 10_000, fromRatio: 0.1 }, 500)
  for (let i = 0; i < 100; i++) slow.onAnswer(0.1)
  t.same(
    [500, 3000, 5500, 8000, 10_500, 99_999].map(ms => Number(slow.ratio(ms, Number.NaN).toFixed(6))),
    [0.1, 0.325, 0.55, 0.775, 1, 1],
  )
  t.equal(new SlowStart({ durationMs: 0, fromRatio: 0.1 }, 500).ratio(500, Number.NaN), 1, 'no slow start')
  t.end()
})

await t.test('ten answers as fast as the others’ end it at once, nine don’t, nor do slow ones', t => {
  const after = (count: number, ms: number, fleetMs: number): number => {
    const slow = new SlowStart({ durationMs: 10_000, fromRatio: 0.1 }, 0)
    for (let i = 0; i < count; i++) slow.onAnswer(ms)
    return slow.ratio(0, fleetMs)
  }
  t.equal(after(9, 10, 10), 0.1)
  t.equal(after(10, 10, 10), 1)
  t.equal(after(10, 12.9, 10), 1, 'a fifth more and a millisecond are as fast')
  t.equal(after(10, 13.1, 10), 0.1)
  t.equal(after(1000, 14, 10), 0.1)
  t.equal(after(1000, 0.01, Number.NaN), 0.1, 'as fast as whom?')
  t.end()
})

await t.test('a slow beginning is outweighed once it is warm', t => {
  const slow = new SlowStart({ durationMs: 60_000, fromRatio: 0.1 }, 0)
  for (let i = 0; i < 10; i++) slow.onAnswer(1000)
  let needed = 0
  for (; slow.ratio(0, 10) < 1; needed++) slow.onAnswer(10)
  t.ok(needed > 10 && needed < 100, `${needed} fast answers`)
  t.end()
})
