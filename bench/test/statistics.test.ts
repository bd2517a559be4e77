import t from 'tap'
import { median, summarize } from '../src/statistics.ts'

await t.test(
  'the median of an odd number of values is the one in the middle, of an even number the mean of two',
  async t => {
    t.equal(median([3, 1, 2]), 2)
    t.equal(median([4, 1, 3, 2]), 2.5)
    t.equal(median([7]), 7)
    t.throws(() => median([]), RangeError)
  },
)

await t.test('a summary has the spread relative to the median', async t => {
  t.same(summarize([10, 12, 9]), { median: 10, min: 9, max: 12, spread: 0.3 })
  t.equal(summarize([0, 0]).spread, 0, 'nothing measured is no division by zero')
})

await t.test('values are not reordered in place', async t => {
  const values = [3, 1, 2]
  summarize(values)
  t.same(values, [3, 1, 2])
})
