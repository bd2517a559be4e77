import t from 'tap'
import { intervalName, judge, pairedRatio, renderRatio } from '../src/paired.ts'

const ones = (count: number): number[] => Array.from({ length: count }, () => 1)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

await t.test('each round is compared with its own reference, so a slow round changes nothing', async t => {
  t.same(pairedRatio([2, 20, 200], [1, 10, 100]), { median: 2, low: 2, high: 2 })
})

await t.test('the interval leaves out as many values as the sign test allows', async t => {
  // Tables of the sign test at 5 %, two-sided: nothing below 6, one of 6 to 8, two of 9 to 11, four of 15 and 16, ten of 30.
  for (const [count, rank] of [
    [1, 1],
    [5, 1],
    [8, 1],
    [9, 2],
    [11, 2],
    [15, 4],
    [16, 4],
    [30, 10],
  ] as const) {
    const { low, high } = pairedRatio(upTo(count), ones(count))
    t.same([low, high], [rank, count + 1 - rank], `${count} rounds`)
  }
})

await t.test('fewer rounds than six have no interval of 95 %, and are not said to', async t => {
  for (const rounds of [1, 3, 5]) t.equal(intervalName(rounds), 'least to most', `${rounds} rounds`)
  for (const rounds of [6, 9, 30]) t.equal(intervalName(rounds), '95 % interval', `${rounds} rounds`)
})

await t.test('lists that are empty or of different lengths are refused', async t => {
  t.throws(() => pairedRatio([1], [1, 2]), /1 values and 2/)
  t.throws(() => pairedRatio([], []), RangeError)
})

await t.test('a goal inside the interval is neither met nor missed', async t => {
  const ratio = { median: 0.93, low: 0.88, high: 0.96 }
  t.equal(judge(ratio, { atLeast: 0.85 }), 'met')
  t.equal(judge(ratio, { atLeast: 0.9 }), 'unclear')
  t.equal(judge(ratio, { atLeast: 0.97 }), 'NOT MET')
  t.equal(judge(ratio, { atMost: 0.97 }), 'met')
  t.equal(judge(ratio, { atMost: 0.9 }), 'unclear')
  t.equal(judge(ratio, { atMost: 0.85 }), 'NOT MET')
})

await t.test('it is shown with its interval', async t => {
  t.equal(renderRatio({ median: 0.934, low: 0.9, high: 1.2 }), '0.93 (0.90-1.20)')
})
