// What every store that processes share has to keep, on a clock that the test sets. Properties against the log of all requests.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Decision, Rule, SharedRateLimitStore } from '../src/index.ts'
import { LogModel, type SettableClock } from './log-model.ts'

export interface MadeStore {
  readonly store: SharedRateLimitStore
  readonly clock: SettableClock
}

/** A store of these rules that nobody has counted in. */
export type MakeStore = (rules: readonly Rule[], cellsPerKey: number) => Promise<MadeStore>

interface Step {
  readonly key: string
  readonly passMs: number
}

const steps = (windowMs: number, keys: readonly string[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      key: fc.constantFrom(...keys),
      passMs: fc.oneof(
        { weight: 5, arbitrary: fc.constant(0) },
        { weight: 5, arbitrary: fc.integer({ min: 0, max: Math.ceil(windowMs / 20) }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * windowMs }) },
      ),
    }),
    { minLength: 20, maxLength: 120 },
  )

const coarse = fc
  .record({
    rule: fc.record({ limit: fc.integer({ min: 5, max: 40 }), windowMs: fc.integer({ min: 1, max: 1000 }) }),
    cellsPerKey: fc.integer({ min: 2, max: 10 }),
  })
  .chain(one => steps(one.rule.windowMs, ['a', 'b']).map(list => ({ ...one, list })))

const stateOf = ({ states }: Decision, index = 0) => {
  const { remaining, nextMs, resetMs } = states[index] as Decision['states'][number]
  return { remaining, nextMs, resetMs }
}

export async function storeContract(t: Test, make: MakeStore, numRuns: number): Promise<void> {
  await t.test('a limit up to the number of cells is the log, to the millisecond', async t => {
    const scene = fc
      .record({ limit: fc.integer({ min: 1, max: 8 }), windowMs: fc.integer({ min: 1, max: 1000 }) })
      .chain(rule => steps(rule.windowMs, ['a', 'b', 'c']).map(list => ({ rule, list })))
    await fc.assert(
      fc.asyncProperty(scene, async ({ rule, list }) => {
        const { store, clock } = await make([{ name: 'exact', ...rule }], 8)
        const model = new LogModel(rule.limit, rule.windowMs)
        for (const { key, passMs } of list) {
          clock.nowMs += passMs
          const before = model.state(key, clock.nowMs)
          const allowed = before.remaining > 0
          if (!isDeepStrictEqual(stateOf(await store.peek(key)), before)) return false
          const decision = await store.take(key)
          if (allowed) model.admit(key, clock.nowMs)
          if (decision.allowed !== allowed || decision.retryAfterMs !== before.nextMs) return false
          if (!isDeepStrictEqual(stateOf(decision), model.state(key, clock.nowMs))) return false
        }
        return model.fullestWindow() <= rule.limit
      }),
      { numRuns },
    )
    t.pass('as the log')
  })

  await t.test(
    'no window has more than the limit, and what is refused would be by a log of a window and a cell',
    async t => {
      // Refused most of the time, whatever is found besides.
      const list = Array.from({ length: 30 }, () => ({ key: 'a', passMs: 3 }))
      const crowded = { rule: { limit: 5, windowMs: 1000 }, cellsPerKey: 2, list }
      let refused = 0
      await fc.assert(
        fc.asyncProperty(coarse, async ({ rule, cellsPerKey, list }) => {
          const { store, clock } = await make([{ name: 'coarse', ...rule }], cellsPerKey)
          const model = new LogModel(rule.limit, rule.windowMs)
          const cellMs = rule.limit <= cellsPerKey ? 1 : Math.ceil(rule.windowMs / (cellsPerKey - 1))
          for (const { key, passMs } of list) {
            clock.nowMs += passMs
            if ((await store.take(key)).allowed) model.admit(key, clock.nowMs)
            else if (model.live(key, clock.nowMs, rule.windowMs + cellMs - 1).length < rule.limit) return false
            else refused++
          }
          return model.fullestWindow() <= rule.limit
        }),
        { numRuns, examples: [[crowded]] },
      )
      t.ok(refused > 10, `${refused} refusals were looked at`)
    },
  )

  await t.test('rules are all or nothing: a refusal by one uses up nothing of the others', async t => {
    const rules: readonly Rule[] = [
      { name: 'address', limit: 12, windowMs: 1000 },
      { name: 'endpoint', limit: 5, windowMs: 300, perScope: true },
      { name: 'account', limit: 3, windowMs: 2000 },
    ]
    const step = fc.record({
      address: fc.constantFrom('a', 'b'),
      endpoint: fc.constantFrom('', '/x', '/y'),
      account: fc.constantFrom(null, null, null, 'u'),
      passMs: fc.integer({ min: 0, max: 15 }),
    })
    // Each rule refuses in one of these, whatever is found besides.
    const full = (account: string | null, ...endpoints: string[]) =>
      endpoints.flatMap(endpoint => Array.from({ length: 6 }, () => ({ address: 'a', endpoint, account, passMs: 1 })))
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 120 }), async list => {
        const { store, clock } = await make(rules, 64)
        const models = rules.map(rule => new LogModel(rule.limit, rule.windowMs))
        for (const { address, endpoint, account, passMs } of list) {
          clock.nowMs += passMs
          const names = [address, `${address} ${endpoint}`, account]
          const waits = models.map((model, i) =>
            names[i] === null ? 0 : model.state(names[i] ?? '', clock.nowMs).nextMs,
          )
          const longestMs = Math.max(...waits)
          const decision = await store.take([address, address, account], endpoint)
          if (decision.retryAfterMs !== longestMs || decision.allowed !== (longestMs === 0)) return false
          if (decision.refusedBy !== (longestMs === 0 ? null : store.rules[waits.indexOf(longestMs)])) return false
          seen.add(decision.refusedBy?.name ?? 'allowed')
          for (const [i, model] of models.entries()) {
            const name = names[i] ?? null
            if (decision.states[i]?.applies !== (name !== null)) return false
            if (name === null) continue
            if (decision.allowed) model.admit(name, clock.nowMs)
            if (stateOf(decision, i).remaining !== model.state(name, clock.nowMs).remaining) return false
          }
        }
        return true
      }),
      { numRuns, examples: [[full('u', '/x')], [full(null, '/x')], [full(null, '/x', '/y', '')]] },
    )
    t.same([...seen].toSorted(), ['account', 'address', 'allowed', 'endpoint'], 'each rule has refused')
  })

  await t.test('what is given back is as if it had not been, and never sets others free', async t => {
    let given = 0
    const scene = fc.record({ one: coarse, back: fc.infiniteStream(fc.integer({ min: 0, max: 3 })) })
    await fc.assert(
      fc.asyncProperty(scene, async ({ one: { rule, cellsPerKey, list }, back }) => {
        const { store, clock } = await make([{ name: 'failures', ...rule }], cellsPerKey)
        const model = new LogModel(rule.limit, rule.windowMs)
        const open: { key: string; atMs: number }[] = []
        for (const { key, passMs } of list) {
          clock.nowMs += passMs
          const { allowed, retryAfterMs, atMs } = await store.take(key)
          if (allowed) {
            model.admit(key, clock.nowMs)
            open.push({ key, atMs })
          } else {
            clock.nowMs += retryAfterMs
            if (!(await store.peek(key)).allowed) return false
          }
          if (back.next().value !== 0) continue
          const [one] = open.splice(Math.floor(open.length / 2), 1)
          if (one === undefined) continue
          await store.giveBack(one.key, '', one.atMs)
          model.remove(one.key, one.atMs)
          given++
          if (stateOf(await store.peek(one.key)).remaining > model.state(one.key, clock.nowMs).remaining) return false
        }
        return model.fullestWindow() <= rule.limit
      }),
      { numRuns },
    )
    t.ok(given > 10, `${given} were given back`)
  })

  await t.test(
    'several are given back at once, never more than there are, and each decision is a value of its own',
    async t => {
      const { store } = await make([{ name: 'login', limit: 5, windowMs: 900_000 }], 64)
      const first = await store.take('user')
      for (let i = 0; i < 3; i++) await store.take('user')
      t.equal(first.states[0]?.remaining, 4)
      await store.giveBack('user', '', first.atMs, 3)
      t.equal((await store.peek('user')).states[0]?.remaining, 4)
      await store.giveBack('user', '', first.atMs, 100)
      t.same(stateOf(await store.peek('user')), { remaining: 5, nextMs: 0, resetMs: 0 })
      for (let i = 0; i < 20; i++) await store.giveBack('user', '', (await store.take('user')).atMs)
      t.equal((await store.take('user')).states[0]?.remaining, 4, 'twenty logins that succeeded have left no trace')
    },
  )

  await t.test('keys are any text, told apart; missing ones are refused by code', async t => {
    const { store } = await make(
      [
        { name: 'one', limit: 1, windowMs: 1000 },
        { name: 'two', limit: 1, windowMs: 1000, perScope: true },
      ],
      64,
    )
    const long = 'x'.repeat(300)
    const keys = ['', 'é', 'e', '\ud800', '\udc00', '\ufffd', '漢字', `${long}1`, `${long}2`, '__proto__', '1:a']
    for (const key of keys) t.equal((await store.take([key, null])).allowed, true, 'new')
    for (const key of keys) t.equal((await store.take([key, null])).allowed, false, 'known')
    t.equal((await store.take([null, 'b'], 'a')).allowed, true)
    t.equal((await store.take([null, 'ab'])).allowed, true, 'scope and key are told apart')
    await t.rejects(async () => store.take(['a']), { code: 'RATE_LIMIT_ERR_KEYS' })
    await t.rejects(async () => store.giveBack([null, undefined as unknown as string], '', 0), {
      code: 'RATE_LIMIT_ERR_KEYS',
    })
  })
}
