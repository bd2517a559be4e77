// Options of a transaction, and their check.
import { DbError } from '../errors.ts'
import { checkQueryOptions } from '../sql/query.ts'
import type { Priority } from '../pool/wait-queue.ts'

/** PostgreSQL, 13.2; "read uncommitted" is the same as "read committed" there. */
export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable'

export interface TransactionOptions {
  /** Default: the server's, usually read committed. */
  readonly isolation?: IsolationLevel
  /** The server refuses writes. A lost commit is then of no consequence. Default: the server's. */
  readonly readOnly?: boolean
  /** Waits for a moment at which it can't fail with a conflict; for serializable and read only. Default false. */
  readonly deferrable?: boolean
  /**
   * Further attempts after a conflict or a lost connection, 0 to 10. The function is then called again, so whatever it does beside the database is done
   * again. Default 0.
   */
  readonly retries?: number
  /** Running it twice leaves what running it once leaves: it's repeated also when its outcome is unknown. Default false. */
  readonly idempotent?: boolean
  /** Rolls back. */
  readonly signal?: AbortSignal | undefined
  /** For all of it, waiting and attempts included, in milliseconds; then it's rolled back. Default: none. */
  readonly timeoutMs?: number
  /** Who waits for a connection before whom. Default normal. */
  readonly priority?: Priority
  /** Stable and bounded, `resource.method`: the label in logs and metrics. */
  readonly name?: string
}

const LEVELS: readonly string[] = ['read committed', 'repeatable read', 'serializable'] satisfies IsolationLevel[]
const OWN: ReadonlySet<string> = new Set(['isolation', 'readOnly', 'deferrable', 'retries'])
const MAX_RETRIES = 10

/** @throws DB_ERR_OPTION */
export function checkTransactionOptions(options: TransactionOptions): void {
  const { isolation, readOnly, deferrable, retries = 0 } = options
  checkQueryOptions(Object.fromEntries(Object.entries(options).filter(([key]) => !OWN.has(key))))
  if ('invalidates' in options)
    throw new DbError('DB_ERR_OPTION', 'Transactions have no option "invalidates": say tx.invalidates(tags) inside.')
  if (isolation !== undefined && !LEVELS.includes(isolation)) {
    throw new DbError('DB_ERR_OPTION', `isolation is ${isolation as string}; it's one of ${LEVELS.join(', ')}.`)
  }
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    throw new DbError('DB_ERR_OPTION', `retries is ${retries}; it's a whole number from 0 to ${MAX_RETRIES}.`)
  }
  if (deferrable === true && !(isolation === 'serializable' && readOnly === true)) {
    throw new DbError('DB_ERR_OPTION', 'deferrable needs isolation "serializable" and readOnly true.')
  }
}
