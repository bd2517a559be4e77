import fc from 'fast-check'
import t from 'tap'
import { type Candidate, PickState } from '../src/index.ts'
import { expectedMs, forgiveCommonPenalty, isMeasured, observeAnswer, observeFailure } from '../src/latency-estimate.ts'
import { fleet } from './fleet.ts'

const DECAY_MS = 10_000
const E = Math.E

const expectedAt = (state: PickState, nowMs: number): number => expectedMs(state, nowMs, DECAY_MS, 77)

function measured(latencyMs: number, nowMs = 0): PickState {
  const state = new PickState()
  observeAnswer(state, latencyMs, nowMs, DECAY_MS)
  return state
}

await t.test('an unmeasured candidate is expected to take what the caller says', async t => {
  const state = new PickState()
  t.notOk(isMeasured(state))
  t.equal(expectedAt(state, 5), 77)
  observeAnswer(state, 20, 5, DECAY_MS)
  t.ok(isMeasured(state))
  t.equal(expectedAt(state, 5), 20)
})

await t.test('a slower answer counts at once, a faster one by the time that has passed', async t => {
  const state = measured(10)
  observeAnswer(state, 100, 1, DECAY_MS)
  t.equal(expectedAt(state, 1), 100)
  observeAnswer(state, 10, 1, DECAY_MS)
  t.equal(expectedAt(state, 1), 100, 'at the same time it weighs nothing')
  observeAnswer(state, 10, 1 + DECAY_MS, DECAY_MS)
  t.ok(Math.abs(expectedAt(state, 1 + DECAY_MS) - (100 / E + 10 * (1 - 1 / E))) < 1e-9)
})

await t.test('how fast it is trusted again depends on time, not on the number of answers', async t => {
  const after = (answers: number): number => {
    const state = measured(100)
    for (let i = 1; i <= answers; i++) observeAnswer(state, 10, (i * DECAY_MS) / answers, DECAY_MS)
    return expectedAt(state, DECAY_MS)
  }
  t.ok(Math.abs(after(10) - after(10_000)) < 2, `${after(10)} and ${after(10_000)}`)
})

await t.test('what is not renewed fades, down to a floor above 0', async t => {
  const state = measured(100)
  t.ok(Math.abs(expectedAt(state, DECAY_MS) - 100 / E) < 1e-9)
  for (const ageMs of [1, 50, 99, 100, 101, 5000]) {
    t.ok(Math.abs(expectedAt(state, ageMs) / (100 * Math.exp(-ageMs / DECAY_MS)) - 1) < 2e-7, `after ${ageMs} ms`)
  }
  t.equal(expectedAt(state, 3_600_000), 0.01)
  t.equal(expectedAt(state, -5000), 100, 'a clock that went back')
})

await t.test("a failure's time is no latency unless it is longer", async t => {
  const state = measured(10)
  observeFailure(state, 1, 0, 100, DECAY_MS)
  t.equal(state.latencyMs, 10)
  observeFailure(state, 2000, 0, 3000, DECAY_MS)
  t.equal(state.latencyMs, 2000)
})

await t.test('failures in a row raise the expectation fourfold each', async t => {
  const state = measured(10)
  const seen = Array.from({ length: 6 }, () => {
    observeFailure(state, 0, 0, 1, DECAY_MS)
    return Math.round(expectedAt(state, 1))
  })
  t.same(seen, [40, 130, 490, 1930, 7690, 30_730])
})

await t.test('requests that were under way together count as one failure', async t => {
  const state = measured(10)
  observeFailure(state, 5, 0, 100, DECAY_MS)
  const once = state.penaltyMs
  observeFailure(state, 6, 0, 101, DECAY_MS)
  observeFailure(state, 9, 0, 102, DECAY_MS)
  t.equal(state.penaltyMs, once, 'sent before the first one failed')
  observeFailure(state, 1, 0, 102, DECAY_MS)
  t.ok(state.penaltyMs > once * 3.9, 'sent after it')
})

await t.test('each answer takes a fifth off, until nothing is left', async t => {
  const state = measured(10)
  observeFailure(state, 1, 0, 1, DECAY_MS)
  observeAnswer(state, 10, 1, DECAY_MS)
  t.equal(state.penaltyMs, 24)
  for (let i = 0; i < 60; i++) observeAnswer(state, 10, 1, DECAY_MS)
  t.equal(state.penaltyMs, 0)
})

await t.test('a wait that the answer asks for is kept, up to five minutes', async t => {
  const state = measured(10)
  observeFailure(state, 1, 30_000, 1, DECAY_MS)
  t.equal(expectedAt(state, 1), 30_010)
  observeFailure(state, 1, 1e9, 3, DECAY_MS)
  t.equal(expectedAt(state, 3), 300_010)
})

await t.test('one that fails for hours never comes to look fast', async t => {
  const state = measured(10)
  for (let nowMs = 60_000; nowMs < 7_200_000; nowMs += 60_000) {
    observeFailure(state, 0.1, 0, nowMs, DECAY_MS)
    t.ok(expectedAt(state, nowMs) >= 40)
  }
})

await t.test('what all have in common of their penalties is taken off, and only that', async () => {
  const penalties = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(penalties, fc.double({ min: 0, max: 20_000, noNaN: true }), (given, ageMs) => {
      const servers: Candidate[] = fleet(...given.map(() => 1))
      for (const [i, { pick }] of servers.entries()) pick.penaltyMs = given[i]!
      forgiveCommonPenalty(servers, ageMs, DECAY_MS)
      const least = Math.min(...given)
      return servers.every(({ pick }, i) => Math.abs(pick.penaltyMs - (given[i]! - least)) < 0.01)
    }),
    { numRuns: 200 },
  )
})
