// The migrations runner's errors as this program's: one line that says what to do here, under the codes that its README lists.
import { DbError, MigrationError, type MigrationErrorCode } from '@plimsoll/db-optimizer/migrations'
import { SetupError, type SetupErrorCode } from '../errors.ts'
import { toSetupError } from './failures.ts'

const CODES = {
  DB_ERR_MIGRATION_FOLDER: 'API_ERR_MIGRATION_NAME',
  DB_ERR_MIGRATION_NAME: 'API_ERR_MIGRATION_NAME',
  DB_ERR_MIGRATION_FILE: 'API_ERR_MIGRATION_NAME',
  DB_ERR_MIGRATION_CHANGED: 'API_ERR_MIGRATION_CHANGED',
  DB_ERR_MIGRATION_MISSING: 'API_ERR_MIGRATION_ORDER',
  DB_ERR_MIGRATION_ORDER: 'API_ERR_MIGRATION_ORDER',
  DB_ERR_MIGRATION_AHEAD: 'API_ERR_MIGRATION_ORDER',
  DB_ERR_MIGRATION_LOCKED: 'API_ERR_MIGRATION_LOCKED',
  DB_ERR_MIGRATION_INTERRUPTED: 'API_ERR_MIGRATION_INTERRUPTED',
  DB_ERR_MIGRATION_POOLER: 'API_ERR_MIGRATION_SESSION',
  DB_ERR_MIGRATION_LEDGER: 'API_ERR_MIGRATION_SESSION',
  DB_ERR_MIGRATION_FAILED: 'API_ERR_MIGRATION_FAILED',
  DB_ERR_MIGRATION_BUSY: 'API_ERR_MIGRATION_FAILED',
  DB_ERR_MIGRATION_LOST: 'API_ERR_MIGRATION_INTERRUPTED',
  DB_ERR_MIGRATION_UNKNOWN: 'API_ERR_MIGRATION_INTERRUPTED',
  DB_ERR_MIGRATION_ABORTED: 'API_ERR_MIGRATION_FAILED',
} as const satisfies Record<MigrationErrorCode, SetupErrorCode>

/** What only this program can say: its command. */
const REMEDIES: Readonly<Partial<Record<MigrationErrorCode, string>>> = {
  DB_ERR_MIGRATION_INTERRUPTED:
    ' Here: node apps/api/src/database/main.ts repair NUMBER pending, or done; with DATABASE_URL set.',
}

/** Anything else comes back as it is. */
export function toMigrationFailure(error: unknown, url: string): unknown {
  if (error instanceof MigrationError) {
    return new SetupError(CODES[error.code], `${error.message}${REMEDIES[error.code] ?? ''}`, error)
  }
  if (error instanceof DbError && error.code === 'DB_ERR_CONNECT') {
    // Told by the reason: what the operating system, the driver or the server said.
    const known = toSetupError(Object.assign(new Error(error.message, { cause: error }), { code: error.reason }), url)
    return known instanceof SetupError ? known : new SetupError('API_ERR_DATABASE_CONNECT', error.message, error)
  }
  return error
}
