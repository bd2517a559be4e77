import fc from 'fast-check'
import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { RetryBudget } from '../../src/retry/retry-budget.ts'

await t.test('ten of a hundred calls may be retried, and ten seconds of one per second', async t => {
  const budget = new RetryBudget(new FakeClock({ startMs: 5000 }))
  for (let call = 0; call < 100; call++) budget.called()
  t.equal(budget.left, 20)
  let granted = 0
  while (budget.tryTake()) granted++
  t.equal(granted, 20)
  t.equal(budget.left, 0)
  t.equal(budget.refusedTotal, 1)
})

await t.test('what was used comes back after ten seconds, and old calls count no longer', async t => {
  const clock = new FakeClock()
  const budget = new RetryBudget(clock, { ratio: 0.1, minPerSecond: 0 })
  for (let call = 0; call < 30; call++) budget.called()
  t.ok(budget.tryTake() && budget.tryTake() && budget.tryTake())
  t.notOk(budget.tryTake())
  clock.advance(9999)
  t.notOk(budget.tryTake())
  for (let call = 0; call < 20; call++) budget.called()
  clock.advance(1)
  t.equal(budget.left, 2)
  clock.advance(3_600_000)
  t.equal(budget.left, 0)
})

await t.test('in no ten seconds are there more retries than the budget says, at any load', async () => {
  const step = fc.record({ waitMs: fc.nat(1500), calls: fc.nat(40), wanted: fc.nat(10) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(0, 0.1, 0.5),
      fc.constantFrom(0, 1, 2),
      (steps, ratio, minPerSecond) => {
        const clock = new FakeClock()
        const budget = new RetryBudget(clock, { ratio, minPerSecond })
        const log: { second: number; calls: number; retries: number }[] = []
        for (const { waitMs, calls, wanted } of steps) {
          clock.advance(waitMs)
          for (let call = 0; call < calls; call++) budget.called()
          let retries = 0
          for (let retry = 0; retry < wanted; retry++) if (budget.tryTake()) retries++
          log.push({ second: Math.floor(clock.now() / 1000), calls, retries })
          const window = log.filter(({ second }) => second > Math.floor(clock.now() / 1000) - 10)
          const sum = (pick: 'calls' | 'retries'): number => window.reduce((total, entry) => total + entry[pick], 0)
          const allowed = ratio * sum('calls') + minPerSecond * 10
          if (sum('retries') > allowed + 1e-6) return false
          // Exact, and not merely below: what isn't used is there.
          if (budget.left !== Math.max(0, Math.floor(allowed - sum('retries') + 1e-9))) return false
        }
        return true
      },
    ),
    { numRuns: 200, seed: 1 },
  )
})
