import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { type Cache, createCache, type NamespaceOptions } from '../src/index.ts'

/** A cache of one process with a clock that stands still; jitter and early refresh are off unless a test is about them. */
function fixture<V>(options: NamespaceOptions<V> = {}) {
  const clock = new FakeClock({ startMs: 1_000 })
  const cache: Cache = createCache({}, {}, { clock, random: new SeededRandom(1) })
  const values = cache.namespace<V>('values', { jitter: 0, earlyRefresh: 0, ...options })
  return { clock, cache, values }
}

/** A loader that answers when the test says so. */
function heldLoader<V>() {
  const calls: { resolve(value: V): void; reject(error: Error): void; signal: AbortSignal }[] = []
  const load = ({ signal }: { signal: AbortSignal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<V>()
    calls.push({ resolve, reject, signal })
    return promise
  }
  const last = () => {
    const call = calls.at(-1)
    if (call === undefined) throw new Error('no load was begun')
    return call
  }
  return { calls, load, last }
}

await t.test('a value is loaded once and then served until its time is over', async t => {
  const { clock, values } = fixture<number>({ ttlMs: 1_000 })
  let loads = 0
  const load = () => ++loads
  t.equal(await values.getOrLoad('a', load), 1)
  clock.advance(999)
  t.equal(await values.getOrLoad('a', load), 1)
  t.equal(values.peek('a'), 1)
  clock.advance(1)
  t.equal(await values.getOrLoad('a', load), 2)
  t.match(values.stats(), { loads: 2, misses: 2, hits: { memory: 1 }, hitRatio: 1 / 3 })
})

await t.test('a call’s own TTL counts instead of the namespace’s', async t => {
  const { clock, values } = fixture<number>({ ttlMs: 1_000 })
  let loads = 0
  await values.getOrLoad('a', () => ++loads, { ttlMs: 10 })
  clock.advance(10)
  t.equal(await values.getOrLoad('a', () => ++loads), 2)
})

await t.test('callers of the same key share one load', async t => {
  const { values } = fixture<string>()
  const { calls, load, last } = heldLoader<string>()
  const callers = Array.from({ length: 1_000 }, () => values.getOrLoad('a', load))
  await nextTurn()
  t.equal(calls.length, 1)
  last().resolve('one')
  t.same(new Set(await Promise.all(callers)), new Set(['one']))
  t.match(values.stats(), { loads: 1, misses: 1_000, joins: 999, loading: 0 })
})

await t.test('a loader’s error reaches everybody who waits and is never kept', async t => {
  const { values } = fixture<string>()
  const error = new Error('no')
  const { load, last, calls } = heldLoader<string>()
  const callers = [values.getOrLoad('a', load), values.getOrLoad('a', load)]
  await nextTurn()
  last().reject(error)
  for (const caller of callers) await t.rejects(caller, error)
  const again = values.getOrLoad('a', load)
  await nextTurn()
  t.equal(calls.length, 2)
  last().resolve('yes')
  t.equal(await again, 'yes')
  t.match(values.stats(), { loadFailures: 1, loads: 2 })
})

await t.test('a loader that throws at once is one that rejects', async t => {
  const { values } = fixture<string>()
  const load = () => {
    throw new Error('at once')
  }
  await t.rejects(values.getOrLoad('a', load), { message: 'at once' })
  t.equal(values.stats().loading, 0)
})

await t.test('keys that are names of Object.prototype, empty, or ill-formed Unicode are keys like others', async t => {
  const { values } = fixture<string>()
  const keys = ['__proto__', 'constructor', 'hasOwnProperty', '', '\0', '\ud800', '\ud801', '\ufffd', '😀']
  for (const key of keys)
    t.equal(await values.getOrLoad(key, () => `value of ${JSON.stringify(key)}`), `value of ${JSON.stringify(key)}`)
  for (const key of keys) t.equal(values.peek(key), `value of ${JSON.stringify(key)}`)
})

await t.test(
  'an invalidation by key, tag, prefix, or of everything removes what it’s about and nothing else',
  async t => {
    const { cache, values } = fixture<number>()
    const other = cache.namespace<number>('other', { jitter: 0, earlyRefresh: 0 })
    let loads = 0
    const fill = async () => {
      for (const key of ['list:1', 'list:2', 'item:1'])
        await values.getOrLoad(key, () => ++loads, { tags: [`tag:${key}`, 'all'] })
      await other.getOrLoad('list:1', () => ++loads, { tags: ['tag:list:1'] })
    }
    const present = async () => {
      await nextTurn()
      return ['list:1', 'list:2', 'item:1']
        .filter(key => values.peek(key) !== undefined)
        .concat(other.peek('list:1') === undefined ? [] : 'other')
    }
    await fill()
    t.strictSame(await present(), ['list:1', 'list:2', 'item:1', 'other'])
    await values.delete('list:1')
    t.strictSame(await present(), ['list:2', 'item:1', 'other'])
    await fill()
    await cache.invalidateTags(['tag:list:1'])
    t.strictSame(await present(), ['list:2', 'item:1'])
    await fill()
    await values.invalidatePrefix('list:')
    t.strictSame(await present(), ['item:1', 'other'])
    await fill()
    await cache.invalidateTags(['all'])
    t.strictSame(await present(), ['other'])
    await fill()
    await values.clear()
    t.strictSame(await present(), ['other'])
    await fill()
    t.ok((await cache.clear()) > 0)
    t.strictSame(await present(), [])
  },
)

await t.test('what was read before an invalidation is never kept after it', async t => {
  for (const about of ['key', 'tag', 'derived tag', 'prefix', 'namespace'] as const) {
    const { cache, values } = fixture<string>({ tags: value => [`derived:${value}`] })
    const { calls, load, last } = heldLoader<string>()
    const slow = values.getOrLoad('key', load, { tags: ['tag'] })
    await nextTurn()
    if (about === 'key') await values.delete('key')
    if (about === 'tag') await cache.invalidateTags(['tag'])
    if (about === 'derived tag') await cache.invalidateTags(['derived:old'])
    if (about === 'prefix') await values.invalidatePrefix('ke')
    if (about === 'namespace') await values.clear()
    last().resolve('old')
    t.equal(await slow, 'old', `${about}: who asked before may get it`)
    t.equal(values.peek('key'), undefined, about)
    const after = values.getOrLoad('key', load, { tags: ['tag'] })
    await nextTurn()
    t.equal(calls.length, 2, about)
    last().resolve('new')
    t.equal(await after, 'new', about)
    t.equal(values.stats().overtaken, 1, about)
  }
})

await t.test('who asks after an invalidation doesn’t wait for a load that began before it', async t => {
  const { values } = fixture<string>()
  const { calls, load } = heldLoader<string>()
  const before = values.getOrLoad('key', load)
  await nextTurn()
  await values.delete('key')
  const after = values.getOrLoad('key', load)
  await nextTurn()
  t.equal(calls.length, 2)
  await values.delete('key')
  const afterAgain = values.getOrLoad('key', load)
  await nextTurn()
  t.equal(calls.length, 2, 'a third load waits: at most two of a key at a time')
  calls[1]?.resolve('second')
  t.equal(await after, 'second')
  await nextTurn()
  t.equal(calls.length, 3)
  calls[2]?.resolve('third')
  t.equal(await afterAgain, 'third')
  calls[0]?.resolve('first')
  t.equal(await before, 'first')
  t.equal(values.peek('key'), 'third', 'the oldest load came last and changed nothing')
})

await t.test('a stale value is served at once while one load replaces it', async t => {
  const { clock, values } = fixture<string>({ ttlMs: 100, staleWhileRevalidateMs: 50 })
  const { calls, load, last } = heldLoader<string>()
  await values.getOrLoad('a', () => 'old')
  clock.advance(149)
  t.equal(await values.getOrLoad('a', load), 'old')
  t.equal(await values.getOrLoad('a', load), 'old')
  await nextTurn()
  t.equal(calls.length, 1)
  last().resolve('new')
  await nextTurn()
  t.equal(await values.getOrLoad('a', load), 'new')
  t.match(values.stats(), { staleServed: 2, loads: 2 })
})

await t.test('a stale value whose refresh fails goes on being served until its window ends', async t => {
  const { clock, values } = fixture<string>({ ttlMs: 100, staleWhileRevalidateMs: 50 })
  await values.getOrLoad('a', () => 'old')
  clock.advance(120)
  const fail = () => Promise.reject(new Error('down'))
  t.equal(await values.getOrLoad('a', fail), 'old')
  await nextTurn()
  t.equal(await values.getOrLoad('a', fail), 'old')
  clock.advance(30)
  await t.rejects(values.getOrLoad('a', fail), { message: 'down' })
})

await t.test('an invalidated value isn’t served stale, neither at once nor for an error', async t => {
  const { clock, values } = fixture<string>({ ttlMs: 100, staleWhileRevalidateMs: 1_000, staleIfErrorMs: 1_000 })
  await values.getOrLoad('a', () => 'old')
  clock.advance(120)
  await values.delete('a')
  await t.rejects(
    values.getOrLoad('a', () => Promise.reject(new Error('down'))),
    { message: 'down' },
  )
})

await t.test('something older is served when the loader fails, within its window', async t => {
  const { clock, values } = fixture<string>({ ttlMs: 100, staleIfErrorMs: 400 })
  const fail = () => Promise.reject(new Error('down'))
  await values.getOrLoad('a', () => 'old')
  clock.advance(499)
  t.equal(await values.getOrLoad('a', fail), 'old')
  clock.advance(1)
  await t.rejects(values.getOrLoad('a', fail), { message: 'down' })
})

await t.test(
  'a caller waits no longer than the soft time-out when there’s something older; the load goes on',
  async t => {
    const { clock, values } = fixture<string>({ ttlMs: 100, staleIfErrorMs: 1_000, softTimeoutMs: 5 })
    await values.getOrLoad('a', () => 'old')
    clock.advance(200)
    const { load, last } = heldLoader<string>()
    t.equal(await values.getOrLoad('a', load), 'old')
    last().resolve('new')
    await nextTurn()
    t.equal(await values.getOrLoad('a', load), 'new')
  },
)

await t.test('a load that takes longer than the hard time-out is aborted, and says so', async t => {
  const { values } = fixture<string>({ hardTimeoutMs: 5 })
  const { load, last } = heldLoader<string>()
  await t.rejects(values.getOrLoad('a', load), { code: 'CACHE_ERR_LOAD_TIMEOUT' })
  t.equal(last().signal.aborted, true)
  last().resolve('too late')
  await nextTurn()
  t.equal(values.peek('a'), undefined)
  t.match(values.stats(), { loadTimeouts: 1, loadFailures: 1, loading: 0 })
})

await t.test('a caller that leaves doesn’t stop the load of others; the last one does', async t => {
  const { values } = fixture<string>()
  const { load, last, calls } = heldLoader<string>()
  const one = new AbortController()
  const two = new AbortController()
  const first = values.getOrLoad('a', load, { signal: one.signal })
  const second = values.getOrLoad('a', load, { signal: two.signal })
  await nextTurn()
  one.abort()
  await t.rejects(first, { code: 'CACHE_ERR_ABORTED' })
  t.equal(last().signal.aborted, false)
  two.abort()
  await t.rejects(second, { code: 'CACHE_ERR_ABORTED' })
  t.equal(last().signal.aborted, true)
  const third = values.getOrLoad('a', load)
  await nextTurn()
  t.equal(calls.length, 2, 'who comes after that gets a load of its own')
  last().resolve('value')
  t.equal(await third, 'value')
})

await t.test('a signal that has fired already is an answer', async t => {
  const { values } = fixture<string>()
  let loads = 0
  const gone = values.getOrLoad('a', () => `${++loads}`, { signal: AbortSignal.abort() })
  await t.rejects(gone, { code: 'CACHE_ERR_ABORTED' })
  t.equal(loads, 0)
})

await t.test('null and undefined are kept for their own, shorter time', async t => {
  for (const nothing of [null, undefined]) {
    const { clock, values } = fixture<string | null | undefined>({ negativeTtlMs: 50 })
    let loads = 0
    const load = () => {
      loads++
      return nothing
    }
    t.equal(await values.getOrLoad('a', load), nothing)
    t.equal(await values.getOrLoad('a', load), nothing)
    t.equal(loads, 1)
    clock.advance(50)
    await values.getOrLoad('a', load)
    t.equal(loads, 2)
  }
  const { values } = fixture<string | null>({ negativeTtlMs: 0 })
  let loads = 0
  for (let call = 0; call < 3; call++) await values.getOrLoad('a', () => (loads++, null))
  t.equal(loads, 3, 'and not at all with 0')
})

await t.test('values are frozen at any depth, copied, or shared, as chosen', async t => {
  const made = () => ({ list: [{ a: 1 }], at: new Date(5) })
  const frozen = await fixture<ReturnType<typeof made>>().values.getOrLoad('a', made)
  t.throws(() => frozen.list.push({ a: 2 }), TypeError)
  const { values: copied } = fixture<ReturnType<typeof made>>({ values: 'copied' })
  const first = await copied.getOrLoad('a', made)
  first.list.push({ a: 2 })
  const second = await copied.getOrLoad('a', made)
  t.strictSame(second, made())
  await nextTurn()
  t.not(copied.peek('a'), copied.peek('a'))
  const { values: shared } = fixture<ReturnType<typeof made>>({ values: 'shared' })
  const one = await shared.getOrLoad('a', made)
  one.list.push({ a: 2 })
  t.equal(await shared.getOrLoad('a', made), one)
})

await t.test('times are spread by the jitter, never beyond the TTL', async t => {
  const { clock, values } = fixture<number>({ ttlMs: 1_000, jitter: 0.5, memory: { maxEntries: 1_000 } })
  for (let key = 0; key < 200; key++) await values.getOrLoad(`${key}`, () => key)
  const left = async () => {
    await nextTurn()
    return Array.from({ length: 200 }, (_, key) => values.peek(`${key}`)).filter(value => value !== undefined).length
  }
  clock.advance(499)
  t.equal(await left(), 200)
  clock.advance(251)
  const inTheMiddle = await left()
  t.ok(inTheMiddle > 50 && inTheMiddle < 150, `${inTheMiddle} of 200 after three quarters`)
  clock.advance(250)
  t.equal(await left(), 0)
})

await t.test('a value that took long to load is refreshed before its time is over, by one caller', async t => {
  const { clock, values } = fixture<number>({ ttlMs: 10_000, earlyRefresh: 1 })
  let loads = 0
  const load = () => {
    clock.advance(500)
    return ++loads
  }
  await values.getOrLoad('a', load)
  let refreshedAtMs = 0
  for (let at = 0; at < 9_900; at += 10) {
    clock.advance(10)
    await values.getOrLoad('a', load)
    await nextTurn()
    refreshedAtMs = at
    if (values.stats().loads > 1) break
  }
  t.equal(loads, 2)
  t.ok(refreshedAtMs > 2_000, `${refreshedAtMs} ms: not at once`)
  t.equal(values.stats().earlyRefreshes, 1)
})

await t.test('a load runs in nobody’s AsyncLocalStorage context', async t => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const { values } = fixture<unknown>()
  const context = new AsyncLocalStorage<string>()
  const seen = await context.run('a request', () => values.getOrLoad('a', () => context.getStore() ?? 'none'))
  t.equal(seen, 'none')
  await context.run('another', async () => {
    await values.getOrLoad('b', () => 1)
    t.equal(context.getStore(), 'another')
  })
})

await t.test('set puts a value there, and what was loading before doesn’t replace it', async t => {
  const { values } = fixture<string>()
  const { load, last } = heldLoader<string>()
  const slow = values.getOrLoad('a', load)
  await nextTurn()
  await values.set('a', 'set')
  last().resolve('loaded')
  await slow
  t.equal(await values.getOrLoad('a', load), 'set')
})

await t.test(
  'at most so many entries and bytes are kept, the least recently used go, and the reason is counted',
  async t => {
    const { values } = fixture<string>({ memory: { maxEntries: 3, maxBytes: 2_000 } })
    for (const key of ['a', 'b', 'c']) await values.getOrLoad(key, () => key)
    await values.getOrLoad('a', () => 'again')
    await values.getOrLoad('d', () => 'd')
    t.equal(values.peek('b'), undefined)
    t.equal(values.peek('a'), 'a')
    await values.getOrLoad('e', () => 'x'.repeat(1_300))
    t.ok(values.stats().bytes <= 2_000)
    await values.getOrLoad('f', () => 'x'.repeat(5_000))
    t.equal(values.peek('f'), undefined, 'larger than the whole budget')
    t.match(values.stats().evictions, { entries: 2, bytes: Number })
  },
)

await t.test('others can hold the memory to a share of its budget, and learn what that freed', async t => {
  const { cache, values } = fixture<string>({ memory: { maxEntries: 1_000, maxBytes: 100_000 } })
  for (let key = 0; key < 50; key++) await values.getOrLoad(`${key}`, () => 'x'.repeat(1_000))
  const before = cache.memoryBytes
  const freed = cache.limitMemory(0.25)
  t.equal(cache.memoryBytes, before - freed)
  t.ok(cache.memoryBytes <= 25_000)
  t.equal(values.peek('49')?.length, 1_000, 'the most recently used stay')
  await values.getOrLoad('new', () => 'x'.repeat(10_000))
  t.ok(cache.memoryBytes <= 25_000, 'until it’s called again')
  t.equal(cache.limitMemory(1), 0)
  for (let key = 0; key < 50; key++) await values.getOrLoad(`${key}`, () => 'x'.repeat(1_000))
  t.ok(cache.memoryBytes > 25_000)
})

await t.test('options that make no sense are refused by name', t => {
  const { cache } = fixture()
  const refused = (options: object, message: RegExp) =>
    t.throws(() => cache.namespace('bad', options), { code: 'CACHE_ERR_OPTION', message })
  refused({ ttlMs: 0 }, /ttlMs/)
  refused({ ttl: 5 }, /no option "ttl"/)
  refused({ softTimeoutMs: 20_000 }, /softTimeoutMs \(20000\).*hardTimeoutMs/)
  refused({ kind: 'strict', boundMs: 5 }, /boundMs/)
  refused({ memory: { maxEntries: 1.5e9 } }, /memory\.maxEntries/)
  t.throws(() => cache.namespace('values'), { code: 'CACHE_ERR_OPTION' }, 'a name twice')
  t.throws(() => cache.namespace('with space'), { code: 'CACHE_ERR_OPTION' })
  t.end()
})

await t.test('a call without a loader uses the namespace’s, and says so when there’s none', async t => {
  const { values } = fixture<string>({ load: ({ key }) => `loaded ${key}` })
  t.equal(await values.getOrLoad('a'), 'loaded a')
  await t.rejects(fixture<string>().values.getOrLoad('a'), { code: 'CACHE_ERR_OPTION' })
})

await t.test(
  'many keys are loaded by one call, each of them once, and those without a value are remembered',
  async t => {
    const { values } = fixture<string>()
    const asked: (readonly string[])[] = []
    const load = (keys: readonly string[]) => {
      asked.push(keys)
      return Promise.resolve(new Map(keys.filter(key => key !== 'none').map(key => [key, `value of ${key}`])))
    }
    await values.getOrLoad('a', () => 'here already')
    const { load: slow, last } = heldLoader<string>()
    const underway = values.getOrLoad('slow', slow)
    await nextTurn()
    const many = values.getMany(['a', 'b', 'c', 'b', 'none', 'slow'], load)
    last().resolve('of another call')
    t.strictSame(
      await many,
      new Map([
        ['a', 'here already'],
        ['slow', 'of another call'],
        ['b', 'value of b'],
        ['c', 'value of c'],
      ]),
    )
    await underway
    t.strictSame(asked, [['b', 'c', 'none']])
    await values.getMany(['none', 'b'], load)
    t.equal(asked.length, 1)
  },
)

await t.test(
  'a call for many fails as a whole when the loader does, and its signal fires when all have left',
  async t => {
    const { values } = fixture<string>()
    await t.rejects(
      values.getMany(['a', 'b'], () => {
        throw new Error('at once')
      }),
      { message: 'at once' },
    )
    const leaving = new AbortController()
    let aborted: AbortSignal | undefined
    const many = values.getMany(
      ['a', 'b'],
      (_keys, { signal }) => {
        aborted = signal
        return new Promise<Map<string, string>>(() => undefined)
      },
      { signal: leaving.signal },
    )
    await nextTurn()
    await nextTurn()
    t.equal(aborted?.aborted, false)
    leaving.abort()
    await t.rejects(many, { code: 'CACHE_ERR_ABORTED' })
    t.equal(aborted?.aborted, true)
  },
)
