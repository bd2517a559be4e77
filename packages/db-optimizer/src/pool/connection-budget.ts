// How many connections one process may open, so that all of them together stay under the server's limit.
//
//     (workers + 1) × (routes × pool + extra) ≤ max_connections − reserved − headroom
//
// One worker more during a rolling restart, when an old and a new one live side by side; `extra` per process for probes and LISTEN.
import { DbError } from '../errors.ts'

export interface BudgetOptions {
  /** The server's `max_connections`. */
  readonly serverMaxConnections: number
  /** `superuser_reserved_connections` + `reserved_connections` of the server. Default 3. */
  readonly reservedConnections?: number
  /** Left to other programs: migrations, psql, monitoring. Default 5. */
  readonly headroomConnections?: number
  /** Processes with a pool, without the one more during a restart. */
  readonly workers: number
  /** Pools per process that end at this server. Default 1. */
  readonly routes?: number
  /** Connections per process beside its pools. Default 1. */
  readonly extraPerWorker?: number
  /** Wanted per pool. */
  readonly minConnections: number
  readonly maxConnections: number
}

export interface ConnectionBudget {
  readonly minConnections: number
  /** What was wanted, or this process's share where that's less. */
  readonly maxConnections: number
  /** All processes together, at their largest. */
  readonly totalConnections: number
  readonly availableConnections: number
}

/**
 * The pool of one process, cut to its share of the server.
 * @throws DB_ERR_OPTION for a number out of its range
 * @throws DB_ERR_BUDGET when not even `minConnections` fit
 */
export function connectionBudget(options: BudgetOptions): ConnectionBudget {
  const { reservedConnections = 3, headroomConnections = 5, routes = 1, extraPerWorker = 1 } = options
  const { serverMaxConnections, workers, minConnections, maxConnections } = options
  const ranges: readonly (readonly [string, number, number])[] = [
    ['serverMaxConnections', serverMaxConnections, 1],
    ['reservedConnections', reservedConnections, 0],
    ['headroomConnections', headroomConnections, 0],
    ['workers', workers, 1],
    ['routes', routes, 1],
    ['extraPerWorker', extraPerWorker, 0],
    ['minConnections', minConnections, 0],
    ['maxConnections', maxConnections, 1],
  ]
  for (const [name, value, least] of ranges) {
    if (!Number.isInteger(value) || value < least) {
      throw new DbError(
        'DB_ERR_OPTION',
        `${name} is ${value}; it has to be a whole number of connections, ${least} or more.`,
      )
    }
  }
  if (minConnections > maxConnections) {
    throw new DbError(
      'DB_ERR_OPTION',
      `minConnections (${minConnections}) is above maxConnections (${maxConnections}).`,
    )
  }
  const available = serverMaxConnections - reservedConnections - headroomConnections
  const perProcess = Math.floor(available / (workers + 1)) - extraPerWorker
  const share = Math.floor(perProcess / routes)
  if (share < Math.max(1, minConnections)) {
    const needed = (workers + 1) * (routes * Math.max(1, minConnections) + extraPerWorker)
    throw new DbError(
      'DB_ERR_BUDGET',
      `${workers} workers + 1 during a restart, with ${routes} route(s) of at least ${Math.max(1, minConnections)} connections and ${extraPerWorker} beside them, ` +
        `need ${needed} connections; the server gives ${available} (max_connections ${serverMaxConnections} - ${reservedConnections} reserved - ${headroomConnections} headroom). ` +
        'Start fewer workers, lower minConnections, or raise max_connections.',
    )
  }
  const max = Math.min(maxConnections, share)
  return {
    minConnections: Math.min(minConnections, max),
    maxConnections: max,
    totalConnections: (workers + 1) * (routes * max + extraPerWorker),
    availableConnections: available,
  }
}
