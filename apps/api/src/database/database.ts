// What repositories know of the database: a tag that writes queries, and the ways in which they're run. Behind it stands @plimsoll/db-optimizer.
//
// A query is written with `database.sql` and runs when it's handed over: nothing is executed by merely writing it. This adapter adds what the optimizer can't
// know of an API:
//
// * reads may run twice, so a lost answer is asked for again, also over the other route
// * who waits for a read leaves as soon as its signal aborts; the statement is cancelled behind them, and nobody waits for the cancel's answer
// * errors become the API's own (failures.ts), and every call is counted by its name
// * while the database is away calls are refused at once, and reads that wait are given up (outage-watch.ts)
import {
  createDatabase,
  type DatabaseStatistics,
  type QueryCache,
  type Query as OptimizerQuery,
  type Sql as OptimizerSql,
  type Transaction,
  type TransactionOptions,
} from '@plimsoll/db-optimizer'
import { createInvalidationLog, type InvalidationLog } from '@plimsoll/db-optimizer/invalidation'
import type { Logger } from '@plimsoll/telemetry'
import { routesTo, type DatabaseAddress } from './address.ts'
import { BIGINT } from './driver.ts'
import { endOf, toApiError } from './failures.ts'
import type { CallEnd, OutageWatch } from './outage-watch.ts'
import { PROBE_NAME } from './probe.ts'
import { logRouteChanges } from './route-log.ts'

/** JavaScript types of columns beyond the driver's own: bigint columns are numbers (identities never pass 2^53), numeric ones text, times are Dates. */
type Types = { bigint: number }

/** Writes queries. */
export type DatabaseSql = OptimizerSql<Types>

/** A query that was written and not run yet. */
export type Query<Row extends object> = OptimizerQuery<Row[]>

/** A read by id that many callers share. */
export interface KeyedRead<Row extends object> {
  /** Stable and bounded, `resource.method`: the label in metrics and logs. */
  readonly name: string
  /** Writes the query for these ids, none twice; its rows may come in any order. */
  readonly query: (ids: readonly number[]) => Query<Row>
  /** The id that a row belongs to. */
  readonly idOf: (row: Row) => number
}

/** Gives what a keyed read has for an id. Who waits for the same id gets the same object: don't change it. */
export type Load<Value> = (id: number, signal?: AbortSignal) => Promise<Value>

/** What repositories and health checks need of the database. All of it throws API_ERR_DATABASE_*, or the server's own error for what is a bug of the query. */
export interface Database {
  readonly sql: DatabaseSql
  /**
   * Runs a query that changes nothing: its answer is asked for again when it was lost.
   * @param name stable and bounded, `resource.method`: the label in metrics and logs
   * @param signal ends the wait with the signal's reason, and cancels the query
   */
  read<Row extends object>(name: string, query: Query<Row>, signal?: AbortSignal): Promise<readonly Row[]>
  /** Makes a read by id that asks for the ids of many callers in one statement; one row per id, or null. Make it once, not per request. */
  loader<Row extends object>(read: KeyedRead<Row>): Load<Row | null>
  /** As `loader`, with all rows of an id in the order in which they came. */
  manyLoader<Row extends object>(read: KeyedRead<Row>): Load<readonly Row[]>
  /**
   * Runs `fn` in a transaction: commits when it returns, rolls back when it throws or the signal aborts. It settles when it's known what became of it.
   * @throws API_ERR_DATABASE_OUTCOME_UNKNOWN when that can't be known; what `fn` throws
   */
  transaction<Result>(
    name: string,
    fn: (tx: Transaction<Types>) => Promise<Result>,
    options?: Omit<TransactionOptions, 'name'>,
  ): Promise<Result>
  /** Calls of all the above. */
  figures(): DatabaseFigures
  /** Pools and routes. */
  statistics(): DatabaseStatistics
  /** The log by which machines tell each other what their caches have to forget; closed by whoever opened it. */
  openInvalidationLog(): InvalidationLog
  /** Waits for running queries, at most 5 s, and closes the connections. */
  close(): Promise<void>
}

export interface DatabaseFigures {
  readonly queriesActive: number
  readonly queriesTotal: number
  readonly queriesFailed: number
}

export interface DatabaseOptions extends DatabaseAddress {
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** Connections opened at once by `openDatabase`, and kept. */
  readonly minConnections: number
  /** Of each route. */
  readonly maxConnections: number
  readonly connectTimeoutS: number
  /** Longest time for one statement; the server stops it then. */
  readonly commandTimeoutS: number
  /** Longest wait for a connection. */
  readonly acquireTimeoutMs: number
  /** Waiting and running together from which on a statement is logged as slow; 0: all are. */
  readonly slowQueryMs: number
}

/** What may be left out. */
export interface DatabaseSwitches {
  /** Whether reads by id that come in at the same time share a statement. */
  readonly batching: boolean
  /** Whether a route that has just failed repeatedly is left. */
  readonly circuitBreaker: boolean
  /** Whether statements are counted and timed by their text, and slow ones logged. */
  readonly statementStatistics: boolean
}

/** Told about every call that has ended. */
export type ObserveQuery = (name: string, outcome: 'ok' | 'failed' | 'abandoned', durationMs: number) => void

export interface DatabaseTools {
  readonly logger: Logger
  readonly clock: { now(): number }
  readonly random: { next(): number }
  readonly observe: ObserveQuery
  /** Keeps rows of `sql.cached`, and is told of every write. */
  readonly queryCache: QueryCache | undefined
  /** Refuses calls while the database is away; undefined: each finds out for itself. */
  readonly outage: OutageWatch | undefined
}

const TYPES = { bigint: BIGINT }
/** What a read says of itself: it may run twice, and it isn't to be looked into for writes. A lost answer to one whose tables aren't known would else count as a write to any. */
const READING = { idempotent: true, invalidates: [] } as const

interface CallTraits {
  readonly signal: AbortSignal | undefined
  readonly readOnly: boolean
}

/** Opens the pool. It doesn't fail when the database is away: the first query says so, and later ones find it when it's back. */
export async function openDatabase(
  options: DatabaseOptions & DatabaseSwitches,
  tools: DatabaseTools,
): Promise<Database> {
  const { logger, clock, random, observe, queryCache, outage } = tools
  const routes = routesTo(options)
  const database = createDatabase(
    {
      routes,
      applicationName: options.applicationName,
      minConnections: options.minConnections,
      maxConnections: options.maxConnections,
      connectTimeoutMs: options.connectTimeoutS * 1000,
      commandTimeoutMs: options.commandTimeoutS * 1000,
      acquireTimeoutMs: options.acquireTimeoutMs,
      slowQueryMs: options.slowQueryMs,
      circuitBreaker: options.circuitBreaker,
      statementStatistics: options.statementStatistics,
      // `name` is the program's in every line.
      onSlowQuery: ({ name, ...slow }) => logger.warn({ statement: name, ...slow }, 'slow statement'),
      onNotice: notice => logger.debug({ notice: notice['message'] }, 'notice from the database'),
      types: TYPES,
      ...(queryCache === undefined ? {} : { cache: { store: queryCache, automatic: true } }),
    },
    { random },
  )
  const figures = { queriesActive: 0, queriesTotal: 0, queriesFailed: 0 }

  async function counted<Result>(
    name: string,
    { signal, readOnly }: CallTraits,
    work: (signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted()
    const call = outage?.begin(signal, readOnly)
    let end: CallEnd = 'answered'
    const startedAt = clock.now()
    figures.queriesActive += 1
    try {
      const result = await work(call?.signal ?? signal)
      observe(name, 'ok', clock.now() - startedAt)
      return result
    } catch (error) {
      end = endOf(error)
      const abandoned = signal?.aborted === true
      if (!abandoned) figures.queriesFailed += 1
      observe(name, abandoned ? 'abandoned' : 'failed', clock.now() - startedAt)
      throw toApiError(error, { readOnly })
    } finally {
      call?.end(end)
      figures.queriesActive -= 1
      figures.queriesTotal += 1
    }
  }

  /** How an optimizer's loader is made of a read. */
  const loading = <Row extends object>({ name, query, idOf }: KeyedRead<Row>) => ({
    keyForm: 'int8' as const,
    keyOf: idOf,
    run: (ids: readonly number[], { signal }: { readonly signal: AbortSignal }): Promise<readonly Row[]> =>
      query(ids).with({ name, signal, ...READING }),
  })

  const read = <Row extends object>(name: string, query: Query<Row>, signal?: AbortSignal) =>
    counted(name, { signal, readOnly: true }, stop =>
      untilAborted(query.with({ name, signal: stop, ...READING }), stop),
    )

  // Before everybody who waits: a pool that's merely busy is to be known from one that gets no answers.
  outage?.askBy(signal =>
    untilAborted(
      database.sql`select 1`.with({ name: PROBE_NAME, priority: 'critical', signal, ...READING }),
      signal,
    ).then(() => 'answered', endOf),
  )

  const stopLogging = logRouteChanges(
    logger,
    routes.map(route => route.name),
  )
  try {
    await database.warmUp()
  } catch (error) {
    logger.warn({ err: error }, 'The database can not be reached yet; starting without it')
  }
  return {
    sql: database.sql,
    read,
    loader(keyed) {
      const { name, query } = keyed
      if (!options.batching) return async (id, signal) => (await read(name, query([id]), signal))[0] ?? null
      const loader = database.loader(loading(keyed))
      return (id, signal) => counted(name, { signal, readOnly: true }, stop => loader.load(id, { signal: stop }))
    },
    manyLoader(keyed) {
      const { name, query } = keyed
      if (!options.batching) return (id, signal) => read(name, query([id]), signal)
      const loader = database.manyLoader(loading(keyed))
      return (id, signal) => counted(name, { signal, readOnly: true }, stop => loader.load(id, { signal: stop }))
    },
    transaction(name, fn, transactionOptions = {}) {
      const { signal, readOnly = false } = transactionOptions
      return counted(name, { signal, readOnly }, () => database.transaction(fn, { ...transactionOptions, name }))
    },
    figures: () => ({ ...figures }),
    statistics: () => database.statistics(),
    openInvalidationLog: () => createInvalidationLog(database),
    async close() {
      await database.close()
      stopLogging()
    },
  }
}

/** Waits for a query, but not longer than the signal lets it. */
function untilAborted<Row extends object>(query: Query<Row>, signal: AbortSignal | undefined): Promise<readonly Row[]> {
  if (!signal) return Promise.resolve(query)
  const { promise, resolve, reject } = Promise.withResolvers<readonly Row[]>()
  // The reason is always an error: RequestDeadline sets one, and AbortSignal's own default is one.
  const onAbort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  query.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
