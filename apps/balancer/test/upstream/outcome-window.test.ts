import fc from 'fast-check'
import t from 'tap'
import { OutcomeWindow } from '../../src/upstream/outcome-window.ts'

const BUCKETS = 10

interface Outcome {
  readonly ok: boolean
  readonly atMs: number
}

/** What is counted, told by looking at every outcome again: those of the present tenth of the window and of the nine before. */
function counted(outcomes: readonly Outcome[], windowMs: number, nowMs: number): { ok: number; failed: number } {
  const bucketOf = (ms: number): number => Math.floor(ms / (windowMs / BUCKETS))
  const inside = outcomes.filter(({ atMs }) => bucketOf(atMs) > bucketOf(nowMs) - BUCKETS)
  const ok = inside.filter(outcome => outcome.ok).length
  return { ok, failed: inside.length - ok }
}

/** Steps of time: none at all, within a bucket, about a window, and gaps of many windows. */
const pause = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.double({ min: 0, max: 0.2, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0.8, max: 1.2, noNaN: true }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 1000 }) },
)
const step = fc.record({
  windows: pause,
  what: fc.constantFrom('ok', 'ok', 'ok', 'failed', 'failed', 'look', 'clear'),
})
const story = fc.record({
  windowMs: fc.integer({ min: 100, max: 600_000 }),
  startMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })),
  steps: fc.array(step, { maxLength: 60, size: 'max' }),
})

await t.test('for any sequence of times it counts what looking back counts', t => {
  fc.assert(
    fc.property(story, ({ windowMs, startMs, steps }) => {
      const window = new OutcomeWindow(windowMs)
      let outcomes: Outcome[] = []
      let nowMs = startMs
      for (const { windows, what } of steps) {
        nowMs += windows * windowMs
        if (what === 'clear') {
          window.clear()
          outcomes = []
        } else if (what !== 'look') {
          window.add(what === 'ok', nowMs)
          outcomes.push({ ok: what === 'ok', atMs: nowMs })
        }
        const expected = counted(outcomes, windowMs, nowMs)
        if (window.okCount(nowMs) !== expected.ok || window.failedCount(nowMs) !== expected.failed) return false
      }
      return true
    }),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random sequences')
  t.end()
})

await t.test('nothing older than the window counts, nothing younger than nine tenths of it is lost', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 600_000 }),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.double({ min: 0, max: 1.5, noNaN: true }),
      (windowMs, atMs, windows) => {
        const window = new OutcomeWindow(windowMs)
        window.add(false, atMs)
        const count = window.failedCount(atMs + windows * windowMs)
        if (windows > 1 + 1e-9) return count === 0
        if (windows < 0.9 - 1e-9) return count === 1
        return count === 0 || count === 1
      },
    ),
    { numRuns: 2000 },
  )
  t.pass('for 2000 random times')
  t.end()
})

await t.test('looking takes nothing away, and a burst at one moment counts in full', t => {
  const window = new OutcomeWindow(1000)
  for (let i = 0; i < 100_000; i++) window.add(i % 2 === 0, 12_345.6)
  for (let i = 0; i < 3; i++) {
    t.equal(window.okCount(12_999), 50_000)
    t.equal(window.failedCount(12_999), 50_000)
  }
  t.end()
})
