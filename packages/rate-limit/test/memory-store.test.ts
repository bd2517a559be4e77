// The store beside a log of every admitted request, over random schedules. What the README promises stands here as properties.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { createMemoryStore, type Decision, type MemoryStoreOptions, type Rule } from '../src/index.ts'
import { LogModel, SettableClock } from './log-model.ts'

const RUNS = 150
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

interface Step {
  readonly key: string
  readonly passMs: number
}

/** Bursts and pauses: most steps take no time or little, some more than a window. */
const steps = (windowMs: number, keys: readonly string[] = KEYS): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      key: fc.constantFrom(...keys),
      passMs: fc.oneof(
        { weight: 5, arbitrary: fc.constant(0) },
        { weight: 5, arbitrary: fc.integer({ min: 0, max: Math.ceil(windowMs / 20) }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * windowMs }) },
      ),
    }),
    { minLength: 20, maxLength: 400 },
  )

const store = (rules: readonly Rule[], options: Omit<MemoryStoreOptions, 'rules'> = {}) => {
  const clock = new SettableClock()
  return { clock, limits: createMemoryStore({ rules, clock, random: { next: () => 0.5 }, maxKeys: 100, ...options }) }
}

const stateOf = ({ states }: Decision, index = 0) => {
  const { remaining, nextMs, resetMs } = states[index] as Decision['states'][number]
  return { remaining, nextMs, resetMs }
}

await t.test('a limit up to the number of cells is the log, to the millisecond', async t => {
  const scene = fc
    .record({ limit: fc.integer({ min: 1, max: 8 }), windowMs: fc.integer({ min: 1, max: 1000 }) })
    .chain(rule => steps(rule.windowMs, ['a', 'b', 'c']).map(list => ({ rule, list })))
  fc.assert(
    fc.property(scene, ({ rule, list }) => {
      const { clock, limits } = store([{ name: 'exact', ...rule }], { cellsPerKey: 8 })
      const model = new LogModel(rule.limit, rule.windowMs)
      for (const { key, passMs } of list) {
        clock.nowMs += passMs
        const before = model.state(key, clock.nowMs)
        const allowed = before.remaining > 0
        if (!isDeepStrictEqual(stateOf(limits.peek(key)), before)) return false
        const decision = limits.take(key)
        if (allowed) model.admit(key, clock.nowMs)
        if (decision.allowed !== allowed || decision.retryAfterMs !== before.nextMs) return false
        if (!isDeepStrictEqual(stateOf(decision), model.state(key, clock.nowMs))) return false
      }
      return model.fullestWindow() <= rule.limit
    }),
    { numRuns: RUNS },
  )
  t.pass('as the log')
})

const coarseRule = fc.record({
  rule: fc.record({ limit: fc.integer({ min: 5, max: 40 }), windowMs: fc.integer({ min: 1, max: 1000 }) }),
  cellsPerKey: fc.integer({ min: 2, max: 10 }),
})

await t.test(
  'no window ever has more than the limit, and what is refused would be by a log of a window and a cell',
  async t => {
    const scene = coarseRule.chain(one => steps(one.rule.windowMs, ['a', 'b']).map(list => ({ ...one, list })))
    let refused = 0
    fc.assert(
      fc.property(scene, ({ rule, cellsPerKey, list }) => {
        const { clock, limits } = store([{ name: 'coarse', ...rule }], { cellsPerKey })
        const model = new LogModel(rule.limit, rule.windowMs)
        const cellMs = rule.limit <= cellsPerKey ? 1 : Math.ceil(rule.windowMs / (cellsPerKey - 1))
        for (const { key, passMs } of list) {
          clock.nowMs += passMs
          if (limits.take(key).allowed) model.admit(key, clock.nowMs)
          else if (model.live(key, clock.nowMs, rule.windowMs + cellMs - 1).length < rule.limit) return false
          else refused++
        }
        return model.fullestWindow() <= rule.limit
      }),
      { numRuns: RUNS },
    )
    t.ok(refused > 20, `${refused} refusals were looked at`)
  },
)

await t.test('who waits as long as it is told is admitted, and not a millisecond earlier', async t => {
  const scene = coarseRule.chain(one => steps(one.rule.windowMs, ['a']).map(list => ({ ...one, list })))
  let waits = 0
  fc.assert(
    fc.property(scene, ({ rule, cellsPerKey, list }) => {
      const { clock, limits } = store([{ name: 'wait', ...rule }], { cellsPerKey })
      for (const { key, passMs } of list) {
        clock.nowMs += passMs
        const { allowed, retryAfterMs } = limits.take(key)
        if (allowed) continue
        waits++
        clock.nowMs += retryAfterMs - 1
        if (retryAfterMs < 1 || limits.peek(key).allowed) return false
        clock.nowMs++
        if (!limits.take(key).allowed) return false
      }
      clock.nowMs += stateOf(limits.peek('a')).resetMs
      return stateOf(limits.peek('a')).remaining === rule.limit
    }),
    { numRuns: RUNS },
  )
  t.ok(waits > 20, `${waits} waits were looked at`)
})

await t.test('a burst at the edge of a window gets no second limit behind it', async t => {
  const { clock, limits } = store([{ name: 'overall', limit: 1000, windowMs: 900_000 }])
  const burst = (): number => Array.from({ length: 3000 }, () => limits.take('a').allowed).filter(Boolean).length
  clock.nowMs = 899_999
  t.equal(burst(), 1000)
  for (const laterMs of [1, 1000, 450_000, 448_998]) {
    clock.nowMs += laterMs
    t.equal(burst(), 0, `at ${clock.nowMs} ms`)
  }
  clock.nowMs += 1
  t.equal(burst(), 1000, 'and all of it when the window is over')
})

await t.test('rules are all or nothing: a refusal by one uses up nothing of the others', async t => {
  const rules: readonly Rule[] = [
    { name: 'address', limit: 12, windowMs: 1000 },
    { name: 'endpoint', limit: 5, windowMs: 300, perScope: true },
    { name: 'account', limit: 3, windowMs: 2000 },
  ]
  const step = fc.record({
    address: fc.constantFrom('a', 'b'),
    endpoint: fc.constantFrom('', '/x', '/y'),
    account: fc.constantFrom(null, 'u', 'v'),
    passMs: fc.integer({ min: 0, max: 60 }),
  })
  // Each rule refuses in one of these, whatever is found besides.
  const full = (account: string | null, ...endpoints: string[]) =>
    endpoints.flatMap(endpoint => Array.from({ length: 6 }, () => ({ address: 'a', endpoint, account, passMs: 1 })))
  const seen = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), list => {
      const { clock, limits } = store(rules)
      const models = rules.map(rule => new LogModel(rule.limit, rule.windowMs))
      for (const { address, endpoint, account, passMs } of list) {
        clock.nowMs += passMs
        const names = [address, `${address} ${endpoint}`, account]
        const before = models.map((model, i) => model.state(names[i] ?? '', clock.nowMs))
        const waits = before.map(({ nextMs }, i) => (names[i] === null ? 0 : nextMs))
        const longestMs = Math.max(...waits)
        const decision = limits.take([address, address, account], endpoint)
        if (decision.retryAfterMs !== longestMs || decision.allowed !== (longestMs === 0)) return false
        if (decision.refusedBy !== (longestMs === 0 ? null : limits.rules[waits.indexOf(longestMs)])) return false
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
    { numRuns: RUNS, examples: [[full('u', '/x')], [full(null, '/x')], [full(null, '/x', '/y', '')]] },
  )
  t.same([...seen].toSorted(), ['account', 'address', 'allowed', 'endpoint'], 'each rule has refused')
})

await t.test(
  'with more keys than slots no key gets more than the limit, and what is blocked stays blocked',
  async t => {
    const scene = fc.record({
      maxKeys: fc.integer({ min: 1, max: 4 }),
      cellsPerKey: fc.integer({ min: 2, max: 8 }),
      list: steps(200),
    })
    let shared = 0
    fc.assert(
      fc.property(scene, ({ maxKeys, cellsPerKey, list }) => {
        const { clock, limits } = store([{ name: 'few', limit: 4, windowMs: 200 }], { maxKeys, cellsPerKey })
        const model = new LogModel(4, 200)
        for (const { key, passMs } of list) {
          clock.nowMs += passMs
          const { remaining } = model.state(key, clock.nowMs)
          if (stateOf(limits.peek(key)).remaining > remaining) return false
          if (limits.take(key).allowed) model.admit(key, clock.nowMs)
          const [usage] = limits.usage()
          if (usage === undefined || usage.keys > maxKeys) return false
          if (usage.isSharing) shared++
        }
        return model.fullestWindow() <= 4
      }),
      { numRuns: RUNS },
    )
    t.ok(shared > 20, `in ${shared} steps newcomers shared a count`)
  },
)

await t.test(
  'a slot is used again as soon as its key has been silent for a window, however busy the others are',
  async t => {
    const { clock, limits } = store([{ name: 'few', limit: 4, windowMs: 100 }], { maxKeys: 2 })
    limits.take('a')
    clock.nowMs = 10
    limits.take('b')
    clock.nowMs = 90
    limits.take('a')
    clock.nowMs = 109
    limits.take('c')
    t.equal(limits.usage()[0]?.isSharing, true, 'both still count')
    clock.nowMs = 110
    t.equal(limits.take('d').states[0]?.remaining, 2, 'b is over; d takes along what it was counted with')
    t.equal(limits.take('a').states[0]?.remaining, 2)
    clock.nowMs = 209
    t.equal(limits.usage()[0]?.isSharing, false, 'nobody was counted with others since')
  },
)

await t.test('what is given back is as if it had not been, and never sets others free', async t => {
  const scene = coarseRule.chain(one =>
    fc
      .record({
        list: steps(one.rule.windowMs, ['a', 'b', 'c']),
        back: fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      })
      .map(more => ({ ...one, ...more })),
  )
  let given = 0
  fc.assert(
    fc.property(scene, ({ rule, cellsPerKey, list, back }) => {
      const { clock, limits } = store([{ name: 'failures', ...rule }], { cellsPerKey, maxKeys: 2 })
      const model = new LogModel(rule.limit, rule.windowMs)
      const open: { key: string; atMs: number }[] = []
      for (const { key, passMs } of list) {
        clock.nowMs += passMs
        const { allowed, retryAfterMs, atMs } = limits.take(key)
        if (allowed) {
          model.admit(key, clock.nowMs)
          open.push({ key, atMs })
        } else {
          clock.nowMs += retryAfterMs
          if (!limits.peek(key).allowed) return false
        }
        if (back.next().value !== 0) continue
        const [one] = open.splice(Math.floor(open.length / 2), 1)
        if (one === undefined) continue
        limits.giveBack(one.key, '', one.atMs)
        model.remove(one.key, one.atMs)
        given++
        if (stateOf(limits.peek(one.key)).remaining > model.state(one.key, clock.nowMs).remaining) return false
      }
      return model.fullestWindow() <= rule.limit
    }),
    { numRuns: RUNS },
  )
  t.ok(given > 20, `${given} were given back`)
  const { limits } = store([{ name: 'login', limit: 5, windowMs: 900_000 }])
  for (let i = 0; i < 20; i++) limits.giveBack('user', '', limits.take('user').atMs)
  t.equal(limits.take('user').states[0]?.remaining, 4, 'twenty logins that succeeded have left no trace')
})

await t.test(
  'a clock set back gives nothing back and holds nothing longer; one set forth, or a long sleep, frees',
  async t => {
    const { clock, limits } = store([{ name: 'five', limit: 5, windowMs: 60_000 }])
    const dayMs = 86_400_000
    clock.nowMs = 10 * dayMs
    for (let i = 0; i < 5; i++) limits.take('a')
    clock.nowMs += 20_000
    t.equal(limits.take('a').retryAfterMs, 40_000)
    clock.nowMs -= dayMs
    t.equal(limits.take('a').retryAfterMs, 40_000, 'back by a day')
    clock.nowMs += 39_999
    t.equal(limits.take('a').retryAfterMs, 1)
    clock.nowMs = Number.NaN
    t.equal(limits.take('a').retryAfterMs, 1, 'a clock that says nothing stands still')
    clock.nowMs = 9 * dayMs + 60_000
    t.equal(limits.take('a').allowed, true)
    for (let i = 0; i < 5; i++) limits.take('a')
    t.equal(limits.take('a').allowed, false)
    clock.nowMs += 400 * dayMs
    t.same(stateOf(limits.take('a')), { remaining: 4, nextMs: 0, resetMs: 60_000 }, 'asleep for more than 2^32 ms')
    clock.nowMs += 2 ** 32 + 1000
    t.equal(stateOf(limits.take('a')).remaining, 4, 'an age of just over 2^32 ms looks young in 32 bits')
  },
)

await t.test(
  'a rule may have room for more keys than the others, and a state says when a key is counted with others',
  t => {
    const rules = [
      { name: 'few', limit: 4, windowMs: 100 },
      { name: 'many', limit: 4, windowMs: 100, maxKeys: 40 },
    ]
    const { limits } = store(rules, { maxKeys: 2 })
    for (let i = 0; i < 6; i++) limits.take(`key ${i}`)
    t.match(limits.usage(), [
      { keys: 2, maxKeys: 2, isSharing: true },
      { keys: 6, maxKeys: 40, isSharing: false },
    ])
    const isShared = (key: string) => limits.peek(key).states.map(state => state.isShared)
    t.same(isShared('key 1'), [false, false])
    t.same(isShared('key 5'), [true, false])
    t.same(isShared('new'), [true, false])
    t.match(limits.peek('new').states, [{ remaining: 0 }, { remaining: 4 }])
    t.end()
  },
)

await t.test('a key is any text: long ones, cut ones and half a surrogate pair are told apart', async t => {
  const { limits } = store([{ name: 'one', limit: 1, windowMs: 1000 }])
  const long = 'x'.repeat(300)
  const keys = ['', 'é', 'e', '\ud800', '\udc00', '\ufffd', '漢字', `${long}1`, `${long}2`, '__proto__', 'toString']
  for (const key of keys) t.equal(limits.take(key).allowed, true, 'new')
  for (const key of keys) t.equal(limits.take(key).allowed, false, 'known')
  t.equal(limits.usage()[0]?.keys, keys.length)
})

await t.test('keys that are missing are refused by code, and options out of their range, too', async t => {
  const { limits } = store([
    { name: 'one', limit: 1, windowMs: 1000 },
    { name: 'two', limit: 1, windowMs: 1000 },
  ])
  t.throws(() => limits.take(['a']), { code: 'RATE_LIMIT_ERR_KEYS' })
  t.throws(() => limits.take(['a', undefined as unknown as string]), { code: 'RATE_LIMIT_ERR_KEYS' })
  t.equal(limits.take(['a', null]).allowed, true, 'what was refused counted for nothing')
  const rule = { name: 'a', limit: 1, windowMs: 1 }
  const wrong: readonly object[] = [
    {},
    { rules: [] },
    { rules: [rule, rule] },
    { rules: [{ ...rule, limit: 0 }] },
    { rules: [{ ...rule, limit: 1.5 }] },
    { rules: [{ ...rule, windowMs: 2 ** 31 }] },
    { rules: [{ ...rule, name: 'a"b' }] },
    { rules: [{ ...rule, perScope: 1 }] },
    { rules: [{ ...rule, maxKeys: 0 }] },
    { rules: [{ ...rule, window: 1 }] },
    { rules: [rule], maxKeys: 0 },
    { rules: [rule], cellsPerKey: 1 },
    { rules: [rule], keys: 1 },
  ]
  for (const options of wrong) {
    t.throws(() => createMemoryStore(options as MemoryStoreOptions), { code: 'RATE_LIMIT_ERR_OPTION' })
  }
})
