// Watches what is left after each major collection and says whether this process leaks, how fast, how sure that is, and when the limit will be reached.
//
//   gc feed ─► major collections ─┬─ heap in use, less what registered accounts hold ──► track ─┐
//                                 └─ external memory (low water mark), less accounts ──► track ─┴─► verdict ─► listeners, when it changes
//
// The two are told apart because their limits differ: buffers live outside of the heap, no heap limit stops them, the container's does.
//
// Nothing happens per request. Per major collection two points are stored; a trend costs about 0.1 ms and is taken once per `minWindowMs` / 64 at most (10 s by
// default). Memory is bounded: 640 points a track.
import { totalmem } from 'node:os'
import { errorReporter } from '../error-report.ts'
import type { Collection, GcFeed } from '../gc/gc-feed.ts'
import { readHeapLimit } from '../limits/heap-limit.ts'
import { Listeners } from '../listeners.ts'
import { collectWhileIdle, type IdleCollectionOptions, type IntervalTimers } from './idle-collection.ts'
import { LeakTrack, type TrackVerdict } from './leak-track.ts'

export type TrackedMemory = 'heap' | 'external'

/** What's to be done: nothing, have a look, or replace the process while there's time. */
export type LeakAdvice = 'none' | 'warn' | 'recycle'

/** The verdict on the process: that of the memory which is worse off, and both. */
export interface LeakVerdict extends TrackVerdict {
  /** The memory that the verdict is about. */
  readonly memory: TrackedMemory
  /** `recycle` for a leak that reaches its limit within `recycleHorizonMs`, `warn` for a slower one, else `none`. */
  readonly advice: LeakAdvice
  readonly heap: TrackVerdict
  readonly external: TrackVerdict
}

export interface LeakDetectorOptions {
  /** Where collections come from; the detector doesn't close it. */
  readonly feed: GcFeed
  /** The heap's limit, in bytes. Default: that of the old space, in which alone memory is retained, as `readHeapLimit` finds it. One that throws leaves the last figure. */
  readonly heapLimitBytes?: () => number
  /** The limit of memory outside of the heap, in bytes. Default: the container's or the machine's memory less the heap in use. One that throws leaves the last figure. */
  readonly externalLimitBytes?: () => number
  /**
   * What the live heap follows, such as requests in flight or per second: its share is taken out before a trend is seen. It should be something that a leak
   * doesn't itself raise; utilisation isn't. Default: none.
   */
  readonly load?: () => number
  /** A leak that reaches its limit sooner than this is to be recycled, in milliseconds. Default 6 hours. */
  readonly recycleHorizonMs?: number
  /** Growth that needs longer than this to the limit isn't called a leak, in milliseconds; at least `recycleHorizonMs`. Default 7 days. */
  readonly warnHorizonMs?: number
  /** No verdict before this much time has been watched, and no window is shorter, in milliseconds; at least 100. Default 10 minutes. */
  readonly minWindowMs?: number
  /** No verdict before so many collections (or spacings with a collection) have been seen, 16-64. Default 24. */
  readonly minCollections?: number
  /** A window must have used up this share of the room below the limit to be a leak, 0-1. More: fewer caches that fill are taken for leaks. Default 0.1. */
  readonly minGrowthShare?: number
  /** And it must have grown by this much, in MiB. Default 1. */
  readonly minGrowthMib?: number
  /** Forces a collection in a process that is idle, since one that hardly collects can't be judged. Default: false. */
  readonly collectWhenIdle?: boolean | IdleCollectionOptions
  /** Gets what listeners and the functions above throw; nothing of it ends the process. Default: a process warning. */
  readonly onError?: (error: unknown) => void
  /** In milliseconds, the same as the feed's. Default: `performance`. */
  readonly clock?: { now(): number }
  /** For idle collections. Default: Node's. */
  readonly timers?: IntervalTimers
}

/** An account's last figure. */
export interface Account {
  readonly name: string
  readonly memory: TrackedMemory
  readonly bytes: number
  /** Its function threw or gave no number at the last collection; `bytes` is from before. */
  readonly failed: boolean
}

export interface LeakDetector {
  /** What is known now. */
  verdict(): LeakVerdict
  /** Calls `listener` when the kind, the advice or the memory of the verdict has changed. Gives the function that ends it. */
  onVerdict(listener: (verdict: LeakVerdict) => void): () => void
  /**
   * Registers something that holds memory on purpose, such as a cache: `bytes` says how much, and its growth is no leak. It's called once per flush of the feed
   * and should be cheap. Gives the function that takes it back.
   * @throws RangeError for a name that is registered.
   */
  account(name: string, bytes: () => number, memory?: TrackedMemory): () => void
  accounts(): readonly Account[]
  close(): void
}

interface OpenAccount {
  readonly name: string
  readonly memory: TrackedMemory
  readonly read: () => number
  bytes: number
  failed: boolean
}

const nodeTimers: IntervalTimers = {
  setInterval,
  clearInterval: timer => clearInterval(timer as NodeJS.Timeout),
}
const MS_PER_MINUTE = 60_000
const MS_PER_HOUR = 3_600_000
const KIND_RANKS = { gathering: 0, steady: 1, 'warming-up': 2, leak: 3 } as const

/**
 * Starts to watch this process for leaks.
 * @throws RangeError for options out of range or that contradict each other; the message names them.
 */
export function createLeakDetector(options: LeakDetectorOptions): LeakDetector {
  const {
    feed,
    heapLimitBytes = heapLimitOfFlags(),
    externalLimitBytes,
    load = (): number => Number.NaN,
    recycleHorizonMs = 6 * MS_PER_HOUR,
    warnHorizonMs = 7 * 24 * MS_PER_HOUR,
    minWindowMs = 10 * MS_PER_MINUTE,
    minCollections = 24,
    minGrowthShare = 0.1,
    minGrowthMib = 1,
    collectWhenIdle = false,
    clock = performance,
  } = options
  refuseUnless(minWindowMs >= 100, 'minWindowMs', minWindowMs, 'at least 100 ms')
  refuseUnless(minCollections >= 16 && minCollections <= 64, 'minCollections', minCollections, '16 to 64')
  refuseUnless(minGrowthShare >= 0 && minGrowthShare <= 1, 'minGrowthShare', minGrowthShare, '0 to 1')
  refuseUnless(minGrowthMib >= 0, 'minGrowthMib', minGrowthMib, '0 or more')
  refuseUnless(recycleHorizonMs >= 0, 'recycleHorizonMs', recycleHorizonMs, '0 or more')
  refuseUnless(warnHorizonMs >= recycleHorizonMs, 'warnHorizonMs', warnHorizonMs, 'no less than recycleHorizonMs')

  const settings = {
    minPoints: minCollections,
    minWindowMinutes: minWindowMs / MS_PER_MINUTE,
    minGrowthShare,
    minGrowthMib,
    horizonMinutes: warnHorizonMs / MS_PER_MINUTE,
  }
  const heap = new LeakTrack(settings)
  const external = new LeakTrack(settings)
  // Read once: it takes files.
  const processBytes = processMemoryBytes()
  const accounts = new Map<string, OpenAccount>()
  const report = errorReporter(options.onError)
  const listeners = new Listeners<LeakVerdict>(report)
  let heapLimit = Number.POSITIVE_INFINITY
  let externalLimit = Number.POSITIVE_INFINITY
  let held = { heap: 0, external: 0 }
  let heldAtMs = clock.now()
  let lastMajor: Collection | undefined
  let told = 'gathering none heap'

  const readAccounts = (): { heap: number; external: number } => {
    const sums = { heap: 0, external: 0 }
    for (const account of accounts.values()) {
      // Not reported: `failed` says it.
      const bytes = readOr(account.read, Number.NaN)
      account.failed = !(bytes >= 0 && bytes < Number.POSITIVE_INFINITY)
      if (!account.failed) account.bytes = bytes
      sums[account.memory] += account.bytes
    }
    return sums
  }

  const verdict = (): LeakVerdict => {
    const ofHeap = heap.verdict()
    const ofExternal = external.verdict()
    const memory = isWorse(ofExternal, ofHeap) ? 'external' : 'heap'
    const worse = memory === 'external' ? ofExternal : ofHeap
    const advice = worse.kind !== 'leak' ? 'none' : worse.timeToLimitMs < recycleHorizonMs ? 'recycle' : 'warn'
    return { ...worse, memory, advice, heap: ofHeap, external: ofExternal }
  }

  const tell = (): void => {
    const now = verdict()
    const state = `${now.kind} ${now.advice} ${now.memory}`
    if (state === told) return
    listeners.tell(now)
    told = state
  }

  const take = (collections: readonly Collection[]): void => {
    const majors = collections.filter(collection => collection.kind === 'major')
    if (majors.length === 0) return
    const before = held
    const beforeMs = heldAtMs
    held = readAccounts()
    heldAtMs = clock.now()
    const now = held
    const spanMs = heldAtMs - beforeMs
    const loadNow = readOr(load, Number.NaN, report)
    heapLimit = readOr(heapLimitBytes, heapLimit, report)
    if (externalLimitBytes !== undefined) externalLimit = readOr(externalLimitBytes, externalLimit, report)
    let fresh = false
    for (const major of majors) {
      lastMajor = major
      // Accounts are read at the flush; in between they're taken to have changed evenly.
      const share = spanMs > 0 ? Math.min(1, Math.max(0, (major.atMs - beforeMs) / spanMs)) : 1
      const heldThen = (memory: TrackedMemory): number => before[memory] + (now[memory] - before[memory]) * share
      const common = { atMs: major.atMs, load: loadNow }
      const heapIsFresh = heap.add({
        ...common,
        bytes: major.heapUsedBytes,
        accountedBytes: heldThen('heap'),
        limitBytes: heapLimit,
      })
      const externalIsFresh = external.add({
        ...common,
        bytes: major.externalFloorBytes,
        accountedBytes: heldThen('external'),
        limitBytes: externalLimitBytes === undefined ? processBytes - major.heapUsedBytes : externalLimit,
      })
      fresh ||= heapIsFresh || externalIsFresh
    }
    if (fresh) tell()
  }

  // Before the subscription: what's refused here leaves nothing behind.
  const stopIdle =
    collectWhenIdle === false
      ? (): void => undefined
      : collectWhileIdle(collectWhenIdle === true ? {} : collectWhenIdle, {
          feed,
          clock,
          timers: options.timers ?? nodeTimers,
          lastMajor: () => lastMajor,
          report,
        })
  const leaveFeed = feed.onCollections(take)

  return {
    verdict,
    onVerdict: listener => listeners.add(listener),
    account(name, read, memory = 'heap') {
      if (accounts.has(name)) {
        throw new RangeError(
          `The leak detector has an account "${name}" already: choose another name, or take back the first.`,
        )
      }
      const account: OpenAccount = { name, memory, read, bytes: 0, failed: false }
      accounts.set(name, account)
      return () => {
        if (accounts.get(name) === account) accounts.delete(name)
      }
    },
    accounts: () =>
      Array.from(accounts.values(), ({ name, memory, bytes, failed }) => ({ name, memory, bytes, failed })),
    close() {
      leaveFeed()
      stopIdle()
      listeners.clear()
    },
  }
}

/** Worse: the more serious kind; of the same kind the one whose limit is nearer. */
function isWorse(one: TrackVerdict, other: TrackVerdict): boolean {
  const ranks = KIND_RANKS[one.kind] - KIND_RANKS[other.kind]
  return ranks > 0 || (ranks === 0 && one.timeToLimitMs < other.timeToLimitMs)
}

/** What the kernel lets this process have. Old kernels say 0 or 2^64 for "no limit of its own". */
function processMemoryBytes(): number {
  const constrainedBytes = process.constrainedMemory()
  return constrainedBytes > 0 && constrainedBytes < totalmem() ? constrainedBytes : totalmem()
}

/** Read once: flags don't change. */
function heapLimitOfFlags(): () => number {
  const { oldSpaceLimitBytes } = readHeapLimit()
  return () => oldSpaceLimitBytes
}

function readOr(read: () => number, otherwise: number, report?: (error: unknown) => void): number {
  try {
    return read()
  } catch (error) {
    report?.(error)
    return otherwise
  }
}

function refuseUnless(holds: boolean, name: string, value: number, wanted: string): void {
  if (!holds) throw new RangeError(`The leak detector's ${name} is ${value}: give ${wanted}.`)
}
