// Counts of a pool, for metrics and for whoever wonders why something waited. Cheap to keep; a snapshot is made when it's asked for.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { DiscardReason } from '../channels.ts'

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

const US_PER_MS = 1000
/** An hour: what is longer counts as that. */
const LONGEST_US = 3_600_000_000

export class DurationHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_US, figures: 2 })
  /** Below the histogram's resolution: no wait at all, by far the most frequent. */
  #zeros = 0

  record(durationMs: number): void {
    if (durationMs === 0) this.#zeros += 1
    else this.#histogram.record(Math.max(1, Math.min(LONGEST_US, Math.round(durationMs * US_PER_MS))))
  }

  summary(): DurationSummary {
    const recorded = this.#histogram.count
    const count = recorded + this.#zeros
    const quantile = (q: number): number => {
      const rank = Math.ceil(q * count) - this.#zeros
      return rank <= 0
        ? 0
        : this.#histogram.percentile(Math.min(100, Math.max(0.001, (rank / recorded) * 100))) / US_PER_MS
    }
    return {
      count,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
      maxMs: recorded === 0 ? 0 : this.#histogram.max / US_PER_MS,
    }
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
      acquireWait: this.acquireWait.summary(),
      openDuration: this.openDuration.summary(),
    }
  }
}
