import fc from 'fast-check'
import t from 'tap'
import { createMemoryStore, policyField, rateLimitField, retryAfterField } from '../src/index.ts'
import { SettableClock } from './log-model.ts'

const RULES = [
  { name: 'overall', limit: 1000, windowMs: 900_000 },
  { name: 'endpoint', limit: 2, windowMs: 60_000, perScope: true },
]

await t.test('the fields say what was decided', async t => {
  const clock = new SettableClock()
  const limits = createMemoryStore({ rules: RULES, clock, maxKeys: 10 })
  t.equal(policyField(limits.rules), '"overall";q=1000;w=900, "endpoint";q=2;w=60')
  t.equal(rateLimitField(limits.take('a', '/x')), '"overall";r=999;t=900, "endpoint";r=1;t=60')
  clock.nowMs += 10_500
  const last = limits.take('a', '/x')
  t.equal(
    rateLimitField(last),
    '"overall";r=998;t=900, "endpoint";r=0;t=50',
    'with nothing left: until one is, rounded up',
  )
  t.equal(retryAfterField(last), undefined)
  const refused = limits.take('a', '/x')
  t.equal(refused.refusedBy?.name, 'endpoint')
  t.equal(rateLimitField(refused), '"endpoint";r=0;t=50', 'a refusal names the rules that refuse')
  t.equal(retryAfterField(refused), '50')
  t.equal(rateLimitField(limits.take(['a', null], '/x')), '"overall";r=997;t=900', 'a rule without a key is left out')
  t.equal(rateLimitField(limits.take([null, null])), undefined)
  t.equal(policyField([{ name: 'short', limit: 1, windowMs: 1 }]), '"short";q=1;w=1', 'never a window of 0 s')
})

await t.test('the fields keep what the draft asks for, whatever happens', async t => {
  const step = fc.record({
    passMs: fc.integer({ min: 0, max: 9000 }),
    scope: fc.constantFrom('/x', '/y'),
    isLook: fc.boolean(),
  })
  const rules = [
    { name: 'overall', limit: 6, windowMs: 45_500 },
    { name: 'endpoint', limit: 4, windowMs: 20_000, perScope: true },
  ]
  let refusals = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), list => {
      const clock = new SettableClock()
      const limits = createMemoryStore({ rules, clock, maxKeys: 10 })
      for (const { passMs, scope, isLook } of list) {
        clock.nowMs += passMs
        const decision = isLook ? limits.peek('a', scope) : limits.take('a', scope)
        const items = (rateLimitField(decision) ?? '').split(', ')
        const retryAfterS = Number(retryAfterField(decision) ?? Infinity)
        if (!decision.allowed) refusals++
        if (retryAfterS < 1) return false
        for (const item of items) {
          const [, name, r, seconds] = /^"(\w+)";r=(\d+);t=(\d+)$/.exec(item) ?? []
          const rule = rules.find(one => one.name === name)
          if (rule === undefined) return false
          const windowS = Math.ceil(rule.windowMs / 1000)
          if (Number(seconds) < 1 || Number(seconds) > windowS || Number(seconds) > retryAfterS) return false
          if (Number(r) / Number(seconds) > rule.limit / (rule.windowMs / 1000)) return false
        }
      }
      return true
    }),
    { numRuns: 200 },
  )
  t.ok(refusals > 50, `${refusals} refusals were looked at`)
})
