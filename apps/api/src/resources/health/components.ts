// How the parts of this worker beside its database are. All of it is known already; nothing is asked for.
import type { Cache, CacheStatistics, TierState } from '@plimsoll/cache'
import type { MemoryOptimizer } from '@plimsoll/memory-optimizer'
import type { WarmUp } from '../../cache/warm-up.ts'
import type { DatabaseHealth } from '../../database/probe.ts'
import type { CacheHealth, Integrations, Services, SharedTier } from './components-schema.ts'
import { thousandths } from './thousandths.ts'

export interface WorkerParts {
  readonly cache: Pick<Cache, 'stats'>
  /** Whether answers are kept at all. */
  readonly caching: boolean
  /** Whether Redis is configured; it's the far tier then. */
  readonly hasRedis: boolean
  readonly warmUp: Pick<WarmUp, 'state'> | null
  /** Undefined: nobody watches. */
  readonly memory: Pick<MemoryOptimizer, 'level' | 'leaks'> | undefined
  readonly hasLoadReports: boolean
}

export interface PartsHealth {
  readonly cache: CacheHealth
  readonly integrations: Integrations
  readonly services: Services
}

export function describeParts(parts: WorkerParts, cache: CacheStatistics, probe: DatabaseHealth): PartsHealth {
  const { caching, hasRedis, warmUp, memory, hasLoadReports } = parts
  const far = describeTier(cache.far)
  return {
    cache: describeCache(cache, caching),
    integrations: { redis: { state: hasRedis ? far.state : 'none' } },
    services: {
      databaseProbe: {
        state: probe.status === 'failing' || probe.status === 'down' ? 'failing' : 'running',
        checkedAt: probe.checkedAt,
      },
      warmUp: { state: warmUp?.state ?? 'none' },
      memoryWatcher:
        memory === undefined
          ? { state: 'none', pressure: null, leak: null }
          : { state: 'running', pressure: memory.level, leak: memory.leaks?.verdict().kind ?? null },
      loadReports: { state: hasLoadReports ? 'running' : 'none' },
    },
  }
}

/** A tier without the reason of its state, which may name paths and addresses: that is for the log. */
export function describeTier(tier: TierState | undefined): SharedTier {
  if (tier === undefined) return { state: 'none', entries: null, bytes: null }
  return { state: tier.state, entries: tier.entries ?? null, bytes: tier.bytes ?? null }
}

/** Loads that didn't give a value, of all namespaces. */
export function failedLoads({ namespaces }: CacheStatistics): number {
  return Object.values(namespaces).reduce((sum, { loadFailures }) => sum + loadFailures, 0)
}

function describeCache(cache: CacheStatistics, caching: boolean): CacheHealth {
  const { machine, far, inTouch, entries, bytes, hitRatio } = cache
  const isWell = inTouch && [machine, far].every(tier => tier === undefined || tier.state === 'on')
  const hasLookUps = Object.values(cache.namespaces).some(
    ({ hits, misses }) => hits.memory + hits.machine + hits.far + misses > 0,
  )
  return {
    state: caching ? (isWell ? 'on' : 'degraded') : 'off',
    inTouch,
    hitRatio: caching && hasLookUps ? thousandths(hitRatio) : null,
    entries,
    bytes: Math.round(bytes),
    machine: describeTier(machine),
    far: describeTier(far),
  }
}
