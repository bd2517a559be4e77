import t from 'tap'
import type { Claim } from '../../src/field-reports/claims.ts'
import type { Measured } from '../../src/field-reports/comparison.ts'
import { costPerRequest, hitRatio, judgeClaim } from '../../src/field-reports/verdicts.ts'

const turn = (p50Ms: number, p95Ms = p50Ms) => ({ requests: 100, hits: 25, p50Ms, p95Ms, cpuUs: { API: 1000 } })
const scenario = (name: string, beforeMs: readonly number[], afterMs: readonly number[]): Measured => ({
  scenario: name,
  crowd: 1,
  before: beforeMs.map(ms => turn(ms)),
  after: afterMs.map(ms => turn(ms, 10 * ms)),
})
const claim: Claim = { report: 'P', row: 'health', scenarios: ['health'] }

await t.test('a ratio is met from the least that was claimed on, in every round', async t => {
  const measured = [scenario('health', [30, 40, 50], [2, 2, 2])]
  const verdict = (ratio: readonly [number, number]) => judgeClaim({ ...claim, ratio }, 1, measured)?.verdict
  t.equal(verdict([15, 99]), 'met')
  t.equal(verdict([16, 99]), 'unclear')
  t.equal(verdict([26, 99]), 'NOT MET')
  t.match(judgeClaim(claim, 1, measured), { beforeMs: 40, afterMs: 2, ratio: { median: 20, low: 15, high: 25 } })
})

await t.test('a time is met up to the most that was claimed', async t => {
  const measured = [scenario('health', [30, 30, 30], [4, 5, 6])]
  const verdict = (afterMs: readonly [number, number]) => judgeClaim({ ...claim, afterMs }, 1, measured)?.verdict
  t.equal(verdict([1, 6]), 'met')
  t.equal(verdict([5, 5]), 'unclear')
  t.equal(verdict([3, 3]), 'NOT MET')
  t.equal(judgeClaim({ ...claim, of: 'p95Ms', afterMs: [50, 50] }, 1, measured)?.verdict, 'unclear')
})

await t.test('where the report wanted less than it reached, ours is held to what it wanted', async t => {
  const measured = [scenario('health', [30, 30, 30], [4, 5, 6])]
  const verdict = (targetMs: number) => judgeClaim({ ...claim, afterMs: [10, 10], targetMs }, 1, measured)?.verdict
  t.equal(verdict(12), 'met')
  t.equal(verdict(6), 'met')
  t.equal(verdict(3), 'NOT MET')
})

await t.test('of two claims the worse verdict counts, of several scenarios the slowest of each round', async t => {
  const measured = [scenario('health', [10, 10], [1, 4]), scenario('courses, cached', [20, 20], [2, 2])]
  t.equal(judgeClaim({ ...claim, ratio: [2, 3], afterMs: [1, 3] }, 1, measured)?.verdict, 'unclear')
  const both = judgeClaim({ ...claim, scenarios: ['health', 'courses, cached'], afterMs: [3, 3] }, 1, measured)
  t.match(both, { beforeMs: 20, afterMs: 3, verdict: 'unclear' })
})

await t.test('what was not measured is not judged', async t => {
  t.equal(judgeClaim(claim, 10, [scenario('health', [1], [1])]), null)
  t.equal(judgeClaim(claim, 1, []), null)
})

await t.test('costs and hits are of all rounds together', async t => {
  const turns = [turn(1), { ...turn(1), requests: 300, cpuUs: { API: 3000, PostgreSQL: 400 } }]
  t.same(costPerRequest(turns), { API: 10, PostgreSQL: 1 })
  t.equal(hitRatio(turns), 50 / 400)
})
