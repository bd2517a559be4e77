import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createMemoryStore, type RateLimitStore, type Rule } from '@plimsoll/rate-limit'
import { createMachineStore } from '@plimsoll/rate-limit/machine'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ApiError } from '../../src/errors.ts'
import { DEFAULT_LIMITS, limitRules, MAX_KEYS } from '../../src/limits/kinds.ts'
import { ownDecisions } from '../../src/limits/open-store.ts'
import { SignIns, type SignInAttempt } from '../../src/limits/sign-ins.ts'

const MINUTE_MS = 60_000
const WINDOW_MS = 15 * MINUTE_MS

function scene(open?: (clock: { now(): number }) => RateLimitStore) {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const store =
    open?.(clock) ?? ownDecisions(createMemoryStore({ rules: limitRules(DEFAULT_LIMITS), clock, maxKeys: 5000 }))
  let asked = 0
  const known = new Set<string>()
  const signIns = new SignIns({
    store,
    clientOf: address => address ?? 'unknown',
    networkOf: address => (address?.startsWith('net ') === true ? 'net' : null),
    refuse: ({ retryAfterMs }) =>
      new ApiError('API_ERR_RATE_LIMITED', 'too often', { retryAfterS: Math.ceil(retryAfterMs / 1000) }),
    onLost: error => t.fail(String(error)),
  })
  const begin = (account: string, address: string) =>
    signIns.begin(account, address, async () => {
      asked++
      return known.has(`${account.toLowerCase()} ${address}`)
    })
  /** What comes of a try: it's admitted, and fails; or for how long it's refused. */
  const fail = async (account: string, address: string): Promise<number> => {
    try {
      await begin(account, address)
      return 0
    } catch (error) {
      if (error instanceof ApiError && error.code === 'API_ERR_RATE_LIMITED') return error.retryAfterS ?? -1
      throw error
    }
  }
  const failAll = async (tries: readonly (readonly [account: string, address: string])[]) => {
    const all: number[] = []
    for (const [account, address] of tries) all.push(await fail(account, address))
    return all
  }
  return { clock, known, begin, fail, failAll, asked: () => asked }
}

const times = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i))

await t.test('the sixth failure of an account in 15 minutes is refused, from wherever it comes', async t => {
  const { failAll, clock, fail, asked } = scene()
  t.same(await failAll(times(6, () => ['a@example.org', '192.0.2.1'] as const)), [0, 0, 0, 0, 0, 900])
  clock.nowMs += MINUTE_MS
  const refusals = await failAll(times(20, i => ['A@Example.org', `198.51.100.${i}`] as const))
  t.same(new Set(refusals), new Set([840]), 'from twenty addresses, and in another case')
  t.equal(asked(), 21, 'each address that has not failed too often itself was asked about')
  t.same(await failAll(times(6, i => ['nobody@example.org', `203.0.113.${i}`] as const)), [0, 0, 0, 0, 0, 900])
  clock.nowMs = WINDOW_MS - 1
  t.equal(await fail('a@example.org', '192.0.2.1'), 1)
  clock.nowMs = WINDOW_MS
  t.equal(await fail('a@example.org', '192.0.2.1'), 0, 'the lock ends by itself')
})

await t.test('nobody locks somebody else out of where they usually are', async t => {
  const { failAll, fail, begin, known, asked } = scene()
  known.add('a@example.org 192.0.2.1')
  t.same(await failAll(times(5, i => ['a@example.org', `198.51.100.${i}`] as const)), [0, 0, 0, 0, 0])
  t.equal(asked(), 0, 'nobody is asked while something is left')
  t.not(await fail('a@example.org', '198.51.100.99'), 0, 'a stranger')
  t.same(await failAll(times(6, () => ['a@example.org', '192.0.2.1'] as const)), [0, 0, 0, 0, 0, 900], 'a known one')
  t.equal(asked(), 7)
  const other = scene()
  other.known.add('a@example.org 192.0.2.1')
  await other.failAll(times(5, () => ['a@example.org', '192.0.2.1'] as const))
  const own = await other.failAll(times(6, () => ['a@example.org', '192.0.2.1'] as const))
  t.same(own, [0, 0, 0, 0, 0, 900], 'whose own failures they are has one share more, and no third one')
  await t.rejects(begin('a@example.org', '192.0.2.1'), { code: 'API_ERR_RATE_LIMITED' })
})

await t.test('one address has 20 failures over all accounts, and then nobody is asked about it', async t => {
  const { failAll, asked, known } = scene()
  const all = await failAll(times(100, i => [`user${i}@example.org`, '192.0.2.1'] as const))
  t.same([all.filter(wait => wait === 0).length, all[19], all[20]], [20, 0, 900])
  known.add('user0@example.org 192.0.2.1')
  t.not((await failAll([['user0@example.org', '192.0.2.1']]))[0], 0)
  t.equal(asked(), 0)
})

await t.test(
  'a network of many addresses has ten times the share of one, and locks nobody out of where they usually are',
  async t => {
    const { failAll, fail, known } = scene()
    const all = await failAll(times(300, i => [`user${i}@example.org`, `net ${i}`] as const))
    t.same([all.filter(wait => wait === 0).length, all[199], all[200]], [200, 0, 900])
    known.add('a@example.org net 400')
    t.equal(await fail('a@example.org', 'net 400'), 0)
    t.equal(await fail('a@example.org', '192.0.2.1'), 0, 'another network')
  },
)

await t.test('there is room for more accounts than all addresses together can fail at', t => {
  const rules = limitRules(DEFAULT_LIMITS)
  const [account, address] = ['sign-in-account', 'sign-in-address'].map(name => rules.find(rule => rule.name === name))
  // A row of the machine's map: eight keys and what newcomers share, where four are expected.
  const addresses = ((address?.maxKeys ?? MAX_KEYS) / 4) * 9
  t.ok((account?.maxKeys ?? 0) > addresses * (address?.limit ?? Infinity))
  t.end()
})

// A hundredth of what workers have room for.
const FLOOD_KEYS = MAX_KEYS / 100
const smallRules = limitRules(DEFAULT_LIMITS).map(({ maxKeys = MAX_KEYS, ...rule }) => ({
  ...rule,
  maxKeys: maxKeys / 100,
}))
const tinyRules = limitRules(DEFAULT_LIMITS).map(rule => ({ ...rule, maxKeys: 20 }))

for (const place of ['memory', 'machine'] as const) {
  const flooded = (t: Test, rules: readonly Rule[], maxKeys: number) =>
    scene(clock => {
      if (place === 'memory') return ownDecisions(createMemoryStore({ rules, maxKeys, clock }))
      const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-sign-ins-'))
      const store = createMachineStore({
        rules,
        maxKeys,
        clock,
        folder,
        onState: state => t.fail(String(state.reason)),
      })
      t.teardown(async () => {
        await store.close()
        rmSync(folder, { recursive: true, force: true })
      })
      return store
    })

  await t.test(`a flood of invented accounts locks nobody out (${place})`, async t => {
    const { failAll, known } = flooded(t, smallRules, FLOOD_KEYS)
    const addresses = FLOOD_KEYS / 2
    const flood = await failAll(
      times(addresses * 20, i => [`nobody${i}@example.org`, `flood ${i % addresses}`] as const),
    )
    t.ok(flood.filter(wait => wait === 0).length > addresses * 18, 'it was let in, as far as its addresses go')
    const users = times(40, i => [`user${i}@example.org`, `home ${i}`] as const)
    const strangers = await failAll(users)
    t.equal(strangers.filter(wait => wait === 0).length, 40, 'nor who comes from somewhere new')
    for (const user of users) known.add(user.join(' '))
    t.same(new Set(await failAll(users)), new Set([0]))
  })

  await t.test(`with every table full, who is known is let in, and held to a share (${place})`, async t => {
    // Accounts have no more room than addresses here.
    const { failAll, fail, known, asked } = flooded(t, tinyRules, 20)
    await failAll(times(3000, i => [`nobody${i}@example.org`, `flood ${i}`] as const))
    const users = times(10, i => [`user${i}@example.org`, `home ${i}`] as const)
    t.notOk((await failAll(users)).includes(0), 'there is no room for newcomers')
    for (const user of users) known.add(user.join(' '))
    t.same(new Set(await failAll(users)), new Set([0]), 'at their first try')
    for (const [account, address] of users.slice(0, 1)) {
      t.same(await failAll(times(5, () => [account, address] as const)), [0, 0, 0, 0, 900])
    }
    t.not(await fail('user1@example.org', 'home 2'), 0, 'known elsewhere is not known')
    t.ok(asked() > 10)
  })
}

await t.test('a success uses nothing up, and forgets what the address has failed before', async t => {
  const { begin, fail, failAll, known } = scene()
  for (let i = 0; i < 100; i++) (await begin('a@example.org', '192.0.2.1')).succeeded()
  t.same(await failAll(times(4, () => ['a@example.org', '192.0.2.1'] as const)), [0, 0, 0, 0])
  const attempt = await begin('a@example.org', '192.0.2.1')
  attempt.succeeded()
  attempt.succeeded()
  attempt.abandoned()
  known.add('a@example.org 192.0.2.1')
  t.same(await failAll(times(4, () => ['a@example.org', '192.0.2.1'] as const)), [0, 0, 0, 0])
  ;(await begin('a@example.org', '192.0.2.1')).succeeded()
  const again = await failAll(times(6, () => ['a@example.org', '192.0.2.1'] as const))
  t.same(again, [0, 0, 0, 0, 0, 900], 'its own share is whole again')
  t.not(await fail('a@example.org', '198.51.100.1'), 0, 'and not that of strangers')
})

await t.test('what was not found out counts for nobody, and forgets nothing', async t => {
  const { begin, failAll } = scene()
  for (let i = 0; i < 50; i++) (await begin('a@example.org', '192.0.2.1')).abandoned()
  await failAll(times(4, () => ['a@example.org', '192.0.2.1'] as const))
  ;(await begin('a@example.org', '192.0.2.1')).abandoned()
  t.same(await failAll(times(2, () => ['a@example.org', '192.0.2.1'] as const)), [0, 900])
})

await t.test('many at once are no way around it', async t => {
  const { fail } = scene()
  const all = await Promise.all(times(60, i => fail('a@example.org', `192.0.2.${i}`)))
  t.equal(all.filter(wait => wait === 0).length, 5)
})

await t.test('an address that can not be looked up is not let in, and nothing is counted', async t => {
  const store = ownDecisions(createMemoryStore({ rules: limitRules(DEFAULT_LIMITS) }))
  const signIns = new SignIns({
    store,
    clientOf: address => address ?? 'unknown',
    networkOf: () => null,
    refuse: () => new ApiError('API_ERR_RATE_LIMITED', 'too often'),
    onLost: () => undefined,
  })
  const away = async () => {
    throw new ApiError('API_ERR_DATABASE_UNAVAILABLE', 'away')
  }
  for (const address of times(5, i => `192.0.2.${i}`)) await signIns.begin('a', address, away)
  for (let i = 0; i < 30; i++) await t.rejects(signIns.begin('a', 'x', away), { code: 'API_ERR_DATABASE_UNAVAILABLE' })
})

await t.test('switched off, nobody is counted and nobody is asked', async t => {
  const off = new SignIns(undefined)
  const attempts: SignInAttempt[] = []
  for (let i = 0; i < 50; i++)
    attempts.push(await off.begin('a', '192.0.2.1', () => Promise.reject(new Error('asked'))))
  for (const attempt of attempts) attempt.succeeded()
  t.equal(attempts.length, 50)
})

await t.test('whatever succeeds and fails in between: never more failures than the shares, in any window', async t => {
  const step = fc.record({
    account: fc.constantFrom('a', 'b'),
    address: fc.constantFrom('p', 'q', 'r'),
    succeeds: fc.constantFrom(true, false, false, false),
    passMs: fc.oneof(
      { weight: 8, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 4 * MINUTE_MS }) },
    ),
  })
  let refused = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 150 }), async list => {
      const { clock, known, begin, asked } = scene()
      known.add('a p')
      const failures: { account: string; address: string; atMs: number; isStrangers: boolean }[] = []
      for (const { account, address, succeeds, passMs } of list) {
        clock.nowMs += passMs
        const before = asked()
        try {
          const attempt = await begin(account, address)
          const isStrangers = asked() === before
          if (succeeds) attempt.succeeded()
          else failures.push({ account, address, atMs: clock.nowMs, isStrangers })
          // What's given back is given back before the next one comes.
          await new Promise(resolve => setImmediate(resolve))
        } catch {
          refused++
        }
      }
      return failures.every(({ atMs, account, address }) => {
        const window = failures.filter(one => one.atMs >= atMs && one.atMs < atMs + WINDOW_MS)
        const strangers = window.filter(one => one.account === account && one.isStrangers)
        const byAddress = window.filter(one => one.address === address)
        return strangers.length <= 5 && byAddress.length <= 20
      })
    }),
    { numRuns: 40 },
  )
  t.ok(refused > 50, `${refused} refusals were looked at`)
})
