import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { distinctKeys, zipfTrace } from '../../src/cache/zipf-trace.ts'

await t.test('a key is read in proportion to a power of its rank', async t => {
  const keys = 100
  const reads = 100_000
  for (const exponent of [0, 0.6, 1, 1.2]) {
    const counts = new Map<number, number>()
    const trace = zipfTrace({ keys, exponent, reads }, new SeededRandom(1))
    for (const key of trace) counts.set(key, (counts.get(key) ?? 0) + 1)
    const weights = Array.from({ length: keys }, (_, rank) => (rank + 1) ** -exponent)
    const total = weights.reduce((sum, weight) => sum + weight)
    for (const key of [0, 1, 9, 49, 99]) {
      const expected = (reads * (weights[key] as number)) / total
      // Six standard deviations of a binomial count.
      t.ok(Math.abs((counts.get(key) ?? 0) - expected) < 6 * Math.sqrt(expected), `exponent ${exponent}, key ${key}`)
    }
  }
})

await t.test('the least and the largest draw are the first and the last key', async t => {
  t.same([...zipfTrace({ keys: 10, exponent: 1, reads: 2 }, { next: () => 0 })], [0, 0])
  t.same([...zipfTrace({ keys: 10, exponent: 1, reads: 1 }, { next: () => 1 - 2 ** -32 })], [9])
  t.same([...zipfTrace({ keys: 1, exponent: 1, reads: 1 }, { next: () => 0.5 })], [0])
})

await t.test('the same seed gives the same reads, and another one others', async t => {
  const draw = (seed: number) => zipfTrace({ keys: 1000, exponent: 1, reads: 100 }, new SeededRandom(seed))
  t.same(draw(1), draw(1))
  t.notSame(draw(1), draw(2))
})

await t.test('only keys that are read count as distinct', async t => {
  t.equal(distinctKeys(Uint32Array.of(7, 3, 7, 7)), 2)
  t.equal(distinctKeys(new Uint32Array()), 0)
})
