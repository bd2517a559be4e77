import fc from 'fast-check'
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { medianOf, trendOf, type Series } from '../../src/leak/live-memory-slope.ts'

function series(values: readonly number[], loads?: readonly number[], times = values.map((_, index) => index)): Series {
  return {
    times: Float64Array.from(times),
    values: Float64Array.from(values),
    loads: Float64Array.from(loads ?? values.map(() => Number.NaN)),
  }
}

const normal = (random: SeededRandom): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

await t.test(
  'the slope is the median of the slopes of all pairs, and the median that of the sorted values',
  async t => {
    const numbers = fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { minLength: 4, maxLength: 40 })
    const middle = (values: number[]): number => {
      const sorted = values.toSorted((a, b) => a - b)
      const half = sorted.length >> 1
      return sorted.length % 2 === 1
        ? (sorted[half] as number)
        : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2
    }
    fc.assert(
      fc.property(numbers, values => {
        const slopes = values.flatMap((later, index) =>
          values.slice(0, index).map((earlier, at) => (later - earlier) / (index - at)),
        )
        t.equal(trendOf(series(values), 0, values.length).slope, middle(slopes))
        t.equal(medianOf(Float64Array.from(values), 0, values.length), middle(values))
      }),
      { numRuns: 100 },
    )
  },
)

await t.test('a line without noise is known exactly, at uneven times as well', async t => {
  const times = [0, 0.1, 0.15, 3, 3.2, 9, 20, 21]
  const trend = trendOf(
    series(
      times.map(time => 7 + 2 * time),
      undefined,
      times,
    ),
    0,
    times.length,
  )
  t.ok(Math.abs(trend.slope - 2) < 1e-9)
  t.ok(trend.standardError < 1e-9)
  t.ok(Math.abs(trend.last - 49) < 1e-9)
})

await t.test('a burst does not bend the slope', async t => {
  const values = Array.from({ length: 40 }, (_, index) => index + (index >= 30 && index < 36 ? 500 : 0))
  t.ok(Math.abs(trendOf(series(values), 0, 40).slope - 1) < 0.2)
})

await t.test('three and a half standard errors are hardly ever passed by noise, correlated or not', async t => {
  for (const correlation of [0, 0.5, 0.8]) {
    const random = new SeededRandom(42)
    let passed = 0
    for (let run = 0; run < 300; run++) {
      let noise = normal(random)
      const values = Array.from({ length: 64 }, () => {
        noise = correlation * noise + Math.sqrt(1 - correlation ** 2) * normal(random)
        return noise
      })
      const { slope, standardError } = trendOf(series(values), 0, 64)
      if (slope > 3.5 * standardError) passed++
    }
    // Without the correction for correlation: 1, 10 and 50 of 300.
    t.ok(passed <= 4, `${passed} of 300 at correlation ${correlation}`)
  }
})

await t.test('what the load explains is no trend', async t => {
  const random = new SeededRandom(7)
  const loads = Array.from({ length: 64 }, (_, index) => index + 20 * normal(random))
  const values = loads.map(load => 100 + 3 * load + normal(random))
  const without = trendOf(series(values), 0, 64)
  t.ok(without.slope > 3.5 * without.standardError)
  const given = trendOf(series(values, loads), 0, 64)
  t.ok(given.slope < 3.5 * given.standardError)
})

await t.test(
  'a load that only rises with the time leaves everything open, a rise beside a steady load nothing',
  async t => {
    const rise = Array.from({ length: 32 }, (_, index) => 5 * index + (index % 3))
    const rising = trendOf(
      series(
        rise,
        rise.map((_, index) => 10 * index),
      ),
      0,
      32,
    )
    t.notOk(rising.slope > 3.5 * rising.standardError)
    const steady = trendOf(
      series(
        rise,
        rise.map((_, index) => 10 + (index % 2)),
      ),
      0,
      32,
    )
    t.ok(steady.slope > 3.5 * steady.standardError)
  },
)
