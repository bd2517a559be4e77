// One connection for a command that loads or empties (seed, reset), closed when its work is done. Migrations have their own, see migrate.ts.
//
// With exactly one connection the session's state is ours: advisory locks, `set`, and begin/commit as plain statements. postgres.js' own `sql.begin` is
// avoided: a backend that dies inside it ends the process with an uncaught error.
import postgres from 'postgres'
import { connectionOptions, type DriverSql } from './driver.ts'
import { toSetupError } from './failures.ts'
import { promptSocket } from './prompt-socket.ts'

export interface SingleConnectionOptions {
  readonly url: string
  readonly applicationName: string
  readonly connectTimeoutS: number
  /** 0 for none: a command may take as long as it needs. */
  readonly commandTimeoutS: number
  /** Told what the server remarks, for example about a table that already exists. */
  readonly onNotice?: (message: string) => void
}

/**
 * Runs `work` with a connection of its own.
 * @throws API_ERR_DATABASE_CONNECT with one clear line when there is no way in; otherwise what `work` throws
 */
export async function withConnection<Result>(
  options: SingleConnectionOptions,
  work: (sql: DriverSql) => Promise<Result>,
): Promise<Result> {
  const sql: DriverSql = postgres(options.url, {
    ...connectionOptions(options, notice => options.onNotice?.(notice['message'] ?? '')),
    ...promptSocket(),
    max: 1,
    // Its time-out would drop the session's state, and a command doesn't idle for half an hour.
    max_lifetime: null,
  })
  try {
    return await work(sql)
  } catch (error) {
    throw toSetupError(error, options.url)
  } finally {
    // Nothing runs any more; after a lost connection postgres.js would wait for ever.
    await sql.end({ timeout: 0.5 })
  }
}

/** Runs `work` in a transaction on a single connection. */
export async function inTransaction<Result>(sql: DriverSql, work: () => Promise<Result>): Promise<Result> {
  await sql`begin`
  try {
    const result = await work()
    await sql`commit`
    return result
  } catch (error) {
    // The first error is the one to tell; when the connection is gone, so is the transaction.
    await sql`rollback`.catch(() => {})
    throw error
  }
}
