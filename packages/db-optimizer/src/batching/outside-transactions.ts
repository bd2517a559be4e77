// Batches run as statements of their own on any connection. So they must not be used where a statement belongs to something: inside a transaction (they wouldn't see
// its writes, and would outlive its rollback), or under another role or tenant than the one whose rows they fetch.
//
// Two safeguards. What runs the statements has to say that each is a transaction of its own: handles of transactions don't. And each use may be refused from the
// caller's own async context, where a transaction that's under way is known.
import type { AsyncLocalStorage } from 'node:async_hooks'
import { DbError } from '../errors.ts'

/** Runs a statement as a transaction of its own, on any connection. */
export interface AutocommitRunner {
  readonly autocommit: true
  /** Parameters are text or null, in PostgreSQL's text format. */
  run<Row extends object>(
    text: string,
    parameters: readonly (string | null)[],
    context: { readonly signal: AbortSignal },
  ): Promise<readonly Row[]>
}

/** @throws DB_ERR_UNSUPPORTED for a runner that belongs to a transaction, or doesn't say. */
export function requireAutocommit(runner: { readonly autocommit?: unknown }, what: string): void {
  if (runner.autocommit === true) return
  throw new DbError(
    'DB_ERR_UNSUPPORTED',
    `${what} can't be made on a transaction or a reserved connection: its statements run on any connection, each as a transaction of its own.`,
  )
}

/** For the option `admit`: refuses callers inside a transaction, or whatever else the storage holds. */
export function refuseInside(storage: AsyncLocalStorage<unknown>, what: string): () => void {
  return () => {
    if (storage.getStore() === undefined) return
    throw new DbError(
      'DB_ERR_UNSUPPORTED',
      `${what} can't be used inside a transaction: it wouldn't see the transaction's writes, and wouldn't be undone with them. Use the transaction's own statements.`,
    )
  }
}
