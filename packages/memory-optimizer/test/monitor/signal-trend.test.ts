import { seededRandom } from '@plimsoll/testing'
import fc from 'fast-check'
import t from 'tap'
import { SignalTrend } from '../../src/monitor/signal-trend.ts'

function trendOf(values: readonly number[], spacingMs = 1000): SignalTrend {
  const trend = new SignalTrend(spacingMs, 600_000)
  for (const [index, value] of values.entries()) trend.add(index * spacingMs, value)
  return trend
}

await t.test('a straight line has its slope and its value, whatever the window', async () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.integer({ min: 6, max: 100 }),
      (slope, offset, count) => {
        const found = trendOf(Array.from({ length: count }, (_, index) => offset + slope * index)).estimate(
          count * 1000,
        )
        const wanted = offset + slope * count
        return Math.abs(found.slope * 1000 - slope) < 1e-9 && Math.abs(found.value - wanted) < 1e-6
      },
    ),
    { numRuns: 200 },
  )
})

await t.test('a quarter of the points may be wild', async t => {
  const values = Array.from({ length: 32 }, (_, index) => (index % 4 === 3 ? 50 : index * 0.01))
  t.ok(Math.abs(trendOf(values).estimate(32_000).slope * 1000 - 0.01) < 0.01)
})

await t.test('the interval holds the slope in most series, and noise alone is rarely sure', async t => {
  const random = seededRandom(t, { seed: 7 })
  let inside = 0
  let sure = 0
  const runs = 400
  for (let run = 0; run < runs; run++) {
    const noise = (): number => random.next() + random.next() + random.next() - 1.5
    const rising = trendOf(Array.from({ length: 32 }, (_, index) => index * 0.02 + noise())).estimate(32_000)
    if (rising.slopeLow * 1000 <= 0.02 && rising.slopeHigh * 1000 >= 0.02) inside++
    if (trendOf(Array.from({ length: 32 }, noise)).estimate(32_000).confidence > 0.95) sure++
  }
  t.ok(inside / runs > 0.85, `${inside} of ${runs}`)
  t.ok(sure / runs < 0.08, `${sure} of ${runs}`)
})

await t.test('fewer than six points say nothing; points that are old, too close or unknown do not count', async t => {
  t.match(trendOf([1, 2, 3, 4, 5]).estimate(5000), { slope: Number.NaN, points: 5 })
  const trend = new SignalTrend(1000, 600_000)
  for (let index = 0; index < 100; index++) trend.add(index * 100, index)
  t.equal(trend.estimate(10_000).points, 10)
  trend.add(20_000, Number.NaN)
  t.equal(trend.estimate(10_000).points, 10)
  t.equal(trend.estimate(700_000).points, 0)
})

await t.test('a falling signal is as sure not to rise', async t => {
  const { confidence, slope } = trendOf(Array.from({ length: 32 }, (_, index) => -index)).estimate(32_000)
  t.ok(confidence < 0.001)
  t.ok(slope < 0)
})
