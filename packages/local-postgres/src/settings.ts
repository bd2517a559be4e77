// The server's settings for development on a machine of two cores and for tests, with the reason for each that isn't PostgreSQL's default.
import type { CheckedOptions } from './options.ts'

/** The setting under which the server carries the process it belongs to; see running-server.ts. */
export const OWNER_SETTING = 'plimsoll.owner'

export interface ServerSettingsInput {
  readonly options: CheckedOptions
  readonly port: number
  readonly socket: string | undefined
  readonly owner: string
}

/** Names and values in the order in which the server gets them; a later one wins. */
export function serverSettings({ options, port, socket, owner }: ServerSettingsInput): ReadonlyMap<string, string> {
  return new Map([
    ...Object.entries(DEVELOPMENT),
    ...Object.entries(options.durability === 'off' ? NO_DURABILITY : {}),
    ['max_connections', String(options.maxConnections)],
    ...Object.entries(options.settings),
    // Loopback only: the binaries are a convenience for development, built with libraries that get no security fixes.
    ['listen_addresses', '127.0.0.1'],
    ['port', String(port)],
    // The value is a list with commas; a quoted name may hold anything, quotes doubled.
    ['unix_socket_directories', socket === undefined ? '' : `"${socket.replaceAll('"', '""')}"`],
    [OWNER_SETTING, owner],
  ])
}

const DEVELOPMENT = {
  // Twice the default: the demo data and its indexes stay in memory beside the workers and the balancer. Not preallocated, so an idle server uses little.
  shared_buffers: '256MB',
  // What the planner may count on from the page cache of a small machine; the default (4GB) isn't there.
  effective_cache_size: '1GB',
  // Solid-state storage: a random page costs about as much as the next one. With the default (4) the planner avoids indexes.
  random_page_cost: '1.1',
  // Two cores are shared with all workers: a query that takes a second core only takes it from another request. Parallel queries would also need
  // /dev/shm, which has 64 MiB in a container.
  max_parallel_workers_per_gather: '0',
  // The package has no JIT library.
  jit: 'off',
  // Counts and times every kind of statement: what the index advice and the slow-query log are checked against. Takes effect only when it's preloaded.
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
  // Statements up to 4 KiB stay readable in pg_stat_activity (default 1 KiB).
  track_activity_query_size: '4096',
  // Read and write times in EXPLAIN (BUFFERS) and pg_stat_database; costs two clock reads per block.
  track_io_timing: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Milliseconds, process, database and application: enough to see whose statement failed.
  log_line_prefix: '%m [%p] %q%d/%a ',
  // To standard error, which is read by this package and kept in part.
  logging_collector: 'off',
  log_destination: 'stderr',
  log_checkpoints: 'off',
} as const

const NO_DURABILITY = {
  // synchronous_commit stays on: without fsync it costs next to nothing, and a commit then survives the server's death as it does in production.
  fsync: 'off',
  full_page_writes: 'off',
  // A test's data is gone in a minute: write none of it twice.
  checkpoint_timeout: '1h',
  max_wal_size: '4GB',
  // Small, recycled less: a test server's folder stays small.
  min_wal_size: '32MB',
} as const
