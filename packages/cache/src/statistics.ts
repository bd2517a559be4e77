// What a namespace has done, as plain counters: read by `stats()`, and by whoever turns them into metrics.
import type { EvictionReason, ServedFrom, TierState } from './tiers/tier.ts'

/** Upper edges of buckets for load times, in seconds: for a histogram of `cache:load:finished`. */
export const LOAD_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Counters of one namespace; all since the start. */
export class NamespaceCounters {
  memoryHits = 0
  machineHits = 0
  farHits = 0
  /** No tier had it: somebody had to load, or to wait for a load. Counted when that has ended, since only then it's known. */
  misses = 0
  /** Hits that were past their freshness. */
  staleServed = 0
  loads = 0
  loadFailures = 0
  loadTimeouts = 0
  /** Callers that waited for a load of this process. */
  joins = 0
  /** Loads that waited for another process's. */
  leaseWaits = 0
  /** Refreshes before a value's time was over. */
  earlyRefreshes = 0
  /** Values that weren't kept, since something about them was invalidated while they were loaded. */
  overtaken = 0
  /** Values without a serialised form: kept in this process only. */
  unshareable = 0
  loadSecondsSum = 0

  /** A flight that so many calls have joined has ended. */
  landed(calls: number, from: ServedFrom): void {
    if (from === 'far') this.farHits += calls
    else this.misses += calls
  }

  loaded(ms: number): void {
    this.loads++
    this.loadSecondsSum += ms / 1_000
  }
}

export interface NamespaceStatistics {
  readonly hits: { readonly memory: number; readonly machine: number; readonly far: number }
  readonly misses: number
  /** Hits of all hits and misses, 0 to 1; 0 before the first. */
  readonly hitRatio: number
  readonly staleServed: number
  readonly loads: number
  readonly loadFailures: number
  readonly loadTimeouts: number
  readonly loadSecondsSum: number
  readonly joins: number
  readonly leaseWaits: number
  readonly earlyRefreshes: number
  readonly overtaken: number
  readonly unshareable: number
  readonly evictions: Readonly<Record<EvictionReason, number>>
  /** In this process's tier. */
  readonly entries: number
  readonly bytes: number
  readonly loading: number
}

export interface CacheStatistics {
  readonly namespaces: Readonly<Record<string, NamespaceStatistics>>
  readonly hitRatio: number
  /** In this process's tier, over all namespaces. */
  readonly entries: number
  readonly bytes: number
  readonly machine: TierState | undefined
  readonly far: TierState | undefined
  /** False while invalidations of others may be unknown; see the README's table of staleness. */
  readonly inTouch: boolean
}

export function hitRatio(hits: number, misses: number): number {
  const all = hits + misses
  return all === 0 ? 0 : hits / all
}
