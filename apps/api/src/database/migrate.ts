// Brings a database to the schema of this code, by the migrations runner of db-optimizer: with this program's lock, ledger, errors and progress.
import {
  migrate as run,
  planMigrations,
  rehearseMigrations,
  repairMigration,
  type MigrationOptions,
  type MigrationProgress,
  type PendingMigration,
  type RehearsedMigration,
} from '@plimsoll/db-optimizer/migrations'
import { LOCK_WAIT_MS, MAINTENANCE_LOCK_KEY, TABLE_LOCK_WAIT_MS } from './maintenance-lock.ts'
import { toMigrationFailure } from './migration-failures.ts'
import type { OnStep } from './steps.ts'

/** Which database, and which migrations. */
export interface MigrationTarget {
  readonly url: string
  readonly connectTimeoutS: number
  readonly folder: string
  /** Shown in pg_stat_activity, and to whoever waits. */
  readonly applicationName: string
}

/** What is told while a run is under way. */
export interface MigrationReport {
  readonly onStep: OnStep
  /** A line for people: a wait, another attempt. */
  readonly onNote: (text: string) => void
}

/**
 * Applies what is missing and returns the names of the files that were.
 * @throws API_ERR_MIGRATION_*, API_ERR_DATABASE_CONNECT
 */
export async function migrate(target: MigrationTarget, report: MigrationReport): Promise<readonly string[]> {
  const { applied } = await asSetup(target, () =>
    run({ ...optionsOf(target), onProgress: progress => tell(progress, report) }),
  )
  return applied.map(({ name }) => name)
}

/** What a database lacks; all of it when it has no records. Takes no lock and changes nothing. @throws as `migrate` */
export async function pendingMigrations(target: MigrationTarget): Promise<readonly PendingMigration[]> {
  return (await asSetup(target, () => planMigrations(optionsOf(target)))).pending
}

/** Applies what is missing and takes it back. @throws as `migrate` */
export function rehearse(target: MigrationTarget): Promise<readonly RehearsedMigration[]> {
  return asSetup(target, () => rehearseMigrations(optionsOf(target)))
}

/** Ends the state of a migration that was interrupted outside a transaction; gives its name. @throws as `migrate` */
export function repair(target: MigrationTarget, version: number, as: 'pending' | 'done'): Promise<string> {
  return asSetup(target, () => repairMigration({ ...optionsOf(target), version, as }))
}

function optionsOf({ url, connectTimeoutS, folder, applicationName }: MigrationTarget): MigrationOptions {
  return {
    url,
    folder,
    applicationName,
    ledger: 'schema_migrations',
    lockKey: MAINTENANCE_LOCK_KEY,
    lockWaitMs: LOCK_WAIT_MS,
    lockTimeoutMs: TABLE_LOCK_WAIT_MS,
    connectTimeoutMs: connectTimeoutS * 1000,
    // The previous release on the schema of the next one: expand, then contract.
    ahead: 'accept',
  }
}

async function asSetup<Result>({ url }: MigrationTarget, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw toMigrationFailure(error, url)
  }
}

function tell(progress: MigrationProgress, { onStep, onNote }: MigrationReport): void {
  switch (progress.kind) {
    case 'applied': {
      const { name, index, total, ms } = progress
      return onStep({ name, done: index, total, ms, finished: true })
    }
    case 'waiting': {
      const holder = progress.pid === undefined ? 'another process' : `the server's process ${progress.pid}`
      const program = progress.application ? ` (${progress.application})` : ''
      return onNote(`Waiting for ${holder}${program}, which is changing this database.`)
    }
    case 'retrying':
      return onNote(
        `${progress.name} was kept from running by other transactions (${progress.sqlState}); attempt ${progress.attempt} of ${progress.attempts} in ${progress.pauseMs} ms.`,
      )
    case 'reconnecting':
      return onNote(`The connection was lost at the commit of ${progress.name}, which is ${progress.status}; going on.`)
    case 'notice':
      return progress.severity === 'WARNING' ? onNote(`PostgreSQL: ${progress.message}`) : undefined
    case 'started':
    case 'statement':
      return undefined
    default:
      return progress satisfies never
  }
}
