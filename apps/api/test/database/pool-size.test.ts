import t from 'tap'
import fc from 'fast-check'
import { mostWorkers, poolSize, smallestBudget } from '../../src/database/pool-size.ts'

await t.test('a small fleet gets the pools that were asked for', async t => {
  t.same(poolSize({ workers: 2, minConnections: 2, maxConnections: 10, budget: 90, routes: 1 }), { min: 2, max: 10 })
})

await t.test('a large fleet shares the budget, one worker more included', async t => {
  t.same(poolSize({ workers: 8, minConnections: 5, maxConnections: 20, budget: 90, routes: 1 }), { min: 5, max: 9 })
  t.same(poolSize({ workers: 29, minConnections: 5, maxConnections: 20, budget: 90, routes: 1 }), { min: 2, max: 2 })
})

await t.test('a second route halves what each may open', async t => {
  t.same(poolSize({ workers: 8, minConnections: 5, maxConnections: 20, budget: 90, routes: 2 }), { min: 4, max: 4 })
})

await t.test(
  'all workers together stay in the budget, probes and routes included, and one that is too small is refused',
  async t => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 4, max: 2000 }),
        (workers, routes, minConnections, mostAbove, budget) => {
          const maxConnections = minConnections + mostAbove
          const size = () => poolSize({ workers, routes, minConnections, maxConnections, budget })
          if (budget < smallestBudget({ workers, routes })) return refusal(size) === 'DB_ERR_BUDGET'
          const { min, max } = size()
          const total = (workers + 1) * routes * (max + 1)
          const isLargest = max === maxConnections || total + (workers + 1) * routes > budget
          return min <= max && max >= 1 && max <= maxConnections && total <= budget && isLargest
        },
      ),
      { numRuns: 1000 },
    )
    t.pass('1000 fleets')
  },
)

await t.test('the smallest budget and the largest fleet belong together', async t => {
  for (const routes of [1, 2, 3])
    for (let workers = 1; workers <= 256; workers += 1) {
      const budget = smallestBudget({ workers, routes })
      if (mostWorkers({ budget, routes }) !== workers || mostWorkers({ budget: budget - 1, routes }) !== workers - 1)
        t.fail(`${workers} workers, ${routes} routes`)
    }
  t.pass('768 fleets')
})

function refusal(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
