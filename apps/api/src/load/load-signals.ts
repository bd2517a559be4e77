// What a worker's load report says beside what every process can measure of itself: how the database's pool and the cache are doing.
//
// Read about ten times a second, in the middle of a request: each takes a few microseconds.
import type { CacheStatistics } from '@plimsoll/cache'
import type { Signals } from '@plimsoll/load-report'
import { pressureRank, type MemoryMonitor } from '@plimsoll/memory-optimizer'

/** What the report is made from. */
export interface LoadSources {
  /** Callers that wait for a database connection now. */
  readonly databaseWaiting: () => number
  readonly cache: () => CacheStatistics
  /** The worker's memory; undefined when nobody watches: then the report measures for itself. */
  readonly memory: Pick<MemoryMonitor, 'latest'> | undefined
}

/** So many look-ups make a ratio; until then the one before stands. */
const LEAST_LOOK_UPS = 20

export function loadSignals({ databaseWaiting, cache, memory }: LoadSources): Signals {
  return {
    databaseWaiting,
    cacheHitRatio: recentHitRatio(cache),
    ...(memory === undefined ? {} : memorySignals(memory)),
  }
}

/** What the monitor has measured within the last second: live heap by its real limit, this worker's share; and no second histogram of the loop. */
function memorySignals(memory: Pick<MemoryMonitor, 'latest'>): Signals {
  return {
    heapUtilization: () => memory.latest.heapRatio,
    memoryUtilization: () => memory.latest.shareRatio,
    loopDelayP99Ms: () => memory.latest.loopDelayP99Ms,
    pressure: () => pressureRank(memory.latest.level),
  }
}

/** Hits of the look-ups since the last ratio, not since the start: a cache that has gone cold says so. NaN before the first. */
function recentHitRatio(cache: () => CacheStatistics): () => number {
  let hitsBefore = 0
  let missesBefore = 0
  let ratio = Number.NaN
  return () => {
    let hits = 0
    let misses = 0
    for (const namespace of Object.values(cache().namespaces)) {
      hits += namespace.hits.memory + namespace.hits.machine + namespace.hits.far
      misses += namespace.misses
    }
    const lookUps = hits + misses - hitsBefore - missesBefore
    if (lookUps >= LEAST_LOOK_UPS) {
      ratio = (hits - hitsBefore) / lookUps
      hitsBefore = hits
      missesBefore = misses
    }
    return ratio
  }
}
