import t from 'tap'
import fc from 'fast-check'
import { poolSize } from '../../src/database/pool-size.ts'

await t.test('a small fleet gets the pools that were asked for', async t => {
  t.same(poolSize({ workers: 2, minConnections: 2, maxConnections: 10, budget: 90 }), { min: 2, max: 10 })
})

await t.test('a large fleet shares the budget, one worker more included', async t => {
  t.same(poolSize({ workers: 8, minConnections: 5, maxConnections: 20, budget: 90 }), { min: 5, max: 9 })
  t.same(poolSize({ workers: 29, minConnections: 5, maxConnections: 20, budget: 90 }), { min: 2, max: 2 })
})

await t.test(
  'all workers together stay in the budget, as long as it gives each a connection besides the probe',
  async t => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 4, max: 2000 }),
        (workers, minConnections, maxConnections, budget) => {
          const { min, max } = poolSize({ workers, minConnections, maxConnections, budget })
          const enough = budget >= 2 * (workers + 1)
          return min <= max && max >= 1 && max <= maxConnections && (!enough || (workers + 1) * (max + 1) <= budget)
        },
      ),
      { numRuns: 1000 },
    )
    t.pass('1000 fleets')
  },
)
