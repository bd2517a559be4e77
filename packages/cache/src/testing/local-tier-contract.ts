// What every LocalTier does, as tests: an implementation runs them with a factory of its own.
import type { MachineClock } from '../machine/machine-clock.ts'
import type { LocalTier } from '../tiers/tier.ts'
import type { ContractTest } from './contract-test.ts'
import { nastyStrings } from './nasty-strings.ts'

export interface LocalTierSettings {
  /** Clock of the machine. */
  readonly clock: MachineClock
  /** Clock of the wall, in ms since 1970. */
  readonly wallClock: { now(): number }
  /** Bytes of the largest value. */
  readonly maxValueBytes: number
  /** Bytes of all entries. */
  readonly maxBytes: number
}

/** Makes an empty tier, and closes it with the test. */
export type MakeLocalTier<Test> = (t: Test, settings: LocalTierSettings) => Promise<LocalTier>

class Clocks {
  machineMs = 5_000_000
  wallMs = 1_800_000_000_000
  readonly clock = { nowMs: () => this.machineMs }
  readonly wallClock = { now: () => this.wallMs }

  pass(ms: number): void {
    this.machineMs += ms
    this.wallMs += ms
  }
}

const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const text = (value: string): Uint8Array => Buffer.from(value)

/** Runs the contract; `makeTier` is called once per subtest. */
export async function localTierContract<Test extends ContractTest<Test>>(
  t: Test,
  makeTier: MakeLocalTier<Test>,
): Promise<void> {
  const strings = nastyStrings()
  const make = async (t: Test, settings: Partial<LocalTierSettings> = {}) => {
    const clocks = new Clocks()
    const { clock, wallClock } = clocks
    const tier = await makeTier(t, { clock, wallClock, maxValueBytes: MIB, maxBytes: 16 * MIB, ...settings })
    return { tier, clocks }
  }
  const has = (tier: LocalTier, namespace: string, key: string) => tier.get(namespace, key) !== undefined

  await t.test('what’s set is there with what’s left of its life, and what’s deleted isn’t', async t => {
    const { tier, clocks } = await make(t)
    t.equal(tier.get('n', 'k'), undefined)
    t.equal(await tier.set('n', 'k', text('one'), 1000), true)
    clocks.pass(300)
    t.same(tier.get('n', 'k'), { bytes: text('one'), leftMs: 700 })
    t.equal(await tier.set('n', 'k', text('two'), 500), true)
    t.same(tier.get('n', 'k'), { bytes: text('two'), leftMs: 500 })
    t.equal(tier.state().entries, 1)
    await tier.delete('n', 'k')
    t.equal(tier.get('n', 'k'), undefined)
    await tier.delete('n', 'k')
    t.equal(tier.state().entries, 0)
    t.equal(tier.state().bytes, 0)
  })

  await t.test('nothing is returned after its life', async t => {
    const { tier, clocks } = await make(t)
    await tier.set('n', 'k', text('one'), 1000)
    clocks.pass(999)
    t.ok(has(tier, 'n', 'k'))
    clocks.pass(1)
    t.ok(!has(tier, 'n', 'k'))
    t.equal(await tier.set('n', 'k', text('one'), 0), false, 'a life of nothing isn’t one')
  })

  await t.test('a wall clock that’s put back prolongs no life', async t => {
    const { tier, clocks } = await make(t)
    await tier.set('n', 'k', text('one'), 1000)
    clocks.pass(900)
    clocks.wallMs -= 800
    clocks.pass(100)
    t.ok(!has(tier, 'n', 'k'))
  })

  await t.test('what’s read stays as it was, whatever is read or written afterwards', async t => {
    const { tier } = await make(t)
    for (const size of [10, 1000, 20_000]) {
      await tier.set('n', 'a', new Uint8Array(size).fill(1), 1000)
      await tier.set('n', 'b', new Uint8Array(size).fill(2), 1000)
      const a = tier.get('n', 'a')?.bytes
      tier.get('n', 'b')
      await tier.set('n', 'a', new Uint8Array(size).fill(3), 1000)
      t.ok(a?.length === size && a.every(byte => byte === 1))
    }
  })

  await t.test('values of any length come back whole', async t => {
    const { tier } = await make(t)
    for (const size of [0, 1, 4095, 4096, 16_383, 16_384, 16_385, 262_128, 262_129, 524_257, MIB]) {
      const bytes = Uint8Array.from({ length: size }, (_, index) => index * 7 + (index >> 8))
      t.equal(await tier.set('n', 'k', bytes, 1000), true)
      t.ok(Buffer.from(bytes).equals(tier.get('n', 'k')?.bytes ?? new Uint8Array(3)), `${size} bytes`)
    }
    await tier.set('n', 'k', text('short again'), 1000)
    t.same(tier.get('n', 'k')?.bytes, text('short again'))
  })

  await t.test('a value that’s too large is refused, and what it should have replaced is gone', async t => {
    const { tier } = await make(t)
    await tier.set('n', 'k', text('old'), 1000)
    t.equal(await tier.set('n', 'k', new Uint8Array(MIB + 1), 1000), false)
    t.equal(tier.get('n', 'k'), undefined)
    t.equal(tier.state().state, 'on')
  })

  await t.test('keys and namespaces may be any string, and no two are the same', async t => {
    const { tier } = await make(t)
    await Promise.all(strings.map((key, index) => tier.set('n', key, text(`key ${index}`), 1000)))
    const namespaces = strings.filter(name => !name.includes('\0'))
    await Promise.all(namespaces.map((name, index) => tier.set(name, 'k', text(`name ${index}`), 1000)))
    for (const [index, key] of strings.entries()) {
      t.same(tier.get('n', key)?.bytes, text(`key ${index}`), JSON.stringify(key.slice(0, 20)))
    }
    for (const [index, name] of namespaces.entries()) {
      t.same(tier.get(name, 'k')?.bytes, text(`name ${index}`), JSON.stringify(name.slice(0, 20)))
    }
    t.equal(tier.state().entries, strings.length + namespaces.length)
  })

  await t.test('clear takes a namespace, and no other', async t => {
    const { tier } = await make(t)
    const keys = Array.from({ length: 600 }, (_, index) => `k${index}`)
    await Promise.all(keys.flatMap(key => ['a', 'ab', 'b'].map(name => tier.set(name, key, text(key), 1000))))
    await tier.clear('a')
    t.ok(!keys.some(key => has(tier, 'a', key)))
    t.ok(keys.every(key => has(tier, 'ab', key) && has(tier, 'b', key)))
    await tier.clear()
    t.ok(!keys.some(key => has(tier, 'ab', key) || has(tier, 'b', key)))
    t.same([tier.state().entries, tier.state().bytes], [0, 0])
  })

  await t.test('a namespace keeps as many as it may, those that were used last', async t => {
    const { tier, clocks } = await make(t)
    tier.limit('n', 10)
    for (let index = 0; index < 10; index++) {
      await tier.set('n', `k${index}`, text('x'), 60 * MINUTE_MS)
      clocks.pass(MINUTE_MS)
    }
    t.ok(has(tier, 'n', 'k0'))
    await tier.set('other', 'k', text('x'), 60 * MINUTE_MS)
    await tier.set('n', 'k10', text('x'), 60 * MINUTE_MS)
    await tier.set('n', 'k11', text('x'), 60 * MINUTE_MS)
    t.ok(has(tier, 'n', 'k0'), 'the oldest was used meanwhile')
    t.ok(!has(tier, 'n', 'k1'))
    t.ok(!has(tier, 'n', 'k2'))
    t.ok(has(tier, 'n', 'k3'))
    t.ok(has(tier, 'other', 'k'))
    t.equal(tier.state().entries, 11)
  })

  await t.test('all together keep to their bytes, and the least recently used go first', async t => {
    const { tier, clocks } = await make(t, { maxBytes: 400_000 })
    for (let index = 0; index < 30; index++) {
      await tier.set(index % 2 === 0 ? 'a' : 'b', `k${index}`, new Uint8Array(20_000), 60 * MINUTE_MS)
      clocks.pass(MINUTE_MS)
    }
    const { bytes, entries } = tier.state()
    t.ok(bytes <= 400_000 && bytes > 200_000, `${bytes} bytes`)
    t.ok(entries >= 10 && entries <= 20, `${entries} entries`)
    t.ok(has(tier, 'b', 'k29') && has(tier, 'a', 'k28'))
    t.ok(!(has(tier, 'a', 'k0') || has(tier, 'b', 'k1')))
  })

  await t.test('shrink gives up the least recently used, and says how much', async t => {
    const { tier, clocks } = await make(t)
    for (let index = 0; index < 20; index++) {
      await tier.set('n', `k${index}`, new Uint8Array(10_000), 60 * MINUTE_MS)
      clocks.pass(MINUTE_MS)
    }
    const before = tier.state().bytes
    const freed = await tier.shrink(before / 2)
    t.equal(tier.state().bytes, before - freed)
    t.ok(freed >= before / 2 && freed < before * 0.6, `${freed} of ${before}`)
    t.ok(!has(tier, 'n', 'k0'))
    t.ok(has(tier, 'n', 'k19'))
    t.equal(await tier.shrink(before), 0)
    await tier.shrink(0)
    t.same([tier.state().entries, tier.state().bytes], [0, 0])
  })

  await t.test('a closed tier is a miss, keeps nothing and doesn’t reject', async t => {
    const { tier } = await make(t)
    await tier.set('n', 'k', text('one'), 1000)
    await tier.close()
    t.equal(tier.get('n', 'k'), undefined)
    t.equal(await tier.set('n', 'k', text('one'), 1000), false)
    await tier.delete('n', 'k')
    await tier.clear()
    t.equal(await tier.shrink(0), 0)
    const { state, entries, bytes } = tier.state()
    t.same({ state, entries, bytes }, { state: 'off', entries: 0, bytes: 0 })
    await tier.close()
  })
}
