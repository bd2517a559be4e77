// The one file that knows how queries reach PostgreSQL: postgres.js with a pool per worker, behind the small interface that repositories use.
//
// A query is written with `database.sql` and runs when it's handed to `read`: nothing is executed by merely writing it. So whoever stands behind this
// interface may route, repeat or batch it, and it always has a name for logs and metrics.
//
// Known limits of postgres.js 3.4.9 that callers rely on not meeting:
// * Cancelling a query on a shared connection can hit its neighbour, so a signal only ends the wait; the statement itself ends by its time limit.
// * A connection that dies inside `sql.begin` can take the process down, so no transaction runs on this pool. Commands open a connection of their own
//   (single-connection.ts).
import postgres from 'postgres'
import type { Logger } from '@plimsoll/telemetry'
import { toApiError } from './failures.ts'

/** Writes queries; bigint columns are numbers (identities never pass 2^53), numeric ones text, times are Dates. */
export type Sql = postgres.Sql<{ bigint: number }>

/** A query that was written and not run yet. */
export type Query<Row extends object> = postgres.PendingQuery<Row[]>

/** What repositories and health checks need of the database. */
export interface Database {
  readonly sql: Sql
  /**
   * Runs a query that changes nothing, so that it may be repeated or sent to a replica.
   * @param name stable and bounded, `resource.method`: the label in metrics and logs
   * @param signal ends the wait with the signal's reason
   * @throws API_ERR_DATABASE_UNAVAILABLE, API_ERR_DATABASE_TIMEOUT, or the server's own error for what is a bug of the query
   */
  read<Row extends object>(name: string, query: Query<Row>, signal?: AbortSignal): Promise<readonly Row[]>
  figures(): DatabaseFigures
  /** Waits for running queries, at most 5 s, and closes the connections. */
  close(): Promise<void>
}

export interface DatabaseFigures {
  readonly queriesActive: number
  readonly queriesTotal: number
  readonly queriesFailed: number
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** Connections opened at once by `openDatabase`. */
  readonly minConnections: number
  readonly maxConnections: number
  readonly connectTimeoutS: number
  /** Longest time for one statement; the server stops it then. */
  readonly commandTimeoutS: number
}

/** Told about every query that has ended. */
export type ObserveQuery = (name: string, outcome: 'ok' | 'failed' | 'abandoned', durationMs: number) => void

export interface DatabaseTools {
  readonly logger: Logger
  readonly clock: { now(): number }
  readonly observe: ObserveQuery
}

/** Longest wait for running queries. */
const CLOSE_TIMEOUT_S = 5
/** Longest wait when there are none: postgres.js waits for ever for a connection that the server has ended. */
const IDLE_CLOSE_TIMEOUT_S = 0.5
/** A transaction that forgot to end gives its locks back after this time. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** Opens the pool. It doesn't fail when the database is away: the first query says so, and later ones find it when it's back. */
export async function openDatabase(options: DatabaseOptions, tools: DatabaseTools): Promise<Database> {
  const { logger, clock, observe } = tools
  const sql: Sql = postgres(options.url, {
    ...connectionOptions(options, notice => logger.debug({ notice: notice['message'] }, 'notice from the database')),
    max: options.maxConnections,
  })
  const figures = { queriesActive: 0, queriesTotal: 0, queriesFailed: 0 }

  async function read<Row extends object>(
    name: string,
    query: Query<Row>,
    signal?: AbortSignal,
  ): Promise<readonly Row[]> {
    signal?.throwIfAborted()
    const startedAt = clock.now()
    figures.queriesActive += 1
    try {
      const rows = await untilAborted(query, signal)
      observe(name, 'ok', clock.now() - startedAt)
      return rows
    } catch (error) {
      const abandoned = signal?.aborted === true
      if (!abandoned) figures.queriesFailed += 1
      observe(name, abandoned ? 'abandoned' : 'failed', clock.now() - startedAt)
      throw toApiError(error)
    } finally {
      figures.queriesActive -= 1
      figures.queriesTotal += 1
    }
  }

  await warmUp(sql, options.minConnections, logger)
  return {
    sql,
    read,
    figures: () => ({ ...figures }),
    close: () => sql.end({ timeout: figures.queriesActive > 0 ? CLOSE_TIMEOUT_S : IDLE_CLOSE_TIMEOUT_S }),
  }
}

/** What every connection to the database has in common. */
export function connectionOptions(
  options: Pick<DatabaseOptions, 'applicationName' | 'connectTimeoutS' | 'commandTimeoutS'>,
  onNotice: (notice: postgres.Notice) => void,
) {
  return {
    connect_timeout: options.connectTimeoutS,
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.commandTimeoutS * 1000,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
    // Seconds before the next try to connect. The default grows to 20 s, for which a query would wait; never 0, postgres.js hangs on a retry in the same turn.
    backoff: (attempt: number) => Math.min(0.5, 0.05 * 2 ** attempt),
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    onnotice: onNotice,
  }
}

/** Opens the pool's first connections: each query of a burst opens one as long as the pool isn't full. */
async function warmUp(sql: Sql, connections: number, logger: Logger): Promise<void> {
  try {
    await Promise.all(Array.from({ length: connections }, () => sql`select 1`))
  } catch (error) {
    logger.warn({ err: error }, 'The database can not be reached yet; starting without it')
  }
}

/** Waits for a query, but not longer than the signal lets it. */
function untilAborted<Row extends object>(query: Query<Row>, signal: AbortSignal | undefined): Promise<Row[]> {
  if (!signal) return Promise.resolve(query)
  const { promise, resolve, reject } = Promise.withResolvers<Row[]>()
  // The reason is always an error: RequestDeadline sets one, and AbortSignal's own default is one.
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  query.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
