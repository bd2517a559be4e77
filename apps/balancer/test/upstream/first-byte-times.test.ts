import fc from 'fast-check'
import t from 'tap'
import { FirstByteTimes } from '../../src/upstream/first-byte-times.ts'

/** Buckets end at every fourth part of a doubling. */
const ERROR = 2 ** (1 / 4)
const ROUNDING = 1 + 1e-9

function exactP99(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.99) - 1] as number
}

/** Answers of one endpoint: around one time, over many orders of magnitude, or mostly fast with a slow tail. */
const distribution = fc.oneof(
  fc.array(fc.double({ min: 1, max: 2, noNaN: true }), { minLength: 20, maxLength: 500, size: 'max' }),
  fc.array(
    fc.double({ min: -3, max: 13, noNaN: true }).map(exponent => Math.E ** exponent),
    { minLength: 20, maxLength: 500, size: 'max' },
  ),
  fc
    .tuple(
      fc.array(fc.double({ min: 2, max: 8, noNaN: true }), { minLength: 20, maxLength: 500, size: 'max' }),
      fc.array(fc.double({ min: 100, max: 30_000, noNaN: true }), { maxLength: 20, size: 'max' }),
    )
    .map(([fast, slow]) => [...fast, ...slow]),
)

await t.test('the percentile is at most 19 % above the exact one, and never below', t => {
  fc.assert(
    fc.property(distribution, times => {
      const kept = new FirstByteTimes()
      for (const ms of times) kept.record(ms, 0)
      const exact = Math.max(exactP99(times), 1 / 16)
      const said = kept.p99Ms(0)
      return said >= exact / ROUNDING && said <= exact * ERROR * ROUNDING
    }),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random distributions')
  t.end()
})

await t.test('with fewer than twenty answers nobody knows', t => {
  const kept = new FirstByteTimes()
  t.ok(Number.isNaN(kept.meanMs))
  for (let count = 1; count <= 40; count++) {
    kept.record(5, 0)
    t.equal(Number.isNaN(kept.p99Ms(0)), count < 20, `${count} answers`)
  }
  t.end()
})

await t.test('times at and beyond both ends are counted at the ends', t => {
  for (const [ms, least, most] of [
    [0, 0, 1 / 16],
    [1 / 16, 0, 1 / 16],
    [1e12, 600_000, 1_200_000],
  ] as const) {
    const kept = new FirstByteTimes()
    for (let i = 0; i < 20; i++) kept.record(ms, 0)
    const said = kept.p99Ms(0)
    t.ok(said > least && said <= most, `${ms} ms: ${said} ms`)
  }
  t.end()
})

await t.test('a slow spell is forgotten, and a new pace is believed, within two minutes of traffic', t => {
  for (const [beforeMs, afterMs] of [
    [1000, 5],
    [5, 1000],
  ] as const) {
    const kept = new FirstByteTimes()
    let nowMs = 0
    // Hours of one pace, ten answers a second, and nobody asks for the percentile.
    for (; nowMs < 2 * 3_600_000; nowMs += 100) kept.record(beforeMs, nowMs)
    const changedAtMs = nowMs
    for (; nowMs < changedAtMs + 120_000; nowMs += 100) kept.record(afterMs, nowMs)
    const said = kept.p99Ms(nowMs)
    t.ok(said >= afterMs && said <= afterMs * ERROR, `${beforeMs} ms, then ${afterMs} ms: it says ${said} ms`)
  }
  t.end()
})

await t.test('an endpoint without traffic keeps its percentile', t => {
  const kept = new FirstByteTimes()
  for (let i = 0; i < 100; i++) kept.record(8, 0)
  const before = kept.p99Ms(0)
  for (let minute = 1; minute < 600; minute++) t.equal(kept.p99Ms(minute * 60_000), before)
  t.end()
})

await t.test('the mean follows a change within some tens of answers, and stays within what was seen', t => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 1, maxLength: 100 }), times => {
      const kept = new FirstByteTimes()
      for (const ms of times) kept.record(ms, 0)
      return kept.meanMs >= Math.min(...times) / ROUNDING && kept.meanMs <= Math.max(...times) * ROUNDING
    }),
    { numRuns: 200 },
  )
  const kept = new FirstByteTimes()
  for (let i = 0; i < 1000; i++) kept.record(5, 0)
  for (let i = 0; i < 30; i++) kept.record(50, 0)
  t.ok(kept.meanMs > 45 && kept.meanMs < 50, `${kept.meanMs} ms`)
  t.end()
})
