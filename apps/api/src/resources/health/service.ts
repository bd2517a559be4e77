// What this worker says about its state. Nothing here asks the database anything, except the test that is there for it.
//
//   draining?  yes → draining (503)
//   no: database down for a while → down (503) · just failing, or on its fallback → degraded · else ok
//
// A full pool is no reason to be unready: traffic would move to workers whose pools are as full, and the balancer knows better how to queue.
import type { RouteStatistics } from '@plimsoll/db-optimizer'
import type { Database } from '../../database/database.ts'
import { boundedCode } from '../../database/failures.ts'
import type { DatabaseProbe } from '../../database/probe.ts'
import type { RequestFigures } from '../../http/request-figures.ts'
import type { DatabaseRoute, DatabaseTest, DetailedHealth, Health, Readiness } from './schema.ts'
import type { SystemFigures } from './system.ts'

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
  const { version, identity, drainState, database, probe, figures, system, clock } = tools
  const startedAt = clock.now()

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
      uptimeS: Math.round((clock.now() - startedAt) / 1000),
      worker: { number: identity.worker, generation: identity.generation, pid: identity.pid },
    }
  }

  return {
    readiness() {
      const now = status()
      const { route, pool } = database.statistics()
      return {
        status: now === 'draining' ? 'draining' : now === 'down' ? 'database-down' : 'ready',
        database: { route, saturation: round(pool.saturation), waiting: pool.waiting },
      }
    },

    health: () => ({ ...common(), database: probe.health(), requests: figures.snapshot() }),

    detailed(openConnections) {
      const { queriesActive, queriesTotal, queriesFailed } = database.figures()
      const { route: used, routes } = database.statistics()
      return {
        ...common(),
        system: { ...system.look(), connections: { open: openConnections }, requests: figures.snapshot() },
        components: {
          database: probe.health(),
          routes: routes.map(route => describeRoute(route, used)),
          queries: { active: queriesActive, total: queriesTotal, failed: queriesFailed },
        },
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
        latencyMs: round(clock.now() - askedAt),
        schemaVersion: row?.version ?? 0,
      }
    },
  }
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
      saturation: round(pool.saturation),
      refused: pool.refusedTotal,
      waitP50Ms: round(pool.acquireWait.p50Ms),
      waitP99Ms: round(pool.acquireWait.p99Ms),
    },
    probes: {
      ok: probes.ok,
      failed: probes.failed,
      successRatio: probes.recentSuccessRatio,
      latencyMs: probes.lastDurationMs === null ? null : round(probes.lastDurationMs),
      failure: probes.lastFailure === null ? null : boundedCode(probes.lastFailure),
    },
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
