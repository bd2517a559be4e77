import t from 'tap'
import fc from 'fast-check'
import { NOW_MS, DAY_MS, day, moment, time } from '../../../src/database/demo-data/calendar.ts'
import { createRandom } from '../../../src/database/demo-data/random.ts'

await t.test('times are written as JavaScript does', async t => {
  fc.assert(
    fc.property(fc.integer({ min: NOW_MS - 1400 * DAY_MS, max: NOW_MS + 90 * DAY_MS }), ms => {
      const text = new Date(ms).toISOString()
      return time(ms) === text && day(ms) === text.slice(0, 10)
    }),
    { numRuns: 500 },
  )
  for (const ms of [NOW_MS, NOW_MS - 1]) t.equal(time(ms), new Date(ms).toISOString())
  t.throws(() => time(NOW_MS + 1000 * DAY_MS), RangeError)
  t.throws(() => time(0), RangeError)
})

await t.test('the moments of a list are in order, and within their span', async t => {
  const span = { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS }
  for (const total of [1, 7, 5000]) {
    const random = createRandom('moments')
    const moments = Array.from({ length: total }, (_, index) => moment(index, total, span, random))
    t.same(
      moments.toSorted((a, b) => a - b),
      moments,
    )
    t.ok(moments.every(ms => ms >= span.fromMs && ms < span.toMs))
  }
})
