// The front: routes to one database, the tag that runs queries on them, transactions, batches, loaders and writers.
import { AsyncLocalStorage } from 'node:async_hooks'
import type postgres from 'postgres'
import { backgroundTimers } from './background-timers.ts'
import { batchingOn, type Batching } from './batching/batching.ts'
import { analysisOn } from './cached/analysis-on-pool.ts'
import { CachedQueries } from './cached/cached-query.ts'
import { cachingOf } from './cached/caching.ts'
import { hostCount, postgresDriver, type PostgresDriver } from './driver/postgres-driver.ts'
import { DbError } from './errors.ts'
import { Notifications, type ListenOptions, type ListenStatistics, type StopListening } from './listen/notifications.ts'
import type { MessageHandler } from './listen/subscription.ts'
import { completeOptions, type CompleteOptions, type CompleteRoute, type DatabaseOptions } from './options.ts'
import type { PoolStatistics } from './pool/pool-statistics.ts'
import { RetryBudget } from './retry/retry-budget.ts'
import { Route, type RouteStatistics } from './routes/route.ts'
import { Routes } from './routes/routes.ts'
import { runBatch, type BatchableQuery, type BatchResult } from './sql/batch.ts'
import { PoolSession } from './sql/pool-session.ts'
import type { QueryOptions } from './sql/query.ts'
import { RepeatQuery } from './sql/repeat-query.ts'
import { SessionRunner, type RunnerTools } from './sql/run-query.ts'
import { SqlFactory, type NoTypes, type Sql } from './sql/sql.ts'
import { statementsOf, type Statements } from './statements/statements.ts'
import { checkTransactionOptions, type TransactionOptions } from './transaction/transaction-options.ts'
import {
  runTransaction,
  type Transaction,
  type TransactionFunction,
  type TransactionParts,
} from './transaction/transaction.ts'

/** JavaScript types of a map of postgres.js types. */
export type TypesOf<Types extends Record<string, postgres.PostgresType>> = {
  [Name in keyof Types]: Types[Name] extends { serialize: (value: infer Value) => unknown } ? Value : never
}

export interface Database<Types extends Record<string, unknown> = NoTypes> extends Batching {
  readonly sql: Sql<Types>
  /**
   * Runs `fn` in a transaction: commits when it returns, rolls back when it throws. Statements that it started and didn't await are waited for.
   * @throws DB_ERR_OUTCOME_UNKNOWN when the commit's answer was lost and its fate can't be found out; other DbErrors; what `fn` throws
   */
  readonly transaction: <Result>(
    fn: (tx: Transaction<Types>) => Result | Promise<Result>,
    options?: TransactionOptions,
  ) => Promise<Awaited<Result>>
  /**
   * Runs up to 50 queries in one round trip, each a statement of its own: one that fails doesn't undo the others. For all or nothing: `tx.batch` in a transaction.
   * @throws DbError when none was sent
   */
  readonly batch: <const Queries extends readonly BatchableQuery[]>(
    queries: Queries,
    options?: QueryOptions,
  ) => Promise<BatchResult<Queries>>
  /**
   * Calls the handler with the payload of each notification on the channel, from when it resolves until the function that it gives is called. On a connection of
   * its own, by the first route that isn't a pooler. What could have been missed is told to `onGap`.
   * @throws DB_ERR_UNSUPPORTED when all routes are poolers; DB_ERR_OPTION, DB_ERR_CONNECT, DB_ERR_QUERY, DB_ERR_CLOSED
   */
  readonly listen: (channel: string, handler: MessageHandler, options?: ListenOptions) => Promise<StopListening>
  /** Figures per statement. */
  readonly statements: Statements
  readonly statistics: () => DatabaseStatistics
  /** Refuses new work, lets running work end, and closes all connections. After `timeoutMs` (default 5000) what still runs is cut off. */
  readonly close: (options?: { readonly timeoutMs?: number }) => Promise<void>
}

export interface DatabaseStatistics {
  /** The route that's used now. */
  readonly route: string
  /** Its pool. */
  readonly pool: PoolStatistics
  readonly routes: readonly RouteStatistics[]
  /** Undefined when all routes are poolers. */
  readonly listen: ListenStatistics | undefined
  /** Retries that were not made because of the budget. */
  readonly retriesOverBudget: number
}

/** For tests: what is drawn from Math.random otherwise. */
export interface DatabaseTools {
  readonly random?: { next(): number }
}

/** The server's limit should be hit first, since it's told where the statement stood; ours is for a server that doesn't answer. */
const CANCEL_AFTER_SERVER_MS = 500
const FENCE_TIMEOUT_MS = 2000
const CLOSE_TIMEOUT_MS = 5000
/** An attempt into a silent network holds up the next one. */
const LISTEN_CONNECT_TIMEOUT_MS = 3000

/**
 * Makes a database without connecting: the first query opens the first connection.
 * @throws DB_ERR_OPTION
 */
export function createDatabase<Types extends Record<string, postgres.PostgresType> = NoTypes>(
  options: DatabaseOptions<Types>,
  tools: DatabaseTools = {},
): Database<TypesOf<Types>> & { readonly warmUp: () => Promise<void> } {
  const complete = completeOptions(options)
  const random = tools.random ?? { next: () => Math.random() }
  const { commandTimeoutMs, acquireTimeoutMs, maxAttempts } = complete
  const routes = createRoutes(complete, random)
  const { driver } = routes.current
  const factory = new SqlFactory(driver)
  const retryBudget = new RetryBudget(performance)
  const timeoutMs = commandTimeoutMs + CANCEL_AFTER_SERVER_MS
  const session = new PoolSession(routes, { timeoutMs, acquireTimeoutMs })
  const statements = statementsOf(complete, { random, explain: text => sql.unsafe(text).with({ invalidates: [] }) })
  const runnerTools: RunnerTools = { driver, origins: factory.origins, observe: statements.observe }
  const inside = new AsyncLocalStorage<true>()
  const caching = cachingOf(complete, statement => analyse(statement))
  const runner = new SessionRunner(
    session,
    { ...runnerTools, writes: caching?.writes },
    self => new RepeatQuery(self, { budget: retryBudget, random, routes, maxAttempts }),
  )
  const copy = factory.copy.bind(factory)
  const cached = new CachedQueries({
    cache: complete.cache?.store,
    known: caching?.known,
    origin: caching?.origin ?? '',
    runner,
    driver,
    inside,
    copy,
  })
  const sql = factory.create(runner, {}, options => cached.runner(options))
  const notifications = createNotifications(complete, routes, random)
  const parts: TransactionParts = {
    routes,
    runnerTools,
    writes: caching?.writes,
    functionWrites: complete.cache?.functionWrites ?? {},
    factory,
    retryBudget,
    random,
    statementTimeoutMs: timeoutMs,
    acquireTimeoutMs,
    inside,
    ask: (text, parameters) => sql.unsafe(text, [...parameters]).with({ invalidates: [] }),
  }
  const analyse = analysisOn({ ...parts, runnerTools: { ...runnerTools, observe: undefined }, writes: undefined })
  return {
    sql: sql as unknown as Sql<TypesOf<Types>>,
    async warmUp() {
      routes.startProbing()
      await warmUp(routes)
    },
    async transaction<Result>(
      fn: (tx: Transaction<TypesOf<Types>>) => Result | Promise<Result>,
      transactionOptions: TransactionOptions = {},
    ): Promise<Awaited<Result>> {
      checkTransactionOptions(transactionOptions)
      const result = await runTransaction(parts, fn as unknown as TransactionFunction, transactionOptions)
      return result as Awaited<Result>
    },
    batch: async (queries, batchOptions = {}) => (await runBatch(runner, queries, batchOptions)) as never,
    ...batchingOn(sql, inside),
    async listen(channel, handler, listenOptions) {
      if (notifications !== undefined) return notifications.listen(channel, handler, listenOptions)
      throw new DbError(
        'DB_ERR_UNSUPPORTED',
        'LISTEN hears nothing through a pooler in transaction mode: add a direct route to `routes`.',
      )
    },
    statements: statements.report,
    statistics() {
      const { name, pool } = routes.current
      return {
        route: name,
        pool: pool.statistics(),
        routes: routes.all.map(route => route.statistics()),
        listen: notifications?.statistics(),
        retriesOverBudget: retryBudget.refusedTotal,
      }
    },
    async close({ timeoutMs: closeTimeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      await notifications?.close()
      // While the cache can still use this database; and what was cut off by closing.
      await caching?.writes.close()
      await routes.close(closeTimeoutMs)
      await caching?.writes.close()
    },
  }
}

/**
 * Makes a database and opens its first connections.
 * @throws DB_ERR_OPTION; DB_ERR_CONNECT when there's no way in (it's closed then)
 */
export async function openDatabase<Types extends Record<string, postgres.PostgresType> = NoTypes>(
  options: DatabaseOptions<Types>,
  tools?: DatabaseTools,
): Promise<Database<TypesOf<Types>>> {
  const database = createDatabase(options, tools)
  try {
    await database.warmUp()
    return database
  } catch (error) {
    await database.close({ timeoutMs: 0 })
    throw error
  }
}

function createRoutes(options: CompleteOptions, random: { next(): number }): Routes {
  const drivers = options.routes.map(driverOf)
  // Queries are written by the first driver and run by any: what one learns of the server's types, all have to know.
  const learnArrayTypes = (rows: readonly object[]): void => {
    for (const driver of drivers) driver.learnArrayTypes(rows)
  }
  const routes: Routes = new Routes(
    options.routes.map(
      (route, index) =>
        new Route(
          route,
          {
            ...options,
            ...route,
            fenceTimeoutMs: FENCE_TIMEOUT_MS,
            unreachableAfterMs: Math.min(options.routing.fallbackAfterMs, options.acquireTimeoutMs),
          },
          options.routing,
          {
            driver: { ...(drivers[index] as PostgresDriver), learnArrayTypes },
            random,
            timers: backgroundTimers,
            onChange: () => routes.choose(),
          },
        ),
    ),
  )
  return routes
}

function createNotifications(
  options: CompleteOptions,
  { all }: Routes,
  random: { next(): number },
): Notifications | undefined {
  const direct = all.find(route => !route.pooler)
  if (direct === undefined) return undefined
  const { heartbeatIntervalMs, heartbeatTimeoutMs, onError } = options.listen
  const connectTimeoutMs = Math.min(options.connectTimeoutMs, LISTEN_CONNECT_TIMEOUT_MS)
  return new Notifications(
    { name: direct.name, connectTimeoutMs, heartbeatIntervalMs, heartbeatTimeoutMs },
    { driver: direct.driver, random, onError },
  )
}

/** Opens each route's first connections. It's enough that one route can be reached. */
async function warmUp({ all }: Routes): Promise<void> {
  const outcomes = await Promise.allSettled(all.map(route => route.pool.warmUp()))
  const failures = outcomes.filter(outcome => outcome.status === 'rejected')
  if (failures.length === all.length) throw failures[0]?.reason
}

function driverOf({ url, driver: options }: CompleteRoute): PostgresDriver {
  let driver: PostgresDriver
  try {
    driver = postgresDriver(url, options)
  } catch {
    // The reason may quote the address, and that the password.
    throw new DbError(
      'DB_ERR_OPTION',
      'url or types can not be read by the driver: check the address, its special characters have to be encoded.',
    )
  }
  if (hostCount(driver) > 1) {
    throw new DbError(
      'DB_ERR_OPTION',
      'url names several hosts: with two that are down the driver waits for ever. Give each as one of the `routes`.',
    )
  }
  return driver
}
