// What every RemoteTier does while it works: the same statements for each implementation. What it does when its server fails is its own to test.
import type { RemoteEntry, RemoteTier } from '../tiers/tier.ts'
import type { ContractTest } from './contract-test.ts'
import { nastyStrings } from './nasty-strings.ts'

/** Long enough not to end in a test. */
const LONG_MS = 600_000
/** What a tier may be off by when it tells the rest of a life: clocks of whole milliseconds. */
const ROUNDING_MS = 2

/**
 * Runs the statements as subtests. Each gets a tier of its own.
 * @param make - gives an empty tier that's connected; what it starts, it stops in `t.teardown`
 */
export async function remoteTierContract<Test extends ContractTest<Test>>(
  t: Test,
  make: (t: Test) => Promise<RemoteTier>,
): Promise<void> {
  const state = (name: string, body: (t: Test, tier: RemoteTier) => Promise<void>): Promise<unknown> =>
    t.test(name, async t => {
      const tier = await make(t)
      t.teardown(() => tier.close())
      await body(t, tier)
    })

  await state('is on, and knows nothing at first', async (t, tier) => {
    t.equal(tier.state().state, 'on')
    t.same(await tier.getMany('n', ['a', 'b']), [undefined, undefined])
  })

  await state('answers a question about no keys with nothing', async (t, tier) => {
    t.same(await tier.getMany('n', []), [])
    await tier.setMany('n', [])
    await tier.deleteMany('n', [])
  })

  await state('gives back the bytes that were set, whole, in the order of the keys', async (t, tier) => {
    const values = [
      new Uint8Array(0),
      new Uint8Array([0]),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      Uint8Array.from(Buffer.from('\r\n$-1\r\n*3\r\n')),
      new Uint8Array(1_000_000).fill(7),
    ]
    await tier.setMany(
      'n',
      values.map((bytes, i) => entry(`k${i}`, bytes)),
    )
    const found = await tier.getMany('n', ['k4', 'missing', 'k3', 'k2', 'k1', 'k0', 'k1'])
    const wanted = [values[4], undefined, values[3], values[2], values[1], values[0], values[1]]
    t.same(
      found.map(one => one && Buffer.from(one.bytes).toString('latin1')),
      wanted.map(bytes => bytes && Buffer.from(bytes).toString('latin1')),
    )
  })

  await state('takes the part of a larger buffer that it was given', async (t, tier) => {
    const whole = Buffer.from('secret:value:secret')
    await tier.setMany('n', [entry('k', whole.subarray(7, 12))])
    t.equal(await text(tier, 'n', 'k'), 'value')
  })

  await state('replaces a value and its life', async (t, tier) => {
    await tier.setMany('n', [entry('k', Buffer.from('one'), LONG_MS)])
    await tier.setMany('n', [entry('k', Buffer.from('two'), LONG_MS / 2)])
    const [found] = await tier.getMany('n', ['k'])
    t.equal(String(found && Buffer.from(found.bytes)), 'two')
    t.ok(found && found.leftMs <= LONG_MS / 2, 'the second life counts')
  })

  await state('keeps the last of two values of one key in one call', async (t, tier) => {
    await tier.setMany('n', [entry('k', Buffer.from('one')), entry('k', Buffer.from('two'))])
    t.equal(await text(tier, 'n', 'k'), 'two')
  })

  await state('tells what is left of a life, never more than there is', async (t, tier) => {
    const startMs = performance.now()
    await tier.setMany('n', [entry('k', Buffer.from('v'), 60_000)])
    const setMs = performance.now()
    const [found] = await tier.getMany('n', ['k'])
    const askedMs = performance.now()
    const leftMs = found?.leftMs ?? 0
    t.ok(leftMs <= 60_000, `${leftMs} ms are left of 60,000`)
    t.ok(leftMs >= 60_000 - (askedMs - startMs) - (askedMs - setMs) - ROUNDING_MS, `${leftMs} ms are left, and no less`)
  })

  await state('gives nothing back after its life', async (t, tier) => {
    const startMs = performance.now()
    await tier.setMany('n', [entry('short', Buffer.from('v'), 60), entry('long', Buffer.from('v'))])
    for (;;) {
      const askedMs = performance.now()
      const [short, long] = await tier.getMany('n', ['short', 'long'])
      t.ok(long, 'the other one stays')
      if (short === undefined) break
      if (askedMs - startMs > 5000) {
        t.ok(false, 'a life of 60 ms has lasted for 5 s')
        break
      }
    }
  })

  await state('keeps nothing whose life is less than a millisecond, and drops what was there', async (t, tier) => {
    for (const lifeMs of [0, -1, 0.5, Number.NaN, Number.NEGATIVE_INFINITY]) {
      await tier.setMany('n', [entry('k', Buffer.from('old'))])
      await tier.setMany('n', [entry('k', Buffer.from('new'), lifeMs)])
      t.equal(await text(tier, 'n', 'k'), undefined, `a life of ${lifeMs} ms`)
    }
  })

  await state('takes lives with fractions and of any length', async (t, tier) => {
    for (const lifeMs of [1000.7, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      await tier.setMany('n', [entry('k', Buffer.from(String(lifeMs)), lifeMs)])
      t.equal(await text(tier, 'n', 'k'), String(lifeMs))
    }
  })

  await state('takes any string as a key, and two different ones are never the same', async (t, tier) => {
    const keys = nastyStrings()
    await tier.setMany(
      'n',
      keys.map((key, i) => entry(key, Buffer.from(String(i)))),
    )
    const found = await tier.getMany('n', keys)
    t.same(
      found.map(one => one && String(Buffer.from(one.bytes))),
      keys.map((_, i) => String(i)),
    )
  })

  await state('keeps namespaces apart, whatever they are called', async (t, tier) => {
    const pairs = [
      ['a', 'b:c'],
      ['a:b', 'c'],
      ['a:', 'b:c'],
      ['a=', 'b'],
      ['a', '=b'],
      ['A', 'b:c'],
      ['a*', 'b:c'],
      ['__proto__', 'b:c'],
    ] as const
    for (const [namespace, key] of pairs) {
      await tier.setMany(namespace, [entry(key, Buffer.from(`${namespace}|${key}`))])
    }
    for (const [namespace, key] of pairs) t.equal(await text(tier, namespace, key), `${namespace}|${key}`)
  })

  await state('deletes what it is told to, and nothing else', async (t, tier) => {
    await tier.setMany('n', [entry('a'), entry('b'), entry('c')])
    await tier.setMany('m', [entry('a')])
    await tier.deleteMany('n', ['a', 'c', 'missing', 'a'])
    t.same(await present(tier, 'n', ['a', 'b', 'c']), [false, true, false])
    t.same(await present(tier, 'm', ['a']), [true])
  })

  await state('clears one namespace, taking its name for no pattern', async (t, tier) => {
    const namespaces = ['n', 'nn', 'n:', 'n*', 'n?', '[n]', '\\n', 'N', 'm']
    for (const cleared of namespaces) {
      for (const namespace of namespaces) await tier.setMany(namespace, [entry('a'), entry('b')])
      await tier.clear(cleared)
      for (const namespace of namespaces) {
        const wanted = namespace !== cleared
        t.same(await present(tier, namespace, ['a', 'b']), [wanted, wanted], `${namespace} after ${cleared}`)
      }
    }
  })

  await state('clears everything', async (t, tier) => {
    await tier.setMany('n', [entry('a')])
    await tier.setMany(
      'm',
      Array.from({ length: 3000 }, (_, i) => entry(`k${i}`)),
    )
    await tier.clear()
    t.same(await present(tier, 'n', ['a']), [false])
    const left = await tier.getMany(
      'm',
      Array.from({ length: 3000 }, (_, i) => `k${i}`),
    )
    t.equal(left.filter(Boolean).length, 0)
  })

  await state('gives each of many callers its own', async (t, tier) => {
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
    await tier.setMany(
      'n',
      keys.map(key => entry(key, Buffer.from(key))),
    )
    const answers = await Promise.all(
      keys.map((key, i) => tier.getMany('n', [key, 'missing', keys[(i * 7) % keys.length] ?? ''])),
    )
    t.same(
      answers.map(found => found.map(one => one && String(Buffer.from(one.bytes)))),
      keys.map((key, i) => [key, undefined, keys[(i * 7) % keys.length]]),
    )
  })

  await state('keeps its bytes apart from those that it gave away', async (t, tier) => {
    await tier.setMany('n', [entry('k', Buffer.from('value'))])
    const [found] = await tier.getMany('n', ['k'])
    found?.bytes.fill(0)
    t.equal(await text(tier, 'n', 'k'), 'value')
  })

  await state('takes a limit without a word', async (t, tier) => {
    tier.limit('n', 10)
    await tier.setMany('n', [entry('k', Buffer.from('value'))])
    t.equal(await text(tier, 'n', 'k'), 'value')
  })

  await state('is off after it was closed, once or twice, and misses everything', async (t, tier) => {
    await tier.setMany('n', [entry('k')])
    await tier.close()
    await tier.close()
    t.equal(tier.state().state, 'off')
    t.ok(tier.state().reason, 'it says why')
    t.same(await tier.getMany('n', ['k', 'other']), [undefined, undefined])
    await tier.setMany('n', [entry('k')])
    await tier.deleteMany('n', ['k'])
    await tier.clear()
    await tier.clear('n')
  })
}

function entry(key: string, bytes: Uint8Array = Buffer.from('v'), lifeMs = LONG_MS): RemoteEntry {
  return { key, bytes, lifeMs }
}

async function text(tier: RemoteTier, namespace: string, key: string): Promise<string | undefined> {
  const [found] = await tier.getMany(namespace, [key])
  return found && String(Buffer.from(found.bytes))
}

async function present(tier: RemoteTier, namespace: string, keys: readonly string[]): Promise<boolean[]> {
  const found = await tier.getMany(namespace, keys)
  return found.map(one => one !== undefined)
}
