// One look at memory, complete: what was read, what it's compared with, and what was decided.
import type { PressureRaise, PressureSignal } from './level-decision.ts'
import type { PressureLevel } from './pressure-level.ts'

/** Bytes, milliseconds and ratios 0-1 (a ratio to a limit may exceed 1). NaN: not known here, or not yet. */
export interface MemorySample {
  /** By the monitor's clock. */
  readonly atMs: number
  readonly level: PressureLevel
  /** The signal that the level comes from; at `normal` the one nearest to its limit. */
  readonly signal: PressureSignal
  /** What raised the level above that of its signal. */
  readonly raisedBy: PressureRaise

  /** In use, garbage included: moves up and down with every collection, and no level rests on it. */
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** The old generation's limit: where V8 gives up. */
  readonly heapLimitBytes: number
  /** In use after the last major collection. */
  readonly liveHeapBytes: number
  readonly externalBytes: number
  readonly arrayBuffersBytes: number
  readonly rssBytes: number
  /** Resident and this process's alone. */
  readonly privateBytes: number
  /** This process's share of the limit. */
  readonly shareBytes: number
  /** The container's limit, or the machine's memory. */
  readonly limitBytes: number
  /** Of the fullest limited group, without what can be taken back at once. */
  readonly containerUseBytes: number

  /** The live heap by its limit. Never more than what's in use now. */
  readonly heapRatio: number
  readonly shareRatio: number
  /** The working set of the fullest group by its limit. */
  readonly containerRatio: number
  /** The same of what's held, page cache and slabs aside: what the kernel can't take back. */
  readonly containerHeldRatio: number

  /** Share of the last 10 s in which collections stopped the process. */
  readonly gcRatio: number
  /** Major collections since the last sample. */
  readonly majorCollections: number
  /** The longest stop since the last sample. */
  readonly longestPauseMs: number

  /** Percent of 10 s, 0-100. */
  readonly stallSomePercent: number
  readonly stallFullPercent: number

  readonly loopUtilization: number
  readonly loopDelayP99Ms: number

  /** Share of the private memory that neither heap nor buffers explain, beyond what it was in the first minute; smoothed over a minute. */
  readonly fragmentation: number
}
