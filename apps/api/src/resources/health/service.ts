// What this worker says about its state. Nothing here asks the database anything, except the test that is there for it.
//
//   draining?  yes → draining (503)
//   no: database down for a while → down (503) · just failing, or on its fallback → degraded · else ok
//
// A full pool is no reason to be unready: traffic would move to workers whose pools are as full, and the balancer knows better how to queue.
import type { RouteStatistics } from '@plimsoll/db-optimizer'
import type { Features } from '../../config/feature-options.ts'
import type { Database } from '../../database/database.ts'
import { boundedCode } from '../../database/failures.ts'
import type { DatabaseProbe } from '../../database/probe.ts'
import type { RequestFigures } from '../../http/request-figures.ts'
import type { DatabaseRoute, DatabaseTest, DetailedHealth, Health, Readiness } from './schema.ts'
import { describeParts, failedLoads, type WorkerParts } from './components.ts'
import type { SystemFigures } from './system.ts'
import { thousandths } from './thousandths.ts'

/** Who answers. */
export interface WorkerIdentity {
  readonly worker: number
  readonly generation: number
  readonly pid: number
}

/** Whether the worker has been told to end; set once, read by readiness. */
export interface DrainState {
  readonly draining: boolean
}

export interface HealthTools {
  readonly version: string
  readonly identity: WorkerIdentity
  /** When this process was started, in milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly features: Features
  readonly parts: WorkerParts
  readonly drainState: DrainState
  readonly database: Database
  readonly probe: DatabaseProbe
  readonly figures: RequestFigures
  readonly system: SystemFigures
  readonly clock: { now(): number }
}

export interface HealthService {
  readiness(): Readiness
  health(): Health
  /** @param openConnections of this worker's server */
  detailed(openConnections: number): DetailedHealth
  /** @throws API_ERR_DATABASE_UNAVAILABLE, API_ERR_DATABASE_BUSY, API_ERR_DATABASE_TIMEOUT */
  testDatabase(signal?: AbortSignal): Promise<DatabaseTest>
}

export function createHealthService(tools: HealthTools): HealthService {
  const { version, identity, startedAtMs, features, parts, drainState, database, probe, figures, system, clock } = tools

  function status(): Health['status'] {
    if (drainState.draining) return 'draining'
    const seen = probe.health().status
    switch (seen) {
      case 'down':
        return 'down'
      case 'failing':
        return 'degraded'
      case 'unknown':
      case 'up':
        return onFallback() ? 'degraded' : 'ok'
      default:
        return seen satisfies never
    }
  }

  function onFallback(): boolean {
    const { route, routes } = database.statistics()
    return route !== routes[0]?.name
  }

  function common() {
    return {
      status: status(),
      version,
      uptimeS: thousandths((clock.now() - startedAtMs) / 1000),
      worker: { number: identity.worker, generation: identity.generation, pid: identity.pid },
    }
  }

  return {
    readiness() {
      const now = status()
      const { route, pool } = database.statistics()
      return {
        status: now === 'draining' ? 'draining' : now === 'down' ? 'database-down' : 'ready',
        database: { route, saturation: thousandths(pool.saturation), waiting: pool.waiting },
      }
    },

    health: () => ({ ...common(), database: probe.health(), requests: figures.snapshot() }),

    detailed(openConnections) {
      const { queriesActive, queriesTotal, queriesFailed } = database.figures()
      const { route: used, routes } = database.statistics()
      const requests = figures.snapshot()
      const cache = parts.cache.stats()
      return {
        ...common(),
        system: {
          ...system.look(),
          connections: { open: openConnections },
          requests,
          errors: {
            requests: requests.errors,
            requestRatio: share(requests.errors, requests.total),
            queries: queriesFailed,
            queryRatio: share(queriesFailed, queriesTotal),
            cacheLoads: failedLoads(cache),
          },
        },
        components: {
          database: probe.health(),
          routes: routes.map(route => describeRoute(route, used)),
          queries: { active: queriesActive, total: queriesTotal, failed: queriesFailed },
          ...describeParts(parts, cache, probe.health()),
        },
        features: { ...features },
      }
    },

    async testDatabase(signal) {
      const askedAt = clock.now()
      const query = database.sql<
        { version: number }[]
      >`select coalesce(max(version), 0)::int as version from schema_migrations`
      const [row] = await database.read('health.database-test', query, signal)
      return {
        status: 'ok',
        latencyMs: thousandths(clock.now() - askedAt),
        schemaVersion: row?.version ?? 0,
      }
    },
  }
}

function share(part: number, all: number): number | null {
  return all === 0 ? null : thousandths(part / all)
}

function describeRoute(route: RouteStatistics, used: string): DatabaseRoute {
  const { name, state, reason, forMs, circuit, pool, probes } = route
  return {
    name,
    used: name === used,
    state,
    reason: reason ?? null,
    forS: Math.round(forMs / 1000),
    circuit,
    pool: {
      open: pool.open,
      idle: pool.idle,
      busy: pool.busy,
      opening: pool.opening,
      waiting: pool.waiting,
      saturation: thousandths(pool.saturation),
      refused: pool.refusedTotal,
      waitP50Ms: thousandths(pool.acquireWait.p50Ms),
      waitP99Ms: thousandths(pool.acquireWait.p99Ms),
    },
    probes: {
      ok: probes.ok,
      failed: probes.failed,
      successRatio: probes.recentSuccessRatio,
      latencyMs: probes.lastDurationMs === null ? null : thousandths(probes.lastDurationMs),
      failure: probes.lastFailure === null ? null : boundedCode(probes.lastFailure),
    },
  }
}
