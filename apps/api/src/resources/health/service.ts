// What this worker says about its state. Nothing here asks the database anything, except the test that is there for it.
//
//   draining?  yes → draining (503)
//   no: database down for a while → down (503) · just failing → degraded · else ok
import type { Database } from '../../database/database.ts'
import type { DatabaseProbe } from '../../database/probe.ts'
import type { RequestFigures } from '../../http/request-figures.ts'
import type { DatabaseTest, DetailedHealth, Health, Readiness } from './schema.ts'
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
  /** @throws API_ERR_DATABASE_UNAVAILABLE, API_ERR_DATABASE_TIMEOUT */
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
        return 'ok'
      default:
        return seen satisfies never
    }
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
      return { status: now === 'draining' ? 'draining' : now === 'down' ? 'database-down' : 'ready' }
    },

    health: () => ({ ...common(), database: probe.health(), requests: figures.snapshot() }),

    detailed(openConnections) {
      const { queriesActive, queriesTotal, queriesFailed } = database.figures()
      return {
        ...common(),
        system: { ...system.look(), connections: { open: openConnections }, requests: figures.snapshot() },
        components: {
          database: probe.health(),
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
        latencyMs: Math.round((clock.now() - askedAt) * 1000) / 1000,
        schemaVersion: row?.version ?? 0,
      }
    },
  }
}
