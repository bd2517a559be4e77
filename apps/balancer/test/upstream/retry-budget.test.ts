import { FakeClock } from '@plimsoll/testing'
import fc from 'fast-check'
import t from 'tap'
import { RetryBudget } from '../../src/upstream/retry-budget.ts'

const BUCKET_MS = 1000
const WINDOW_S = 10

const options = fc.record({
  ratio: fc.oneof(fc.constantFrom(0, 0.2, 1), fc.double({ min: 0, max: 2, noNaN: true })),
  minPerSecond: fc.oneof(fc.constantFrom(0, 0.1), fc.double({ min: 0, max: 3, noNaN: true })),
})
const event = fc.record({
  what: fc.constantFrom('request', 'request', 'request', 'retry', 'retry', 'wait', 'configure'),
  ms: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 15_000 })),
})

await t.test(
  'a retry is made exactly when, with it, there are not more than the minimum or the share in the window',
  t => {
    let made = 0
    let refused = 0
    fc.assert(
      fc.property(options, options, fc.array(event, { maxLength: 200, size: 'max' }), (before, after, events) => {
        const clock = new FakeClock({ startMs: 12_345 })
        const budget = new RetryBudget(before, clock)
        const requestsAtMs: number[] = []
        const retriesAtMs: number[] = []
        let current = before
        let exhausted = 0
        const inWindow = (times: readonly number[]): number =>
          times.filter(ms => Math.floor(ms / BUCKET_MS) > Math.floor(clock.now() / BUCKET_MS) - WINDOW_S).length
        for (const { what, ms } of events) {
          if (what === 'wait') clock.advance(ms)
          else if (what === 'configure') budget.configure((current = after))
          else if (what === 'request') {
            budget.requested(clock.now())
            requestsAtMs.push(clock.now())
          } else {
            const allowed = Math.max(current.minPerSecond * WINDOW_S, current.ratio * inWindow(requestsAtMs))
            const left = Math.max(0, Math.floor(allowed - inWindow(retriesAtMs)))
            if (budget.left !== left) return false
            if (budget.tryTake() !== left >= 1) return false
            if (left >= 1) {
              retriesAtMs.push(clock.now())
              made++
            } else {
              exhausted++
              refused++
            }
          }
        }
        return budget.exhaustedTotal === exhausted
      }),
      { numRuns: 500 },
    )
    t.ok(made > 500 && refused > 500, `${made} retries, ${refused} refused`)
    t.end()
  },
)

await t.test('at low load the minimum holds, at high load the share, and both are given back by time', t => {
  const take = (requests: number, ratio: number, minPerSecond: number): number[] => {
    const clock = new FakeClock()
    const budget = new RetryBudget({ ratio, minPerSecond }, clock)
    return [0, 1].map(() => {
      for (let i = 0; i < requests; i++) budget.requested(clock.now())
      let taken = 0
      while (budget.tryTake()) taken++
      clock.advance(WINDOW_S * 1000)
      return taken
    })
  }
  t.same(take(0, 0.2, 1), [10, 10])
  t.same(take(1000, 0.2, 1), [200, 200], 'a whole second of failures at once')
  t.same(take(9, 0.2, 0), [1, 1], 'a part of a retry is none')
  t.same(take(4, 0.2, 0), [0, 0])
  t.same(take(1000, 0, 0), [0, 0])
  t.end()
})
