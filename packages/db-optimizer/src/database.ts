// The front: one pool, the tag that runs queries on it, and transactions.
import type postgres from 'postgres'
import { hostCount, postgresDriver, type PostgresDriver } from './driver/postgres-driver.ts'
import { DbError } from './errors.ts'
import { completeOptions, type DatabaseOptions } from './options.ts'
import { Pool, type PoolSettings } from './pool/pool.ts'
import type { PoolStatistics } from './pool/pool-statistics.ts'
import { RetryBudget } from './retry/retry-budget.ts'
import { PoolSession } from './sql/pool-session.ts'
import { SessionRunner } from './sql/run-query.ts'
import { SqlFactory, type NoTypes, type Sql } from './sql/sql.ts'
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

export interface Database<Types extends Record<string, unknown> = NoTypes> {
  readonly sql: Sql<Types>
  /**
   * Runs `fn` in a transaction: commits when it returns, rolls back when it throws. Statements that it started and didn't await are waited for.
   * @throws DB_ERR_OUTCOME_UNKNOWN when the commit's answer was lost and its fate can't be found out; other DbErrors; what `fn` throws
   */
  readonly transaction: <Result>(
    fn: (tx: Transaction<Types>) => Result | Promise<Result>,
    options?: TransactionOptions,
  ) => Promise<Awaited<Result>>
  readonly statistics: () => PoolStatistics
  /** Refuses new work, lets running work end, and closes all connections. After `timeoutMs` (default 5000) what still runs is cut off. */
  readonly close: (options?: { readonly timeoutMs?: number }) => Promise<void>
}

/** For tests: what is drawn from Math.random otherwise. */
export interface DatabaseTools {
  readonly random?: { next(): number }
}

/** The server's limit should be hit first, since it's told where the statement stood; ours is for a server that doesn't answer. */
const CANCEL_AFTER_SERVER_MS = 500
const FENCE_TIMEOUT_MS = 2000
const CLOSE_TIMEOUT_MS = 5000

/**
 * Makes a database without connecting: the first query opens the first connection.
 * @throws DB_ERR_OPTION
 */
export function createDatabase<Types extends Record<string, postgres.PostgresType> = NoTypes>(
  options: DatabaseOptions<Types>,
  tools: DatabaseTools = {},
): Database<TypesOf<Types>> & { readonly warmUp: () => Promise<void> } {
  const complete = completeOptions(options)
  const driver = driverOf(complete)
  const random = tools.random ?? { next: () => Math.random() }
  const settings: PoolSettings = { ...complete, fenceTimeoutMs: FENCE_TIMEOUT_MS }
  const pool = new Pool(settings, { driver, random })
  const factory = new SqlFactory(driver)
  const statementTimeoutMs = complete.commandTimeoutMs + CANCEL_AFTER_SERVER_MS
  const sql = factory.create(new SessionRunner(new PoolSession(pool, statementTimeoutMs), driver, factory.origins), {})
  const parts: TransactionParts = {
    pool,
    driver,
    factory,
    retryBudget: new RetryBudget(performance),
    random,
    statementTimeoutMs,
    ask: (text, parameters) => sql.unsafe(text, [...parameters]),
  }
  return {
    sql: sql as unknown as Sql<TypesOf<Types>>,
    warmUp: () => pool.warmUp(),
    async transaction<Result>(
      fn: (tx: Transaction<TypesOf<Types>>) => Result | Promise<Result>,
      transactionOptions: TransactionOptions = {},
    ): Promise<Awaited<Result>> {
      checkTransactionOptions(transactionOptions)
      const result = await runTransaction(parts, fn as unknown as TransactionFunction, transactionOptions)
      return result as Awaited<Result>
    },
    statistics: () => pool.statistics(),
    close: ({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) => pool.close(timeoutMs),
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

function driverOf(options: {
  readonly url: string
  readonly driver: Parameters<typeof postgresDriver>[1]
}): PostgresDriver {
  let driver: PostgresDriver
  try {
    driver = postgresDriver(options.url, options.driver)
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
      'url names several hosts: with two that are down the driver waits for ever. Make one database for each.',
    )
  }
  return driver
}
