// How many connections each worker's pool may open, so that all of them together stay under the server's limit.
//
//     (workers + 1) × routes × (pool + 1) ≤ budget     one worker more during a rolling restart; per route one connection more for the health probe
//
// What is open for a moment only isn't counted: probes of routes, once a minute, live in what the budget leaves of `max_connections`.
import { connectionBudget } from '@plimsoll/db-optimizer'

export interface PoolSizeOptions {
  readonly workers: number
  readonly minConnections: number
  readonly maxConnections: number
  /** Connections that all workers together may use; below PostgreSQL's `max_connections`, 100 unless it's changed. */
  readonly budget: number
  /** Ways to the database, each with a pool. */
  readonly routes: number
}

export interface PoolSize {
  readonly min: number
  /** Of each route's pool. */
  readonly max: number
}

const PROBES_PER_ROUTE = 1

/**
 * The pool of one worker: what was asked for, cut to its share of the budget.
 * @throws DB_ERR_BUDGET when there isn't a connection for each
 */
export function poolSize({ workers, minConnections, maxConnections, budget, routes }: PoolSizeOptions): PoolSize {
  const { maxConnections: max } = connectionBudget({
    serverMaxConnections: budget,
    reservedConnections: 0,
    headroomConnections: 0,
    workers,
    routes,
    extraPerWorker: PROBES_PER_ROUTE * routes,
    minConnections: 0,
    maxConnections,
  })
  return { min: Math.min(minConnections, max), max }
}

/** The smallest budget that gives each worker a pool of one connection. */
export function smallestBudget({ workers, routes }: Pick<PoolSizeOptions, 'workers' | 'routes'>): number {
  return (workers + 1) * routes * (1 + PROBES_PER_ROUTE)
}

/** The most workers that such a budget gives a connection each. */
export function mostWorkers({ budget, routes }: Pick<PoolSizeOptions, 'budget' | 'routes'>): number {
  return Math.floor(budget / (routes * (1 + PROBES_PER_ROUTE))) - 1
}
