// Tells its listeners of every garbage collection of this process: kind, pause, and what was in use after it.
//
// It stands on v8.GCProfiler, the only source with exact figures per collection (the performance observer's entries have no heap figures and come late).
// The profiler keeps its records, about 4 KiB each, until it's stopped, and parsing one costs about as much as ten scavenges' bookkeeping. Therefore
// * it's stopped every 30 s at the latest, sooner the more collections there are, so that one flush parses about 64 records and stalls for about a millisecond;
// * two profilers take turns and overlap: the next one starts before the last one stops, since what the last one returns is parsed, which can itself collect.
//   Nothing is lost; a collection in the microseconds of the overlap would be told twice. (Telling equal ones apart from doubles isn't possible: forced
//   collections of an idle process have the same figures.)
//
// Records carry no time. The collections of one flush are spread evenly over the time since the flush before, so `atMs` is off by less than that interval; their
// order is exact.
//
// What V8 counts as external memory still includes the buffers that the collection has just found dead: they're swept and subtracted afterwards. The lowest
// count from one major collection to the next is what was live, hence `externalFloorBytes`.
import { GCProfiler } from 'node:v8'
import { errorReporter } from '../error-report.ts'
import { Listeners } from '../listeners.ts'

/** One garbage collection. */
export interface Collection {
  /** `minor`: scavenge. `major`: mark, sweep, compact; the only kind after which the heap in use is the live heap. `other`: steps of marking, weak callbacks. */
  readonly kind: 'minor' | 'major' | 'other'
  /** When it was, by the feed's clock, in milliseconds; estimated between two flushes. */
  readonly atMs: number
  /** How long the process stood still for it. */
  readonly pauseMs: number
  /** Bytes of the heap in use after it, all spaces. */
  readonly heapUsedBytes: number
  /** Bytes in use in the old space and in its large objects after it. */
  readonly oldSpaceBytes: number
  /** V8's count of memory outside of the heap (buffers too) after it; those that it has found dead are still counted. */
  readonly externalBytes: number
  /** The lowest of these counts since the major collection before this one: live external memory, as far as it can be known. */
  readonly externalFloorBytes: number
}

interface Timers {
  setTimeout(callback: () => void, delayMs: number): { unref(): unknown }
  clearTimeout(timer: unknown): void
}

/** A source of `Collection`s; open one per process and share it. */
export interface GcFeed {
  /** Calls `listener` with the collections of each flush, oldest first, never with none. Gives the function that ends it. */
  onCollections(listener: (collections: readonly Collection[]) => void): () => void
  /** Tells what has been collected up to now, without waiting for the timer. What a listener throws goes to `onError`. */
  flush(): void
  /** Stops the profiler and the timer; what wasn't flushed isn't told. Twice is once. */
  close(): void
}

/** What the feed reads of a profile of v8.GCProfiler. */
export interface GcProfile {
  readonly statistics: readonly GcRecord[]
}

interface GcRecord {
  readonly gcType: string
  /** In microseconds. */
  readonly cost: number
  readonly afterGC: {
    readonly heapStatistics: { readonly usedHeapSize: number; readonly externalMemory: number }
    readonly heapSpaceStatistics: readonly { readonly spaceName: string; readonly spaceUsedSize: number }[]
  }
}

interface Profiler {
  start(): void
  /** Undefined when it wasn't started. */
  stop(): GcProfile | undefined
}

export interface GcFeedOptions {
  /** Gives `atMs`, in milliseconds. Default: `performance`. */
  readonly clock?: { now(): number }
  /** Default: Node's. The timer is unref'd. */
  readonly timers?: Timers
  /** The longest time between two flushes, in milliseconds; at least 10. Default 30,000. */
  readonly flushIntervalMs?: number
  /** Gets what listeners throw, and the profiler in the timer's turn; neither ends the process. Default: a process warning. */
  readonly onError?: (error: unknown) => void
  /** Makes the two profilers. Default: v8.GCProfiler's. */
  readonly createProfiler?: () => Profiler
}

const FLUSH_INTERVAL_MS = 30_000
const SHORTEST_INTERVAL_MS = 250
const RECORDS_PER_FLUSH = 64
const OLD_SPACES: ReadonlySet<string> = new Set(['old_space', 'large_object_space'])

/**
 * Starts to record the garbage collections of this process.
 * @throws RangeError when `flushIntervalMs` is under 10 or no number.
 */
export function openGcFeed(options: GcFeedOptions = {}): GcFeed {
  const {
    clock = performance,
    flushIntervalMs = FLUSH_INTERVAL_MS,
    createProfiler = (): Profiler => new GCProfiler(),
  } = options
  if (!(flushIntervalMs >= 10)) {
    throw new RangeError(`The garbage collection feed's flushIntervalMs is ${flushIntervalMs}: give at least 10 ms.`)
  }
  const timers: Timers = options.timers ?? { setTimeout, clearTimeout }
  const report = errorReporter(options.onError)
  const listeners = new Listeners<readonly Collection[]>(report)
  let running = createProfiler()
  let resting = createProfiler()
  let recordsSinceTimer = 0
  let flushedAtMs = clock.now()
  let floorBytes = Number.POSITIVE_INFINITY
  let closed = false
  let telling = false
  let timer: { unref(): unknown } | undefined

  const read = (records: readonly GcRecord[], fromMs: number, toMs: number): Collection[] =>
    records.map((record, index) => {
      const kind = kindOf(record.gcType)
      const { usedHeapSize, externalMemory } = record.afterGC.heapStatistics
      const externalFloorBytes = Math.min(floorBytes, externalMemory)
      floorBytes = kind === 'major' ? Number.POSITIVE_INFINITY : externalFloorBytes
      let oldSpaceBytes = 0
      for (const space of record.afterGC.heapSpaceStatistics) {
        if (OLD_SPACES.has(space.spaceName)) oldSpaceBytes += space.spaceUsedSize
      }
      return {
        kind,
        atMs: fromMs + ((toMs - fromMs) * (index + 1)) / (records.length + 1),
        pauseMs: record.cost / 1000,
        heapUsedBytes: usedHeapSize,
        oldSpaceBytes,
        externalBytes: externalMemory,
        externalFloorBytes,
      }
    })

  const flush = (): void => {
    resting.start()
    const records = running.stop()?.statistics ?? []
    ;[running, resting] = [resting, running]
    const fromMs = flushedAtMs
    flushedAtMs = clock.now()
    recordsSinceTimer += records.length
    if (records.length === 0) return
    telling = true
    listeners.tell(read(records, fromMs, flushedAtMs))
    telling = false
  }

  const schedule = (delayMs: number): void => {
    recordsSinceTimer = 0
    timer = timers.setTimeout(() => {
      try {
        flush()
      } catch (error) {
        report(error)
      }
      if (!closed) schedule(nextDelayMs(delayMs, recordsSinceTimer, flushIntervalMs))
    }, delayMs)
    timer.unref()
  }

  running.start()
  // Short at first: how much this process collects isn't known yet.
  schedule(Math.min(flushIntervalMs, 1000))

  return {
    onCollections: listener => listeners.add(listener),
    flush() {
      // A listener that flushes would tell the listeners after it of newer collections before the older ones.
      if (!closed && !telling) flush()
    },
    close() {
      if (closed) return
      closed = true
      listeners.clear()
      if (timer !== undefined) timers.clearTimeout(timer)
      running.stop()
    },
  }
}

function kindOf(gcType: string): Collection['kind'] {
  switch (gcType) {
    case 'MarkSweepCompact': {
      return 'major'
    }
    case 'Scavenge':
    case 'MinorMarkCompact':
    case 'MinorMarkSweep': {
      return 'minor'
    }
    default: {
      return 'other'
    }
  }
}

/** The delay after which about 64 records are there, at the rate of the last interval; at most twice that interval, since idle processes wake up. */
function nextDelayMs(lastDelayMs: number, records: number, longestMs: number): number {
  const delayMs = Math.min(2 * lastDelayMs, (lastDelayMs * RECORDS_PER_FLUSH) / records)
  return Math.min(longestMs, Math.max(SHORTEST_INTERVAL_MS, delayMs))
}
