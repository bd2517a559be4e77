import t from 'tap'
import { choosePhases, FULL_PLAN, plannedRequests, SHORT_PLAN } from '../src/phases.ts'

const seconds = (plan: typeof FULL_PLAN) => plan.phases.reduce((sum, phase) => sum + phase.durationMs, 0) / 1000

await t.test('both forms have the same faults and stay within their time and number', async t => {
  t.same(
    SHORT_PLAN.phases.map(({ name, injury, limits }) => ({ name, injury, limits })),
    FULL_PLAN.phases.map(({ name, injury, limits }) => ({ name, injury, limits })),
  )
  t.ok(seconds(FULL_PLAN) <= 120)
  t.ok(seconds(SHORT_PLAN) <= 25)
  t.ok(plannedRequests(FULL_PLAN) < 50_000)
})

await t.test('each phase has a name of its own that may stand in a path', async t => {
  const names = FULL_PLAN.phases.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  for (const name of names) t.match(name, /^[a-z0-9]+$/)
})

await t.test('an injury ends in its phase, with time to recover', async t => {
  for (const { name, injury, durationMs, injureAfterMs, injuredForMs } of FULL_PLAN.phases) {
    if (injury.kind === 'kill' || injury.kind === 'fault') t.ok(injureAfterMs + injuredForMs < durationMs / 2, name)
  }
})

await t.test('phases can be chosen by name', async t => {
  t.same(
    choosePhases(FULL_PLAN, ['hang', 'calm']).phases.map(({ name }) => name),
    ['calm', 'hang'],
  )
  t.throws(() => choosePhases(FULL_PLAN, ['hung']), /there is no phase "hung"; there are: calm, /)
})
