// What a failed statement means for its run: the error that the caller gets.
import { describeServerError, MigrationError } from './errors.ts'
import type { Migration } from './migrations-folder.ts'
import type { Settings } from './options.ts'
import { SessionFailure } from './session.ts'
import { lineOfPosition, type Statement } from './split-statements.ts'

/** Undone for the sake of others' locks or transactions: the same file may simply be run again. */
const CONFLICTS: ReadonlySet<string> = new Set(['55P03', '40P01', '40001'])

export function isConflict(error: unknown): error is SessionFailure & { readonly sqlState: string } {
  return error instanceof SessionFailure && error.sqlState !== undefined && CONFLICTS.has(error.sqlState)
}

/** Where in a file something failed. */
export interface Place {
  readonly migration: Migration
  /** Undefined for what the runner does itself: the row in the ledger, COMMIT. */
  readonly statement: Statement | undefined
}

/**
 * The error for a file. `outcome` is what becomes of it if the server has answered.
 * @returns anything that is no failure of the session as it is
 */
export function fileError(
  error: unknown,
  place: Place,
  outcome: 'rolled-back' | 'unknown',
  settings: Settings,
): unknown {
  if (!(error instanceof SessionFailure)) return error
  const { migration, statement } = place
  const file = migration.name
  if (error.aborted) {
    return new MigrationError('DB_ERR_MIGRATION_ABORTED', `${file} was stopped by the signal${fate(outcome)}.`, {
      file,
      outcome,
      cause: settings.signal?.reason,
    })
  }
  const { serverError } = error
  if (serverError === undefined) {
    return new MigrationError(
      outcome === 'rolled-back' ? 'DB_ERR_MIGRATION_LOST' : 'DB_ERR_MIGRATION_FAILED',
      `The connection was lost (${lostReason(error)}) while ${file}${statement === undefined ? '' : `, statement ${statement.number} (line ${statement.line}),`} was under way${fate(outcome)}.`,
      { file, outcome, statement: statement?.number, line: statement?.line },
    )
  }
  const { text, server } = describeServerError(serverError)
  const line =
    statement && (server.position === undefined ? statement.line : lineOfPosition(statement, server.position))
  const where = statement === undefined ? 'at its record or commit' : `in line ${line}, statement ${statement.number}`
  const hint = server.hint === undefined ? '' : ` Hint: ${server.hint}`
  return new MigrationError('DB_ERR_MIGRATION_FAILED', `${file} failed ${where}: ${text}${fate(outcome)}.${hint}`, {
    file,
    outcome,
    statement: statement?.number,
    line,
    server,
  })
}

/** The error for a failure outside of any file: the lock, the ledger. */
export function sessionError(error: unknown, settings: Settings): unknown {
  if (!(error instanceof SessionFailure)) return error
  if (error.aborted) {
    return new MigrationError('DB_ERR_MIGRATION_ABORTED', 'The run was stopped by its signal.', {
      cause: settings.signal?.reason,
    })
  }
  const { serverError } = error
  if (serverError === undefined) {
    return new MigrationError('DB_ERR_MIGRATION_LOST', `The connection was lost (${lostReason(error)}); run again.`)
  }
  const { text, server } = describeServerError(serverError)
  return new MigrationError('DB_ERR_MIGRATION_LEDGER', `The ledger of migrations can't be used: ${text}.`, { server })
}

function fate(outcome: 'rolled-back' | 'unknown'): string {
  return outcome === 'rolled-back'
    ? '; nothing of it remains'
    : '; it is recorded as begun, since parts of it may remain'
}

function lostReason({ failure, sqlState }: SessionFailure): string {
  if (failure.kind === 'server') return sqlState ?? String(Reflect.get(failure.error, 'code'))
  return 'reason' in failure ? failure.reason : failure.kind
}
