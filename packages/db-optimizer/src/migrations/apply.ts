// Applies one file, in one of two ways.
//
//     in a transaction   begin → statements → row in the ledger → commit: all of it or nothing. When others' locks keep it from running, it's rolled back, so that
//                        nobody queues behind it, and tried again after a pause.
//     without one        row `running` → each statement by itself → row `done`. Whoever dies in between leaves `running`, and the next run asks a person.
//
// Invariants
// * Before each file and before each record the session is as it was at its start: no file's SET, SET ROLE or temporary table reaches the next one.
// * Before a record is committed it's made sure that this is the transaction that was begun, in the session that has the lock.
import { pause } from '../retry/pause.ts'
import { MigrationError } from './errors.ts'
import { fileError, isConflict, type Place } from './failures.ts'
import type { Ledger } from './ledger.ts'
import type { MigrationLock } from './lock.ts'
import type { Migration } from './migrations-folder.ts'
import type { Settings } from './options.ts'
import { executingPid, poolerError } from './pooler.ts'
import { SessionFailure, type MigrationSession } from './session.ts'
import { hasWord, type Statement } from './split-statements.ts'
import { CommitLost, inTransaction, type OpenTransaction } from './transaction.ts'

/** What a run has, once it has the lock. */
export interface RunParts {
  readonly session: MigrationSession
  readonly ledger: Ledger
  readonly lock: MigrationLock
  readonly settings: Settings
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

/**
 * Applies a file in a transaction; gives the milliseconds of the attempt that succeeded.
 * @throws CommitLost; MigrationError DB_ERR_MIGRATION_FAILED, _BUSY, _LOST, _POOLER, _ABORTED
 */
export async function applyInTransaction(parts: RunParts, migration: Migration): Promise<number> {
  const { session, settings } = parts
  const { lockAttempts, timers, random, onProgress, signal } = settings
  let pauseMs = FIRST_PAUSE_MS
  for (let attempt = 1; ; attempt += 1) {
    const place: { migration: Migration; statement: Statement | undefined } = { migration, statement: undefined }
    try {
      await freshSession(session)
      const startedMs = timers.now()
      await inTransaction(session, async transaction => {
        await runStatements(session, migration, settings, statement => (place.statement = statement))
        place.statement = undefined
        await session.tidy()
        await parts.ledger.insertDone(session, migration, timers.now() - startedMs)
        await refuseOther(parts, migration, transaction)
      })
      return timers.now() - startedMs
    } catch (error) {
      if (error instanceof CommitLost) throw error
      if (!isConflict(error)) throw fileError(error, place, 'rolled-back', settings)
      if (attempt >= lockAttempts) throw busyError(error, place, attempt, settings)
      const jitteredMs = Math.round(pauseMs * (1 - 0.5 * random.next()))
      onProgress({
        kind: 'retrying',
        name: migration.name,
        attempt: attempt + 1,
        attempts: lockAttempts,
        pauseMs: jitteredMs,
        sqlState: error.sqlState,
      })
      await pause(jitteredMs, timers, signal)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
  }
}

/** The statements of a file, one after the other. @throws SessionFailure */
export async function runStatements(
  session: MigrationSession,
  migration: Migration,
  settings: Settings,
  onStatement: (statement: Statement) => void,
): Promise<void> {
  await limitStatements(session, settings)
  for (const statement of migration.statements) {
    onStatement(statement)
    await session.run(statement.text)
  }
}

/** The time-out of the file's statements; `tidy` takes it off again for the runner's own. @throws SessionFailure */
async function limitStatements(session: MigrationSession, { statementTimeoutMs }: Settings): Promise<void> {
  if (statementTimeoutMs > 0) await session.run(`set statement_timeout = ${statementTimeoutMs}`)
}

/** Nothing of an earlier file is left in the session. @throws SessionFailure */
export async function freshSession(session: MigrationSession): Promise<void> {
  await session.tidy()
  await session.run('discard temp')
}

/**
 * Writes the row `running` of a file that runs outside a transaction.
 * @throws CommitLost; MigrationError DB_ERR_MIGRATION_FAILED, _POOLER, _LOST, _ABORTED
 */
export async function beginOutside(parts: RunParts, migration: Migration): Promise<void> {
  const { session, ledger, settings } = parts
  try {
    await freshSession(session)
    await ledger.addState(session)
    await inTransaction(session, async transaction => {
      await ledger.insertRunning(session, migration)
      await refuseOther(parts, migration, transaction)
    })
  } catch (error) {
    if (error instanceof CommitLost) throw error
    throw fileError(error, { migration, statement: undefined }, 'rolled-back', settings)
  }
}

/**
 * Runs the statements of a file whose row is `running`; gives the milliseconds.
 * @throws MigrationError DB_ERR_MIGRATION_FAILED, _ABORTED
 */
export async function runOutside({ session, ledger, settings }: RunParts, migration: Migration): Promise<number> {
  const { timers, onProgress, lockTimeoutMs } = settings
  const startedMs = timers.now()
  try {
    await freshSession(session)
    await limitStatements(session, settings)
  } catch (error) {
    throw fileError(error, { migration, statement: undefined }, 'unknown', settings)
  }
  const setsLockTimeout = migration.statements.some(statement => hasWord(statement, 'lock_timeout'))
  for (const statement of migration.statements) {
    // It waits for transactions of others, not for its turn at a lock behind which others would queue; ended, it would leave an index that is not valid.
    const patient = !setsLockTimeout && lockTimeoutMs > 0 && hasWord(statement, 'concurrently')
    try {
      if (patient) await session.run('set lock_timeout = 0')
      await session.run(statement.text)
      if (patient) await session.run(`set lock_timeout = ${lockTimeoutMs}`)
    } catch (error) {
      if (statement.number === 1 && wasRefusedUnread(error) && (await forget(session, ledger, migration))) {
        throw fileError(error, { migration, statement }, 'rolled-back', settings)
      }
      throw fileError(error, { migration, statement }, 'unknown', settings)
    }
    try {
      await countStatement(session, ledger, migration, statement)
    } catch (error) {
      throw fileError(error, { migration, statement }, 'unknown', settings)
    }
    onProgress({
      kind: 'statement',
      name: migration.name,
      statement: statement.number,
      statements: migration.statements.length,
    })
  }
  return timers.now() - startedMs
}

/**
 * Turns the row `running` into `done`.
 * @throws CommitLost; MigrationError DB_ERR_MIGRATION_FAILED, _POOLER
 */
export async function endOutside(parts: RunParts, migration: Migration, durationMs: number): Promise<void> {
  const { session, ledger, settings } = parts
  try {
    await freshSession(session)
    await inTransaction(session, async transaction => {
      await ledger.markDone(session, migration, durationMs)
      await refuseOther(parts, migration, transaction)
    })
  } catch (error) {
    if (error instanceof CommitLost) throw error
    throw fileError(error, { migration, statement: undefined }, 'unknown', settings)
  }
}

/** Only for the message to whoever has to look, should the run die: a time-out that the file has set may keep it from being written. */
async function countStatement(
  session: MigrationSession,
  ledger: Ledger,
  migration: Migration,
  { number }: Statement,
): Promise<void> {
  try {
    await ledger.countStatements(session, migration, number)
  } catch (error) {
    const refused = error instanceof SessionFailure && error.serverError !== undefined
    if (!refused || error.aborted || !(await session.fence())) throw error
  }
}

/** Syntax errors and names that don't exist, with their place in the text: the statement wasn't begun. */
function wasRefusedUnread(error: unknown): boolean {
  if (!(error instanceof SessionFailure) || error.serverError === undefined) return false
  return error.sqlState?.startsWith('42') === true && Reflect.get(error.serverError, 'position') !== undefined
}

async function forget(session: MigrationSession, ledger: Ledger, { version }: Migration): Promise<boolean> {
  try {
    return (await session.fence()) && (await ledger.forgetRunning(session, version))
  } catch {
    return false
  }
}

/** Is this still the transaction that was begun, and the session that has the lock? A pooler, or a file by ways of its own, may have changed either. */
async function refuseOther(
  { session, lock }: RunParts,
  migration: Migration,
  transaction: OpenTransaction,
): Promise<void> {
  const [row] = await session.query('select pg_current_xact_id()::text as xid')
  if ((await executingPid(session)) !== transaction.backendPid) throw poolerError(migration.name)
  if (row?.['xid'] !== transaction.xid) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_FAILED',
      `${migration.name} has ended the transaction that it ran in; what it did before stays, and it is not recorded.`,
      { file: migration.name, outcome: 'unknown' },
    )
  }
  if (!(await lock.isHeld(session))) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_FAILED',
      `${migration.name} has given the runner's lock away (pg_advisory_unlock); without it two runs may meet. It isn't recorded.`,
      { file: migration.name, outcome: migration.inTransaction ? 'rolled-back' : 'unknown' },
    )
  }
}

function busyError(
  error: SessionFailure & { readonly sqlState: string },
  place: Place,
  attempts: number,
  settings: Settings,
): MigrationError {
  const { name } = place.migration
  const cause = fileError(error, place, 'rolled-back', settings)
  const { line, statement, server, message } = cause as MigrationError
  return new MigrationError(
    'DB_ERR_MIGRATION_BUSY',
    `${name} was tried ${attempts} times, and others' transactions kept it from running each time (lock_timeout ${settings.lockTimeoutMs} ms). The last time: ${message}`,
    { file: name, outcome: 'rolled-back', line, statement, server, cause },
  )
}
