// What a caller is told of where its value came from, and how long it stays fresh: by tiers that are maps, and a clock that stands still.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import {
  createCache,
  type LocalTier,
  type Namespace,
  type NamespaceOptions,
  type RemoteTier,
  type ServedFrom,
} from '../src/index.ts'
import { BlindMachineMap } from '../src/machine/blind-machine-map.ts'
import { LocalMachineMap } from '../src/machine/local-machine-map.ts'

const TTL_MS = 1_000
const STALE_MS = 100
const ERROR_MS = 500

/** A shared tier whose times go by the test's clock. */
function mapTier(clock: FakeClock): LocalTier {
  const entries = new Map<string, { bytes: Uint8Array; endsAtMs: number }>()
  return {
    name: 'map',
    get(namespace, key) {
      const found = entries.get(`${namespace} ${key}`)
      const leftMs = (found?.endsAtMs ?? 0) - clock.now()
      return found && leftMs > 0 ? { bytes: found.bytes, leftMs } : undefined
    },
    set(namespace, key, bytes, lifeMs) {
      entries.set(`${namespace} ${key}`, { bytes, endsAtMs: clock.now() + lifeMs })
      return Promise.resolve(true)
    },
    delete: (namespace, key) => Promise.resolve(void entries.delete(`${namespace} ${key}`)),
    clear: () => Promise.resolve(entries.clear()),
    limit: () => undefined,
    shrink: () => Promise.resolve(0),
    state: () => ({ state: 'on', entries: entries.size, bytes: 0 }),
    close: () => Promise.resolve(),
  }
}

type Told = [from: ServedFrom, freshLeftMs: number]

/** Processes of one machine: what each is told. */
function machine(options: NamespaceOptions<string> = {}, tier: 'machine' | 'far' = 'machine') {
  const clock = new FakeClock({ startMs: 10_000 })
  const parts = { map: new LocalMachineMap(), [tier]: mapTier(clock) }
  const process = () => {
    const cache = createCache(parts, {}, { clock, random: new SeededRandom(1) })
    const values = cache.namespace<string>('values', {
      ttlMs: TTL_MS,
      staleWhileRevalidateMs: STALE_MS,
      staleIfErrorMs: ERROR_MS,
      jitter: 0,
      earlyRefresh: 0,
      ...options,
    })
    const told = async (load: () => string | Promise<string> = () => 'loaded', signal?: AbortSignal) => {
      const calls: Told[] = []
      const onServed = (...call: Told) => void calls.push(call)
      await values
        .getOrLoad('a', load, signal === undefined ? { onServed } : { onServed, signal })
        .catch(() => undefined)
      return calls
    }
    return { cache, values, told }
  }
  return { clock, process }
}

const fail = () => Promise.reject(new Error('down'))

await t.test('each tier that can answer says so, with what’s left of the value’s own time', async t => {
  const { clock, process } = machine({ memory: { ttlMs: 300 } })
  const one = process()
  const two = process()
  t.strictSame(await one.told(), [['loaded', TTL_MS]])
  clock.advance(200)
  t.strictSame(await one.told(), [['memory', 800]], 'not what’s left of its time in memory')
  t.strictSame(await two.told(), [['machine', 800]])
  t.strictSame(await two.told(), [['memory', 800]])
  clock.advance(350)
  t.strictSame(await one.told(), [['machine', 450]], 'its time in memory is over')

  const far = machine({}, 'far')
  t.strictSame(await far.process().told(), [['loaded', TTL_MS]])
  far.clock.advance(300)
  t.strictSame(await far.process().told(), [['far', 700]])
})

await t.test('what’s past its time is told as such: while it’s replaced, and for an error', async t => {
  const { clock, process } = machine()
  const one = process()
  await one.told()
  clock.advance(TTL_MS + 30)
  t.strictSame(await one.told(fail), [['memory', -30]])
  t.strictSame(await process().told(fail), [['machine', -30]])
  await nextTurn()
  clock.advance(STALE_MS)
  t.strictSame(await one.told(fail), [['memory', -130]])
  t.strictSame(await process().told(fail), [['machine', -130]])
  t.strictSame(await one.told(), [['loaded', TTL_MS]], 'and no longer when it was replaced')
})

await t.test('nothing is told to who gets no value', async t => {
  const { process } = machine()
  t.strictSame(await process().told(fail), [])
  t.strictSame(await process().told(undefined, AbortSignal.abort()), [])
})

await t.test(
  'what may not be kept is fresh for nobody: what an invalidation has overtaken, what has no time',
  async t => {
    const { process } = machine()
    const { cache, values, told } = process()
    const load = Promise.withResolvers<string>()
    const overtaken = told(() => load.promise)
    await nextTurn()
    await values.delete('a')
    load.resolve('old')
    t.strictSame(await overtaken, [['loaded', 0]])
    const calls: Told[] = []
    await values.getOrLoad('b', () => 'x', { ttlMs: 0, onServed: (...call: Told) => void calls.push(call) })
    t.strictSame(calls, [['loaded', 0]])
    await cache.close()
  },
)

await t.test('all who wait for a load are told of it, and its time begins when it ends', async t => {
  const { clock, process } = machine()
  const { told } = process()
  const load = Promise.withResolvers<string>()
  const both = [told(() => load.promise), told(() => load.promise)]
  await nextTurn()
  clock.advance(400)
  load.resolve('value')
  t.strictSame(await Promise.all(both), [[['loaded', TTL_MS]], [['loaded', TTL_MS]]])
})

await t.test('what another process has just loaded counts as loaded', async t => {
  const { process } = machine()
  const one = process()
  const two = process()
  const load = Promise.withResolvers<string>()
  const first = one.told(() => load.promise)
  await nextTurn()
  const second = two.told(() => 'its own')
  await nextTurn()
  load.resolve('of the first')
  t.strictSame(await first, [['loaded', TTL_MS]])
  t.strictSame(await second, [['loaded', TTL_MS]])
  t.equal(two.values.stats().loads, 0)
})

await t.test('what can’t be verified is told as past its time', async t => {
  const clock = new FakeClock({ startMs: 10_000 })
  const cache = createCache({ map: new BlindMachineMap() }, {}, { clock, random: new SeededRandom(1) })
  const values = cache.namespace<string>('values', { ttlMs: 60_000, staleIfErrorMs: 60_000, boundMs: 100, jitter: 0 })
  const calls: Told[] = []
  const onServed = (...call: Told) => void calls.push(call)
  await values.getOrLoad('a', () => 'value', { onServed })
  clock.advance(101)
  t.equal(await values.getOrLoad('a', fail as () => Promise<string>, { onServed }), 'value')
  t.strictSame(calls, [
    ['loaded', 60_000],
    ['memory', -1],
  ])
})

await t.test(
  'whoever gets something older at the soft time-out is told once, also when the load ends later',
  async t => {
    const { clock, process } = machine({ softTimeoutMs: 5 })
    const { values, told } = process()
    await told()
    clock.advance(TTL_MS + STALE_MS)
    const load = Promise.withResolvers<string>()
    const first = told(() => load.promise)
    t.strictSame(await first, [['memory', -STALE_MS]])
    t.equal(values.stats().staleServed, 1)
    clock.advance(5)
    t.strictSame(await told(() => load.promise), [['memory', -STALE_MS - 5]], 'at once: that load has had its time')
    load.reject(new Error('down'))
    await nextTurn()
    t.strictSame([await first, values.stats().staleServed], [[['memory', -STALE_MS]], 2])
  },
)

await t.test('a miss is counted when it’s known to be one, for each call, and never taken back', async t => {
  const clock = new FakeClock({ startMs: 10_000 })
  const asked: (() => void)[] = []
  const store = mapTier(clock)
  const far: RemoteTier = {
    ...store,
    async getMany(namespace, keys) {
      await new Promise<void>(resolve => asked.push(resolve))
      return keys.map(key => store.get(namespace, key))
    },
    async setMany(namespace, entries) {
      for (const { key, bytes, lifeMs } of entries) await store.set(namespace, key, bytes, lifeMs)
    },
    deleteMany: () => Promise.resolve(),
  }
  const answerAll = async () => {
    for (let turn = 0; turn < 5; turn++) {
      for (const answer of asked.splice(0)) answer()
      await nextTurn()
    }
  }
  const map = new LocalMachineMap()
  const [one, two] = [1, 2].map(seed => {
    const cache = createCache({ map, far }, {}, { clock, random: new SeededRandom(seed) })
    return cache.namespace<string>('values', {
      ttlMs: TTL_MS,
      staleWhileRevalidateMs: TTL_MS,
      jitter: 0,
      earlyRefresh: 0,
      load: () => 'value',
    })
  }) as [Namespace<string>, Namespace<string>]
  const seen = (values: Namespace<string>) => {
    const { hits, misses } = values.stats()
    return [hits.memory, hits.far, misses]
  }

  for (const [values, counts] of [
    [one, [0, 0, 3]],
    [two, [0, 3, 0]],
  ] as const) {
    const callers = [1, 2, 3].map(() => values.getOrLoad('a'))
    await nextTurn()
    t.strictSame(seen(values), [0, 0, 0], 'while the far tier is asked nobody knows')
    await answerAll()
    await Promise.all(callers)
    t.strictSame(seen(values), counts)
  }

  clock.advance(TTL_MS)
  await one.getOrLoad('a')
  await answerAll()
  await two.getOrLoad('a')
  await answerAll()
  t.equal(one.stats().loads, 2)
  t.equal(two.stats().loads, 0, 'it has found what the other has loaded')
  t.strictSame(
    [seen(one), seen(two)],
    [
      [1, 0, 3],
      [1, 3, 0],
    ],
    'a refresh counts for nobody',
  )
})

await t.test('a signal is asked for only where something has to be waited for', async t => {
  const { clock, process } = machine()
  const one = process()
  const two = process()
  let asked = 0
  const caller = {
    get signal() {
      asked++
      return new AbortController().signal
    },
  }
  await one.values.getOrLoad('a', () => 'value', caller)
  t.equal(asked, 1)
  await one.values.getOrLoad('a', () => 'value', caller)
  await two.values.getOrLoad('a', () => 'value', caller)
  clock.advance(TTL_MS + 1)
  await one.values.getOrLoad('a', fail, caller)
  t.equal(asked, 1, 'neither in memory, nor in the machine’s tier, nor for what’s stale')
})

await t.test('with copies, a new value that can’t be copied is a failed load: something older is given', async t => {
  const uncopyable = { a: () => 1 } as unknown as string
  for (const softTimeoutMs of [0, 5]) {
    const { clock, process } = machine({ values: 'copied', softTimeoutMs })
    const { told, values } = process()
    await told()
    clock.advance(TTL_MS + STALE_MS)
    const load = Promise.withResolvers<string>()
    const given = told(() => load.promise)
    load.resolve(uncopyable)
    t.strictSame(await given, [['memory', -STALE_MS]], 'and told of once')
    await t.rejects(values.getOrLoad('a'), 'the copy of what was kept is a rejection and not thrown')
  }
  const { told, values } = machine({ values: 'copied' }).process()
  t.strictSame(await told(() => uncopyable), [], 'with nothing older there’s nothing')
  await t.rejects(values.getOrLoad('b', () => uncopyable))
})
