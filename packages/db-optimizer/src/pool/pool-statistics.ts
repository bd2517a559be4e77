// Counts of a pool, for metrics and for whoever wonders why something waited. Cheap to keep; a snapshot is made when it's asked for.
import type { DiscardReason } from '../channels.ts'
import { DurationHistogram } from '../duration-histogram.ts'

/** Quantiles of a duration since the pool's start, in milliseconds. */
export interface DurationSummary {
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface PoolStatistics {
  /** Connections that are open now, of any state. */
  readonly open: number
  readonly idle: number
  /** Lent, or being fenced. */
  readonly busy: number
  readonly opening: number
  readonly waiting: number
  /** busy / maxConnections, 0 to 1. */
  readonly saturation: number
  readonly acquiredTotal: number
  readonly refusedTotal: number
  readonly openedTotal: number
  readonly openFailedTotal: number
  /** Failed openings by reason: ECONNREFUSED, 28P01 ... */
  readonly openFailures: Readonly<Record<string, number>>
  /** Connections given up, by reason. */
  readonly discarded: Readonly<Record<string, number>>
  readonly fencesTotal: number
  readonly cancelsTotal: number
  /** Waits for a connection; those that didn't wait count as 0. */
  readonly acquireWait: DurationSummary
  readonly openDuration: DurationSummary
}

/** The summary of a histogram. */
export function durationSummary(durations: DurationHistogram): DurationSummary {
  return {
    count: durations.count,
    p50Ms: durations.quantileMs(0.5),
    p95Ms: durations.quantileMs(0.95),
    p99Ms: durations.quantileMs(0.99),
    maxMs: durations.maxMs,
  }
}

export class PoolCounters {
  acquired = 0
  refused = 0
  opened = 0
  openFailed = 0
  fences = 0
  cancels = 0
  readonly acquireWait = new DurationHistogram()
  readonly openDuration = new DurationHistogram()
  readonly #openFailures = new Map<string, number>()
  readonly #discarded = new Map<string, number>()

  failedToOpen(reason: string): void {
    this.openFailed += 1
    this.#openFailures.set(reason, (this.#openFailures.get(reason) ?? 0) + 1)
  }

  discardedFor(reason: DiscardReason): void {
    this.#discarded.set(reason, (this.#discarded.get(reason) ?? 0) + 1)
  }

  snapshot(now: Pick<PoolStatistics, 'open' | 'idle' | 'busy' | 'opening' | 'waiting' | 'saturation'>): PoolStatistics {
    return {
      ...now,
      acquiredTotal: this.acquired,
      refusedTotal: this.refused,
      openedTotal: this.opened,
      openFailedTotal: this.openFailed,
      openFailures: Object.fromEntries(this.#openFailures),
      discarded: Object.fromEntries(this.#discarded),
      fencesTotal: this.fences,
      cancelsTotal: this.cancels,
      acquireWait: durationSummary(this.acquireWait),
      openDuration: durationSummary(this.openDuration),
    }
  }
}
