// The driver by itself, for the commands that load or empty a database over one connection (single-connection.ts). Whoever serves requests takes database.ts.
import type postgres from 'postgres'

/** The driver's tag; bigint columns are numbers. */
export type DriverSql = postgres.Sql<{ bigint: number }>

/** How bigint columns are read: identities never pass 2^53. */
export const BIGINT: postgres.PostgresType<number> = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => Number(text),
}

/** A transaction that forgot to end gives its locks back after this time. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** What each of the commands' connections has in common. */
export function connectionOptions(
  options: { readonly applicationName: string; readonly connectTimeoutS: number; readonly commandTimeoutS: number },
  onNotice: (notice: postgres.Notice) => void,
) {
  return {
    connect_timeout: options.connectTimeoutS,
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.commandTimeoutS * 1000,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
    // Seconds before the next try to connect. The default grows to 20 s; never 0, postgres.js hangs on a retry in the same turn.
    backoff: (attempt: number) => Math.min(0.5, 0.05 * 2 ** attempt),
    types: { bigint: BIGINT },
    onnotice: onNotice,
  }
}
