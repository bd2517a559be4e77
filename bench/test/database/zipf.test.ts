import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { zipfRanks } from '../../src/database/zipf.ts'

await t.test('a rank comes in proportion to one over it', async t => {
  const ranks = 100
  const draws = 200_000
  const counts = new Map<number, number>()
  for (const rank of zipfRanks(ranks, draws, new SeededRandom(1))) counts.set(rank, (counts.get(rank) ?? 0) + 1)
  const harmonic = Array.from({ length: ranks }, (_, i) => 1 / (i + 1)).reduce((sum, share) => sum + share)
  for (const rank of [1, 2, 10, 50]) {
    const expected = draws / rank / harmonic
    // Six standard deviations of a binomial count.
    t.ok(Math.abs((counts.get(rank) ?? 0) - expected) < 6 * Math.sqrt(expected), `rank ${rank}`)
  }
})

await t.test('the least and the largest draw are the first and the last rank', async t => {
  t.same([...zipfRanks(10, 2, { next: () => 0 })], [1, 1])
  t.same([...zipfRanks(10, 1, { next: () => 1 - 2 ** -32 })], [10])
  t.same([...zipfRanks(1, 1, { next: () => 0.5 })], [1])
})
