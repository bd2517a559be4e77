import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { openGcFeed, type Collection, type GcProfile } from '../../src/gc/gc-feed.ts'
import { forcedCollection } from '../../src/leak/forced-collection.ts'

const MIB = 1_048_576

interface Recorded {
  readonly type?: string
  readonly usedMib?: number
  readonly externalMib?: number
}

function profile(...records: Recorded[]): GcProfile {
  return {
    statistics: records.map(({ type = 'MarkSweepCompact', usedMib = 10, externalMib = 1 }) => ({
      gcType: type,
      cost: 1500,
      afterGC: {
        heapStatistics: { usedHeapSize: usedMib * MIB, externalMemory: externalMib * MIB },
        heapSpaceStatistics: [
          { spaceName: 'new_space', spaceUsedSize: 1 * MIB },
          { spaceName: 'old_space', spaceUsedSize: 6 * MIB },
          { spaceName: 'large_object_space', spaceUsedSize: 2 * MIB },
        ],
      },
    })),
  }
}

/** A feed whose profilers give the profiles of a list, and note what is done to them. */
function scripted(profiles: (GcProfile | Error)[], flushIntervalMs = 30_000) {
  const clock = new FakeClock({ startMs: 1000 })
  const calls: string[] = []
  const errors: unknown[] = []
  let made = 0
  const feed = openGcFeed({
    clock,
    timers: clock,
    flushIntervalMs,
    onError: error => void errors.push(error),
    createProfiler: () => {
      const name = made++ === 0 ? 'a' : 'b'
      return {
        start: () => void calls.push(`start ${name}`),
        stop: () => {
          calls.push(`stop ${name}`)
          const next = profiles.shift() ?? profile()
          if (next instanceof Error) throw next
          return next
        },
      }
    },
  })
  const told: (readonly Collection[])[] = []
  const leave = feed.onCollections(collections => void told.push(collections))
  return { clock, calls, errors, feed, told, leave }
}

await t.test(
  'a collection of each kind is told with its figures, spread over the time since the last flush',
  async t => {
    const { clock, feed, told } = scripted([
      profile({ type: 'Scavenge', usedMib: 30 }, { type: 'IncrementalMarking' }, { usedMib: 20, externalMib: 4 }),
    ])
    clock.advance(400)
    feed.flush()
    t.same(
      told.flat().map(({ kind, atMs, heapUsedBytes }) => [kind, atMs, heapUsedBytes / MIB]),
      [
        ['minor', 1100, 30],
        ['other', 1200, 10],
        ['major', 1300, 20],
      ],
    )
    t.match(told[0]?.[2], { pauseMs: 1.5, oldSpaceBytes: 8 * MIB, externalBytes: 4 * MIB })
    feed.close()
  },
)

await t.test('the floor of external memory is the lowest count since the major collection before', async t => {
  const { feed, told } = scripted([
    profile(
      { externalMib: 40 },
      { type: 'Scavenge', externalMib: 5 },
      { type: 'Scavenge', externalMib: 25 },
      { externalMib: 45 },
    ),
    profile({ type: 'Scavenge', externalMib: 6 }, { externalMib: 50 }, { externalMib: 50 }),
  ])
  feed.flush()
  feed.flush()
  const majors = told.flat().filter(({ kind }) => kind === 'major')
  t.same(
    majors.map(({ externalFloorBytes }) => externalFloorBytes / MIB),
    [40, 5, 6, 50],
  )
  feed.close()
})

await t.test('the next profiler starts before the last one stops, so that nothing falls between them', async t => {
  const { feed, calls } = scripted([])
  feed.flush()
  feed.flush()
  feed.close()
  feed.close()
  t.same(calls, ['start a', 'start b', 'stop a', 'start a', 'stop b', 'stop a'])
})

await t.test('it flushes by itself: ever later while little is collected, soon when much is', async t => {
  const { clock, calls, feed } = scripted([
    profile(),
    profile(),
    profile(),
    profile(),
    profile(),
    profile(...Array.from({ length: 640 }, () => ({}))),
  ])
  const flushes = (): number => calls.filter(call => call.startsWith('stop')).length
  // After 1, 2, 4, 8 and 16 s, then 30 s.
  clock.advance(31_000)
  t.equal(flushes(), 5)
  clock.advance(29_000)
  t.equal(flushes(), 5)
  clock.advance(1000)
  t.equal(flushes(), 6)
  // 640 in 30 s: 64 come in 3 s.
  clock.advance(2999)
  t.equal(flushes(), 6)
  clock.advance(1)
  t.equal(flushes(), 7)
  feed.close()
  t.equal(clock.pending, 0)
})

await t.test(
  'a listener that throws silences no other and ends nothing, by the timer or by hand, and is told',
  async t => {
    const { clock, errors, feed, told } = scripted([profile({}), profile({})])
    feed.onCollections(() => {
      throw new Error('mistaken')
    })
    const after: number[] = []
    feed.onCollections(collections => void after.push(collections.length))
    feed.flush()
    clock.advance(1000)
    t.equal(told.length, 2)
    t.same(after, [1, 1])
    t.match(errors, [{ message: 'mistaken' }, { message: 'mistaken' }])
    feed.close()
  },
)

await t.test(
  'a profiler that fails in the timer’s turn is told, and the next turn comes; by hand it throws',
  async t => {
    const { clock, errors, feed, told } = scripted([new Error('no profile'), profile({}), new Error('nor now')])
    clock.advance(1000)
    t.match(errors, [{ message: 'no profile' }])
    clock.advance(2000)
    t.equal(told.length, 1)
    t.throws(() => feed.flush(), { message: 'nor now' })
    feed.close()
  },
)

await t.test('who left, and a closed feed, tell nothing', async t => {
  const { feed, told, leave, calls } = scripted([profile({}), profile({})])
  leave()
  feed.flush()
  feed.close()
  const before = calls.length
  feed.flush()
  t.same(told, [])
  t.equal(calls.length, before)
})

await t.test('an interval that is none is refused', async t => {
  for (const flushIntervalMs of [0, 9, Number.NaN]) t.throws(() => openGcFeed({ flushIntervalMs }), RangeError)
})

await t.test('of this very process, every forced collection is told exactly once, across flushes', async t => {
  const collect = forcedCollection()
  const feed = openGcFeed()
  t.teardown(() => feed.close())
  const pausesMs: number[] = []
  feed.onCollections(collections => {
    for (const { kind, pauseMs, heapUsedBytes } of collections) {
      if (kind === 'major' && heapUsedBytes > 0) pausesMs.push(pauseMs)
    }
  })
  for (let round = 1; round <= 12; round++) {
    collect()
    if (round % 3 === 0) feed.flush()
  }
  feed.flush()
  // V8 may add one of its own, though hardly in so short a time.
  t.ok(pausesMs.length >= 12 && pausesMs.length <= 13, `${pausesMs.length} were told`)
  t.ok(pausesMs.every(pauseMs => pauseMs > 0))
})

await t.test(
  'memory of buffers appears in the floor while they are kept, and leaves it when they are dropped',
  async t => {
    const collect = forcedCollection()
    const feed = openGcFeed()
    t.teardown(() => feed.close())
    let last: Collection | undefined
    feed.onCollections(collections => {
      last = collections.findLast(({ kind }) => kind === 'major')
    })
    const settled = (): number => {
      // The first collection finds what is dead; the second sees what the first has swept.
      for (let round = 0; round < 3; round++) {
        collect()
        feed.flush()
      }
      return (last?.externalFloorBytes ?? Number.NaN) / MIB
    }
    const before = settled()
    let kept = Array.from({ length: 64 }, () => Buffer.alloc(MIB))
    t.ok(settled() - before > 60, 'kept')
    t.equal(kept.length, 64)
    kept = []
    t.ok(Math.abs(settled() - before) < 4, 'dropped')
  },
)
