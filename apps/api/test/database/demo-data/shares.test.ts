import t from 'tap'
import fc from 'fast-check'
import { shares } from '../../../src/database/demo-data/shares.ts'

await t.test('shares are whole, follow their weights, and are the total together', async t => {
  const weights = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(fc.nat(100_000), weights, (total, weights) => {
      const sum = weights.reduce((sum, weight) => sum + weight, 0)
      fc.pre(sum > 0.001)
      const given = shares(total, weights)
      return (
        given.reduce((sum, share) => sum + share, 0) === total &&
        given.every((share, index) => {
          const exact = ((weights[index] ?? 0) / sum) * total
          return Number.isInteger(share) && share >= 0 && Math.abs(share - exact) < 1.001
        })
      )
    }),
    { numRuns: 300 },
  )
  t.same(shares(10, [1, 0, 3]), [3, 0, 7])
  t.same(shares(3, [0.1, 0.2, 0.3]), [1, 1, 1])
})
