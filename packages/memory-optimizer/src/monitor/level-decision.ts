// From signals to one level. Pure: the same signals in the same order give the same levels.
//
// Three ratios, each with a filter of its own:
// * heap: the live heap by the old generation's limit. V8 dies at 1.
// * container: what the group uses by its limit. The kernel kills at 1, but takes page cache back before. So the working set, which contains the cache that's in use,
//   warns at most; critical and emergency take that what's held is there too, or that tasks of the group wait for memory: then the cache is one that they need.
// * share: the process's private memory by its share of that limit. A share isn't a wall: what kills is the container. So where the container's use is known, the
//   share counts for at most one level more than the container does; a process that has grown while its neighbours are small warns, and sheds nothing.
// The highest of them counts, and then
// * waiting for memory (PSI) raises it by one level; the machine's figures, which tell of others too, never to an emergency;
// * collecting for more than 10 % of the time raises it by one level, to critical at most, while the live heap is at least half of its limit. Below that it's traffic that
//   allocates much: time for the processor, and nothing that a smaller cache would relieve.
// Both together raise it by one. The level then moves by one step per sample, so that everybody sees each level, except for a jump to an emergency, when
// * a major collection since the last sample has left a live heap at the emergency threshold: there's nothing noisy about such a figure, and little time; or
// * two or more since then took half of the time and left 80 % of the limit or more. V8 gives up long before the heap is full when four such collections follow each
//   other ("Ineffective mark-compacts near heap limit": from 80 % of the limit on, with less than 40 % of the time left to the program).
//
// A live heap that was measured over a minute ago warns at most: who collects so rarely isn't near a limit, and without this rule a process that sheds everything
// would allocate nothing, never collect, and never learn that it has been relieved.
import {
  LevelFilter,
  levelOfRank,
  type PressureLevel,
  pressureRank,
  type PressureThresholds,
} from './pressure-level.ts'

/** One sample's signals; ratios 0-1, NaN for what isn't known. */
export interface LevelSignals {
  readonly heapRatio: number
  /** Major collections since the last sample: with one or more, the live heap was measured in it. */
  readonly majorCollections: number
  /** How long ago it was measured; Infinity: never. */
  readonly heapAgeMs: number
  readonly containerRatio: number
  /** The same of what the kernel can't take back; at most `containerRatio`. */
  readonly containerHeldRatio: number
  readonly shareRatio: number
  readonly stallSomePercent: number
  readonly stallFullPercent: number
  readonly isStallOwn: boolean
  /** Share of the last 10 s in which collections stopped the process. */
  readonly gcRatio: number
  /** The same of the time since the last sample. */
  readonly gcNowRatio: number
}

/** The signal that a level comes from. */
export type PressureSignal = 'heap' | 'container' | 'share'

/** What raised the level above that of its signal. */
export type PressureRaise = 'none' | 'stall' | 'gc'

export interface LevelDecision {
  readonly level: PressureLevel
  readonly signal: PressureSignal
  readonly raisedBy: PressureRaise
  /** Whether any signal of this sample alone is above the level: then the next samples shouldn't be long in coming. */
  readonly isRising: boolean
}

/** When a level is raised by one. */
export interface RaiseThresholds {
  /** Percent of 10 s in which some task waited for memory. Default 10. */
  readonly stallSomePercent: number
  /** Percent of 10 s in which all waited. Default 1. */
  readonly stallFullPercent: number
  /** Share of time spent in collections, 0-1. Default 0.1. */
  readonly gcRatio: number
  /** The live heap, by its limit, from which that counts, 0-1. Default 0.5. */
  readonly gcHeapRatio: number
}

export const RAISE_THRESHOLDS: RaiseThresholds = Object.freeze({
  stallSomePercent: 10,
  stallFullPercent: 1,
  gcRatio: 0.1,
  gcHeapRatio: 0.5,
})

/** An older measurement of the live heap warns at most. */
const HEAP_AGE_MS = 60_000
/** V8's own rule for giving up, a little before V8: @see the head of this file. */
const SPIRAL_HEAP_RATIO = 0.8
const SPIRAL_GC_RATIO = 0.5
const SPIRAL_COLLECTIONS = 2
/** What raises a level stops to do so below this part of its threshold. */
const RAISE_MARGIN = 0.5
const WARNING = pressureRank('warning')
const CRITICAL = pressureRank('critical')
const EMERGENCY = pressureRank('emergency')

export class LevelDecider {
  readonly #thresholds: PressureThresholds
  readonly #raise: RaiseThresholds
  readonly #heap: LevelFilter
  readonly #container: LevelFilter
  readonly #held: LevelFilter
  readonly #share: LevelFilter
  /** Ratios of what raises a level to its threshold: filters with one step. */
  readonly #stall = new LevelFilter([1], RAISE_MARGIN)
  readonly #collecting = new LevelFilter([1], RAISE_MARGIN)
  readonly #spiral = new LevelFilter([1], RAISE_MARGIN)
  #rank = 0

  constructor(thresholds: PressureThresholds, leaveBelow: number, raise: RaiseThresholds) {
    const enterAt = [thresholds.warning, thresholds.critical, thresholds.emergency]
    this.#thresholds = thresholds
    this.#raise = raise
    this.#heap = new LevelFilter(enterAt, leaveBelow)
    this.#container = new LevelFilter(enterAt, leaveBelow)
    this.#held = new LevelFilter(enterAt, leaveBelow)
    this.#share = new LevelFilter(enterAt, leaveBelow)
  }

  decide(signals: LevelSignals): LevelDecision {
    const isSure = signals.majorCollections > 0 && signals.heapRatio >= this.#thresholds.emergency
    const isSpiral =
      signals.majorCollections >= SPIRAL_COLLECTIONS &&
      signals.gcNowRatio >= SPIRAL_GC_RATIO &&
      signals.heapRatio >= SPIRAL_HEAP_RATIO
    const spiral = isSpiral ? this.#spiral.jump(1) : this.#spiral.next(0)
    const heapRank = isSure ? this.#heap.jump(signals.heapRatio) : this.#heap.next(signals.heapRatio)
    const heap = signals.heapAgeMs > HEAP_AGE_MS ? Math.min(heapRank, WARNING) : heapRank
    const isStalled = this.#isStalled(signals)
    const container = this.#containerRank(signals, isStalled)
    const shareRank = this.#share.next(signals.shareRatio)
    const share = this.#container.isKnown ? Math.min(shareRank, container + 1) : shareRank
    const highest = Math.max(heap, container, share)
    const raised = this.#raised(highest, signals, isStalled)
    const target = spiral > 0 ? EMERGENCY : raised.target
    const raisedBy = spiral > 0 && highest < EMERGENCY ? 'gc' : raised.raisedBy
    const isJump = (isSure && target >= EMERGENCY) || isSpiral
    this.#rank = isJump ? EMERGENCY : this.#rank + Math.sign(target - this.#rank)
    return {
      level: levelOfRank(this.#rank),
      signal:
        heap === highest && heap > 0
          ? 'heap'
          : container === highest && container > 0
            ? 'container'
            : share > 0
              ? 'share'
              : nearest(signals),
      raisedBy,
      isRising: target > this.#rank || this.#isAbove(signals),
    }
  }

  #containerRank({ containerRatio, containerHeldRatio, isStallOwn }: LevelSignals, isStalled: boolean): number {
    const workingSet = this.#container.next(containerRatio)
    const held = this.#held.next(containerHeldRatio)
    return Math.max(held, isStalled && isStallOwn ? workingSet : Math.min(workingSet, WARNING))
  }

  #isStalled(signals: LevelSignals): boolean {
    const { stallSomePercent, stallFullPercent } = this.#raise
    // Math.max gives NaN when either isn't known; a kernel that says one says both, except for the machine's "full" before 5.13.
    const someRatio = signals.stallSomePercent / stallSomePercent
    const fullRatio = signals.stallFullPercent / stallFullPercent
    return this.#stall.next(Number.isNaN(fullRatio) ? someRatio : Math.max(someRatio, fullRatio)) > 0
  }

  #raised(rank: number, signals: LevelSignals, isStalled: boolean): { target: number; raisedBy: PressureRaise } {
    const { gcRatio, gcHeapRatio } = this.#raise
    const isHeapLarge = signals.heapRatio >= gcHeapRatio
    const isCollecting = this.#collecting.next(isHeapLarge ? signals.gcRatio / gcRatio : 0) > 0
    const byStall = isStalled ? Math.min(rank + 1, signals.isStallOwn ? EMERGENCY : CRITICAL) : rank
    const byCollecting = isCollecting ? Math.min(rank + 1, CRITICAL) : rank
    const target = Math.max(rank, byStall, byCollecting)
    return { target, raisedBy: target === rank ? 'none' : byStall === target ? 'stall' : 'gc' }
  }

  #isAbove(signals: LevelSignals): boolean {
    const next = [this.#thresholds.warning, this.#thresholds.critical, this.#thresholds.emergency][this.#rank]
    const container = this.#rank < WARNING ? signals.containerRatio : signals.containerHeldRatio
    // Comparisons with NaN are false.
    return next !== undefined && (signals.heapRatio >= next || container >= next || signals.shareRatio >= next)
  }
}

/** At level normal: the one that's nearest to its limit. */
function nearest({ heapRatio, containerRatio, shareRatio }: LevelSignals): PressureSignal {
  const container = Number.isNaN(containerRatio) ? 0 : containerRatio
  const heap = Number.isNaN(heapRatio) ? 0 : heapRatio
  if (heap >= container && heap >= shareRatio) return 'heap'
  return container >= shareRatio ? 'container' : 'share'
}
