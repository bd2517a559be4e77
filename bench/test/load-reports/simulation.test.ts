import t from 'tap'
import { simulate, type SimulationPlan } from '../../src/load-reports/simulation.ts'

const steady = { name: 'steady', holdMs: 5, keptMib: 0, collectEvery: 0 }
const plan: SimulationPlan = {
  behaviours: [steady, { ...steady, name: 'slow', holdMs: 15 }, { ...steady, name: 'collecting', collectEvery: 100 }],
  requestsPerSecond: 300,
  pauseMs: 70,
  forMs: 30_000,
  seed: 1,
}

await t.test('the same seed gives the same figures, another one others', async t => {
  t.same(simulate('least-loaded', plan), simulate('least-loaded', plan))
  t.not(simulate('least-loaded', plan).p99Ms, simulate('least-loaded', { ...plan, seed: 2 }).p99Ms)
})

await t.test("nobody answers faster than its work takes, and pauses are somebody's wait", async t => {
  const alone = { ...plan, behaviours: [steady], requestsPerSecond: 1 }
  t.equal(Math.round(simulate('round-robin', alone).p50Ms), 5)
  t.ok(simulate('least-connections', plan).p999Ms > 60)
  t.ok(simulate('least-connections', { ...plan, pauseMs: 0 }).p999Ms < 60)
})

await t.test('reports reach the strategy that reads them: the slow worker gets what it can do', async t => {
  const share = (strategy: 'least-loaded' | 'round-robin') => simulate(strategy, plan).byWorker['slow'] ?? 1
  t.ok(Math.abs(share('round-robin') - 1 / 3) < 0.01)
  t.ok(share('least-loaded') < 0.2)
})
