// How many connections each worker's pool may open, so that all of them together stay under the server's limit.
//
//   (workers + 1) × (pool + 1) ≤ budget        one worker more during a rolling restart; one connection more per worker for the probe

export interface PoolSizeOptions {
  readonly workers: number
  readonly minConnections: number
  readonly maxConnections: number
  /** Connections that all workers together may use; below PostgreSQL's `max_connections`, 100 unless it's changed. */
  readonly budget: number
}

export interface PoolSize {
  readonly min: number
  readonly max: number
}

const PROBE_CONNECTIONS = 1

/** The pool of one worker: what was asked for, cut to its share of the budget, at least one connection. */
export function poolSize(options: PoolSizeOptions): PoolSize {
  const share = Math.floor(options.budget / (options.workers + 1)) - PROBE_CONNECTIONS
  const max = Math.max(1, Math.min(options.maxConnections, share))
  return { min: Math.min(options.minConnections, max), max }
}
