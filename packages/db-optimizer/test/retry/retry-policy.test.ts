import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import type { Classification, RetryClass } from '../../src/retry/classification.ts'
import { RetryBudget } from '../../src/retry/retry-budget.ts'
import { RetryPolicy, type RetryPolicyOptions, type RetrySituation } from '../../src/retry/retry-policy.ts'

const policy = (random = 0.5, options: RetryPolicyOptions = {}, budget = {}): RetryPolicy =>
  new RetryPolicy({ budget: new RetryBudget(new FakeClock(), budget), random: { next: () => random } }, options)
const failed = (kind: RetryClass, more: Partial<Classification> = {}): Classification => ({
  kind,
  reason: 'connection-lost',
  elsewhereOnly: false,
  ...more,
})
const situation = (classification: Classification, more: Partial<RetrySituation> = {}): RetrySituation => ({
  classification,
  attempts: 1,
  nowMs: 0,
  deadlineMs: Infinity,
  otherRoute: false,
  ...more,
})
const WRITE = { readOnly: false, idempotent: false }
const READ = { readOnly: true, idempotent: false }
const IDEMPOTENT = { readOnly: false, idempotent: true }

await t.test('all combinations of class and promise: only what is safe runs again', async t => {
  const expected: Readonly<Record<RetryClass, readonly [boolean, boolean, boolean]>> = {
    'not-executed': [true, true, true],
    'rolled-back': [true, true, true],
    unknown: [false, true, true],
    never: [false, false, false],
  }
  for (const [kind, answers] of Object.entries(expected) as [RetryClass, readonly boolean[]][]) {
    const given = [WRITE, READ, IDEMPOTENT].map(traits => policy().decide(situation(failed(kind)), traits).again)
    t.same(given, answers, kind)
  }
})

await t.test('the delay is drawn from a doubling range, with a floor and a ceiling', async t => {
  const delay = (attempts: number, random: number, options?: RetryPolicyOptions): number => {
    const decision = policy(random, { maxAttempts: 99, ...options }).decide(
      situation(failed('rolled-back'), { attempts }),
      WRITE,
    )
    return decision.again ? decision.delayMs : NaN
  }
  t.equal(delay(1, 0), 20)
  t.equal(delay(1, 0.9), 45)
  t.equal(delay(2, 0.9), 90)
  t.equal(delay(3, 0.5), 100)
  t.equal(delay(6, 0.5), 500)
  t.equal(delay(60, 0.5), 500)
  t.equal(delay(1, 0.9, { baseDelayMs: 10 }), 20)
})

await t.test('three attempts in all', async t => {
  t.ok(policy().decide(situation(failed('rolled-back'), { attempts: 2 }), WRITE).again)
  t.match(policy().decide(situation(failed('rolled-back'), { attempts: 3 }), WRITE), { because: 'attempts' })
  t.match(policy(0, { maxAttempts: 1 }).decide(situation(failed('rolled-back')), WRITE), { because: 'attempts' })
})

await t.test('what could only begin after the deadline is not begun', async t => {
  const at = (deadlineMs: number): unknown =>
    policy(0.9).decide(situation(failed('rolled-back'), { nowMs: 100, deadlineMs }), WRITE)
  t.match(at(145), { again: false, because: 'deadline' })
  t.match(at(146), { again: true, delayMs: 45 })
  const next = policy().decide(
    situation(failed('not-executed'), { nowMs: 100, deadlineMs: 100, otherRoute: true }),
    WRITE,
  )
  t.match(next, { again: false, because: 'deadline' })
})

await t.test('what was not executed goes to the next route at once and without the budget', async t => {
  const none = { ratio: 0, minPerSecond: 0 }
  const decision = policy(0.5, {}, none).decide(situation(failed('not-executed'), { otherRoute: true }), WRITE)
  t.same(decision, { again: true, delayMs: 0, route: 'next' })
  t.match(policy(0.5, {}, none).decide(situation(failed('not-executed')), WRITE), { because: 'budget' })
  const undone = policy().decide(situation(failed('rolled-back'), { otherRoute: true }), WRITE)
  t.match(undone, { again: true, route: 'same' })
})

await t.test('a route that has too much to do is not asked again', async t => {
  const busy = failed('not-executed', { elsewhereOnly: true })
  t.match(policy().decide(situation(busy), WRITE), { again: false, because: 'no-other-route' })
  t.match(policy().decide(situation(busy, { otherRoute: true }), WRITE), { again: true, route: 'next' })
})

await t.test('a write in a transaction that may not write stays wrong', async t => {
  const readOnly = failed('rolled-back', { reason: 'read-only-server' })
  t.match(policy().decide(situation(readOnly), READ), { again: false, because: 'final' })
  t.ok(policy().decide(situation(readOnly), WRITE).again)
})

await t.test('a retry that is not made takes nothing of the budget', async t => {
  const tight = policy(0.5, {}, { ratio: 0, minPerSecond: 0.1 })
  tight.decide(situation(failed('never')), WRITE)
  tight.decide(situation(failed('unknown')), WRITE)
  tight.decide(situation(failed('rolled-back'), { attempts: 3 }), WRITE)
  tight.decide(situation(failed('rolled-back'), { deadlineMs: 1 }), WRITE)
  t.equal(tight.budget.left, 1)
  t.ok(tight.decide(situation(failed('rolled-back')), WRITE).again)
  t.match(tight.decide(situation(failed('rolled-back')), WRITE), { because: 'budget' })
})

await t.test('conflicts with other transactions take nothing of the budget', t => {
  const tight = policy(0.5, {}, { ratio: 0, minPerSecond: 0 })
  for (const reason of ['serialization', 'deadlock'] as const) {
    t.match(tight.decide(situation(failed('rolled-back', { reason })), WRITE), { again: true, route: 'same' })
  }
  t.match(tight.decide(situation(failed('rolled-back')), WRITE), { because: 'budget' })
  t.end()
})
