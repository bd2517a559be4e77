// What the leak detector and its feed cost: `node packages/memory-optimizer/bench/leak-detector.ts`. Medians of repeated runs, in µs.
import { openGcFeed, type Collection } from '../src/gc/gc-feed.ts'
import { forcedCollection } from '../src/leak/forced-collection.ts'
import { createLeakDetector } from '../src/leak/leak-detector.ts'

const RUNS = 9
const MIB = 1_048_576

function print(name: string, us: number): void {
  process.stdout.write(`${name.padEnd(72)} ${us.toFixed(1).padStart(9)}\n`)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

function timeUs(call: () => void): number {
  const startMs = performance.now()
  call()
  return (performance.now() - startMs) * 1000
}

/** A detector that has seen 20,000 collections: all of its windows are full. */
function measureDetector(name: string, gapMs: number, growthMib: number): void {
  let nowMs = 0
  let live = 100
  let deliver: (collections: readonly Collection[]) => void = () => undefined
  const detector = createLeakDetector({
    clock: { now: () => nowMs },
    heapLimitBytes: () => 4096 * MIB,
    feed: {
      onCollections(listener) {
        deliver = listener
        return () => undefined
      },
      flush: () => undefined,
      close: () => undefined,
    },
  })
  const add = (): void => {
    nowMs += gapMs
    live += growthMib
    const heapUsedBytes = (live + 10 * Math.random()) * MIB
    deliver([
      {
        kind: 'major',
        atMs: nowMs,
        pauseMs: 5,
        heapUsedBytes,
        oldSpaceBytes: heapUsedBytes,
        externalBytes: MIB,
        externalFloorBytes: MIB * (1 + Math.random()),
      },
    ])
  }
  for (let index = 0; index < 20_000; index++) add()
  const each = Array.from({ length: RUNS }, () => {
    const totalUs = timeUs(() => {
      for (let index = 0; index < 1000; index++) add()
    })
    return totalUs / 1000
  })
  print(name, median(each))
  detector.close()
}

function measureFlush(collections: number): void {
  const collect = forcedCollection('minor')
  const feed = openGcFeed()
  let seen = 0
  feed.onCollections(told => void (seen += told.length))
  const each = Array.from({ length: RUNS }, () => {
    for (let index = 0; index < collections; index++) collect()
    return timeUs(() => feed.flush())
  })
  feed.close()
  if (seen < RUNS * collections) throw new Error(`The feed told ${seen} of ${RUNS * collections} collections.`)
  print(`one flush of the feed, ${collections} collections`, median(each))
}

/** What the profiler adds to each scavenge, by the difference of two runs that take turns. */
function measureProfiler(): void {
  const collect = forcedCollection('minor')
  const scavenges = (): number =>
    timeUs(() => {
      for (let index = 0; index < 500; index++) collect()
    }) / 500
  const without: number[] = []
  const recorded: number[] = []
  for (let run = 0; run < RUNS; run++) {
    without.push(scavenges())
    const feed = openGcFeed()
    recorded.push(scavenges())
    feed.close()
  }
  print('a forced scavenge of a small heap, not recorded', median(without))
  print('the same, recorded', median(recorded))
}

process.stdout.write(`Node ${process.version}, up for ${(performance.now() / 1000).toFixed(1)} s\n`)
measureDetector('a major collection within the spacing (two points, no trend)', 1, 0)
measureDetector('a major collection every 10 s (a point on every level that is due)', 10_000, 0)
measureDetector('the same while it grows (with the tests of the shape)', 10_000, 0.02)
for (const collections of [1, 16, 64, 256]) measureFlush(collections)
measureProfiler()
