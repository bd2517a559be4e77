// Forces a collection in a process that has nothing to do: one that hardly allocates hardly collects, and what it retains can't be seen.
//
// Once per interval at most, only when the event loop was idle in that interval, nothing was collected fully in the last half of it, and the last full collection
// was short: it stops the process for about 1 ms per MiB that is live.
import { performance } from 'node:perf_hooks'
import type { Collection, GcFeed } from '../gc/gc-feed.ts'
import { forcedCollection } from './forced-collection.ts'

export interface IdleCollectionOptions {
  /** The time between two looks, and so the shortest between two collections, in milliseconds; at least 1000. Default 60,000. */
  readonly intervalMs?: number
  /** Collects only when the event loop's utilisation since the last look was at most this, 0-1. Default 0.05. */
  readonly maxUtilization?: number
  /** Collects only while the last major collection stopped the process for at most this long, in milliseconds. Default 100. */
  readonly maxPauseMs?: number
  /** Default: V8's gc(), had without a flag on the command line. */
  readonly collect?: () => void
  /** The event loop's utilisation, 0-1, since the last call. Default: by perf_hooks. */
  readonly utilization?: () => number
}

export interface IntervalTimers {
  setInterval(callback: () => void, delayMs: number): { unref(): unknown }
  clearInterval(timer: unknown): void
}

interface Surroundings {
  readonly feed: GcFeed
  readonly clock: { now(): number }
  readonly timers: IntervalTimers
  /** The last major collection that the feed has told of. */
  readonly lastMajor: () => Collection | undefined
  /** Gets what a look throws, and doesn't throw itself. */
  readonly report: (error: unknown) => void
}

/**
 * Starts to look for idleness; gives the function that ends it.
 * @throws RangeError when `intervalMs` is under 1000.
 */
export function collectWhileIdle(options: IdleCollectionOptions, surroundings: Surroundings): () => void {
  const { intervalMs = 60_000, maxUtilization = 0.05, maxPauseMs = 100 } = options
  const { utilization = utilizationMeter(), collect = forcedCollection() } = options
  if (!(intervalMs >= 1000)) {
    throw new RangeError(`The leak detector's collectWhenIdle.intervalMs is ${intervalMs}: give at least 1000 ms.`)
  }
  const { feed, clock, timers, lastMajor, report } = surroundings
  const look = (): void => {
    if (utilization() > maxUtilization) return
    feed.flush()
    const last = lastMajor()
    if (last !== undefined && (last.pauseMs > maxPauseMs || clock.now() - last.atMs < intervalMs / 2)) return
    collect()
    feed.flush()
  }
  const timer = timers.setInterval(() => {
    try {
      look()
    } catch (error) {
      report(error)
    }
  }, intervalMs)
  timer.unref()
  return () => timers.clearInterval(timer)
}

function utilizationMeter(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}
