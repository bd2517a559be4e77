import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import type { Collection, GcFeed } from '../../src/gc/gc-feed.ts'
import { readHeapLimit } from '../../src/limits/heap-limit.ts'
import { createLeakDetector, type LeakDetectorOptions, type LeakVerdict } from '../../src/leak/leak-detector.ts'

const MIB = 1_048_576
const MINUTE_MS = 60_000

/** A feed that tells what the test says: major collections, a minute apart. */
class ScriptedFeed implements GcFeed {
  nowMs = 0
  readonly #listeners = new Set<(collections: readonly Collection[]) => void>()

  get listeners(): number {
    return this.#listeners.size
  }

  onCollections(listener: (collections: readonly Collection[]) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  major(heapMib: number, externalMib = 1): Collection {
    this.nowMs += MINUTE_MS
    return {
      kind: 'major',
      atMs: this.nowMs,
      pauseMs: 5,
      heapUsedBytes: heapMib * MIB,
      oldSpaceBytes: heapMib * MIB,
      externalBytes: 10 * externalMib * MIB,
      externalFloorBytes: externalMib * MIB,
    }
  }

  tell(...collections: Collection[]): void {
    for (const listener of this.#listeners) listener(collections)
  }

  flush(): void {}

  close(): void {}
}

function detectorOf(options: Partial<LeakDetectorOptions> = {}) {
  const feed = new ScriptedFeed()
  const detector = createLeakDetector({
    feed,
    clock: { now: () => feed.nowMs },
    heapLimitBytes: () => 500 * MIB,
    externalLimitBytes: () => 1000 * MIB,
    ...options,
  })
  return { feed, detector }
}

await t.test('a leak of the heap is told once, with the advice that its time left asks for', async t => {
  const { feed, detector } = detectorOf()
  const told: LeakVerdict[] = []
  detector.onVerdict(verdict => void told.push(verdict))
  for (let index = 0; index < 66; index++) feed.tell(feed.major(100 + 3 * index))
  t.match(
    told.map(({ kind, memory, advice }) => `${kind} ${memory} ${advice}`),
    [/^leak heap recycle$/],
  )
  t.equal(detector.verdict().external.kind, 'steady')
  detector.close()
  t.equal(feed.listeners, 0)
})

await t.test('a leak whose limit is far is a warning, and changing that is told', async t => {
  const { feed, detector } = detectorOf({ recycleHorizonMs: 100 * MINUTE_MS })
  const told: string[] = []
  detector.onVerdict(({ kind, advice }) => void told.push(`${kind} ${advice}`))
  for (let index = 0; index < 120; index++) feed.tell(feed.major(100 + 3 * index))
  t.same(told, ['leak warn', 'leak recycle'])
  detector.close()
})

await t.test('buffers that are retained are told as a leak of external memory', async t => {
  const { feed, detector } = detectorOf()
  for (let index = 0; index < 66; index++) feed.tell(feed.major(100, 20 + 8 * index))
  t.match(detector.verdict(), { kind: 'leak', memory: 'external', advice: 'recycle', limitBytes: 1000 * MIB })
  t.equal(detector.verdict().heap.kind, 'steady')
  detector.close()
})

await t.test(
  'what a registered cache holds is no leak, and is again what counts when its account is taken back',
  async t => {
    const { feed, detector } = detectorOf()
    let cachedMib = 0
    const takeBack = detector.account('courses', () => cachedMib * MIB)
    for (; cachedMib < 200; cachedMib += 3) feed.tell(feed.major(100 + cachedMib))
    t.equal(detector.verdict().kind, 'steady')
    t.same(detector.accounts(), [{ name: 'courses', memory: 'heap', bytes: 198 * MIB, failed: false }])
    takeBack()
    t.same(detector.accounts(), [])
    detector.close()
  },
)

await t.test('several collections of one flush share the account by their time', async t => {
  const { feed, detector } = detectorOf()
  let cachedMib = 0
  detector.account('courses', () => cachedMib * MIB)
  for (let batch = 0; batch < 10; batch++) {
    const collections = Array.from({ length: 8 }, () => {
      cachedMib += 3
      return feed.major(100 + cachedMib)
    })
    feed.tell(...collections)
  }
  const { slopeMibPerMinute, kind } = detector.verdict()
  t.equal(kind, 'steady')
  t.ok(Math.abs(slopeMibPerMinute) < 1e-9)
  detector.close()
})

await t.test('an account that fails keeps its last figure and says so', async t => {
  const { feed, detector } = detectorOf()
  const figures: (number | Error)[] = [5 * MIB, new Error('closed'), Number.NaN, -1, 7 * MIB]
  detector.account('sessions', () => {
    const figure = figures.shift() ?? 0
    if (figure instanceof Error) throw figure
    return figure
  })
  const seen: unknown[] = []
  while (figures.length > 0) {
    feed.tell(feed.major(100))
    seen.push(detector.accounts().map(({ bytes, failed }) => [bytes / MIB, failed])[0])
  }
  t.same(seen, [
    [5, false],
    [5, true],
    [5, true],
    [5, true],
    [7, false],
  ])
  detector.close()
})

await t.test('a listener that throws silences no other, and limits that throw stay what they were', async t => {
  const errors: string[] = []
  let broken = false
  const limit = (name: string, mib: number) => (): number => {
    if (broken) throw new Error(name)
    return mib * MIB
  }
  const { feed, detector } = detectorOf({
    heapLimitBytes: limit('heap', 500),
    externalLimitBytes: limit('external', 1000),
    onError: error => void errors.push((error as Error).message),
  })
  const told: string[] = []
  detector.onVerdict(() => {
    throw new Error('mistaken')
  })
  detector.onVerdict(({ kind }) => void told.push(kind))
  feed.tell(feed.major(100))
  broken = true
  feed.tell(feed.major(103))
  t.same(errors.splice(0), ['heap', 'external'])
  const { heap, external } = detector.verdict()
  t.same([heap.limitBytes, external.limitBytes], [500 * MIB, 1000 * MIB])
  broken = false
  for (let index = 2; index < 66; index++) feed.tell(feed.major(100 + 3 * index))
  t.same(told, ['leak'])
  t.same(errors, ['mistaken'], 'nobody is told twice')
  detector.close()
})

await t.test("the heap's limit is the old space's, as far as nobody says another", async t => {
  const feed = new ScriptedFeed()
  const detector = createLeakDetector({ feed })
  feed.tell(feed.major(100))
  t.equal(detector.verdict().heap.limitBytes, readHeapLimit().oldSpaceLimitBytes)
  detector.close()
})

await t.test('one that is refused leaves neither a subscription nor a timer', async t => {
  const feed = new ScriptedFeed()
  const clock = new FakeClock()
  t.throws(() => createLeakDetector({ feed, timers: clock, collectWhenIdle: { intervalMs: 999 } }), RangeError)
  t.same([feed.listeners, clock.pending], [0, 0])
})

await t.test('scavenges alone tell nothing', async t => {
  const { feed, detector } = detectorOf()
  for (let index = 0; index < 100; index++) feed.tell({ ...feed.major(100 + 3 * index), kind: 'minor' })
  t.match(detector.verdict(), { kind: 'gathering', advice: 'none', collections: 0 })
  detector.close()
})

await t.test('options out of range, and a name used twice, are refused by name', async t => {
  for (const [name, value] of Object.entries({
    minWindowMs: 1,
    minCollections: 5,
    minGrowthShare: 2,
    minGrowthMib: -1,
    recycleHorizonMs: Number.NaN,
    warnHorizonMs: 1000,
  })) {
    t.throws(() => detectorOf({ [name]: value }), { name: 'RangeError', message: new RegExp(name) })
  }
  const { detector } = detectorOf()
  detector.account('courses', () => 0)
  t.throws(() => detector.account('courses', () => 0), RangeError)
  detector.close()
})
