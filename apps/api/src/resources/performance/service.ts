// What the pages about performance say. Each is made of a look of its own; nothing here is counted, all of it is what the parts of the service count anyway.
import type { Cache } from '@plimsoll/cache'
import type { LeakVerdict } from '@plimsoll/memory-optimizer'
import type { Registry } from '@plimsoll/telemetry'
import type { Database } from '../../database/database.ts'
import type { DatabaseProbe } from '../../database/probe.ts'
import { ApiError } from '../../errors.ts'
import type { HealthService, WorkerIdentity } from '../health/service.ts'
import { recommend } from './advice/recommend.ts'
import type { Recommendations } from './advice/schema.ts'
import { takeSnapshot, type Beside } from './advice/snapshot.ts'
import { cachePage } from './cache-page.ts'
import type { CacheClear, CacheCleared, CacheStats } from './cache-schema.ts'
import { clearCache } from './clear-cache.ts'
import { lookAround, type FleetSource, type Look } from './look.ts'
import { metricsPage } from './metrics-page.ts'
import type { PerformanceMetrics } from './metrics-schema.ts'
import type { About } from './parts.ts'
import type { PerformanceRepository, ServerStatistics } from './repository.ts'

export interface PerformanceTools {
  readonly identity: WorkerIdentity
  /** When this process was started, in milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly source: Partial<FleetSource>
  readonly registry: Pick<Registry, 'getMetricsAsJSON'>
  readonly database: Pick<Database, 'statistics'>
  readonly repository: PerformanceRepository
  readonly probe: Pick<DatabaseProbe, 'health'>
  readonly cache: Pick<Cache, 'stats' | 'clear' | 'invalidateTags'>
  /** Whether it keeps anything. */
  readonly caching: boolean
  readonly health: Pick<HealthService, 'readiness'>
  /** Of this process; undefined where nobody watches, and before there is a verdict. */
  readonly leak: () => LeakVerdict | undefined
  readonly clock: { now(): number }
}

export interface PerformanceService {
  /** @throws API_ERR_FLEET_SILENT */
  metrics(): Promise<PerformanceMetrics>
  /** @throws API_ERR_FLEET_SILENT */
  cacheStats(): Promise<CacheStats>
  /** @throws API_ERR_CACHE_NAMESPACE, API_ERR_CACHE_NOT_CLEARED */
  clearCache(what: CacheClear): Promise<CacheCleared>
  /** Also without the database; then nothing is said of what only it knows. @throws API_ERR_FLEET_SILENT */
  recommendations(signal: AbortSignal): Promise<Recommendations>
}

export function createPerformanceService(tools: PerformanceTools): PerformanceService {
  const { identity, startedAtMs, database, repository, probe, cache, caching, health, leak, clock } = tools
  const worker = { number: identity.worker, generation: identity.generation, pid: identity.pid }
  const about = ({ scope, atMs }: Look): About => ({ scope, worker, at: new Date(atMs).toISOString() })
  const isReady = (): boolean => health.readiness().status === 'ready'

  function beside(server: ServerStatistics | null): Beside {
    const verdict = leak()
    return {
      worker: identity.worker,
      isReady: isReady(),
      caching,
      openCircuits: database.statistics().routes.flatMap(({ name, circuit }) => (circuit === 'open' ? [name] : [])),
      connections: probe.health().connections,
      leak:
        verdict?.kind === 'leak'
          ? { slopeMibPerMinute: verdict.slopeMibPerMinute, timeToLimitS: verdict.timeToLimitMs / 1000 }
          : null,
      server,
    }
  }

  return {
    async metrics() {
      const look = await lookAround(tools)
      const { connections } = probe.health()
      return metricsPage(look, { about: about(look), startedAtMs, isReady: isReady(), caching, connections })
    },

    async cacheStats() {
      const look = await lookAround(tools)
      return cachePage(look, about(look), cache.stats())
    },

    clearCache: what => clearCache(cache, what, clock),

    async recommendations(signal) {
      const [look, server] = await Promise.all([lookAround(tools), orMissing(repository.statistics(signal))])
      const isKnown = typeof server !== 'string'
      return {
        ...about(look),
        statisticsSince: isKnown ? server.since.toISOString() : null,
        statisticsMissing: isKnown ? null : server,
        items: recommend(takeSnapshot(look, beside(isKnown ? server : null))),
      }
    },
  }
}

/** The statistics, or the code of what keeps the database from giving them. */
async function orMissing(statistics: Promise<ServerStatistics>): Promise<ServerStatistics | string> {
  try {
    return await statistics
  } catch (error) {
    if (error instanceof ApiError && error.code.startsWith('API_ERR_DATABASE_')) return error.code
    throw error
  }
}
