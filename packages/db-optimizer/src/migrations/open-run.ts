// How every command of the runner begins: a connection that is a session, the ledger, the lock.
import { MigrationError } from './errors.ts'
import { sessionError } from './failures.ts'
import type { RunParts } from './apply.ts'
import { Ledger } from './ledger.ts'
import { MigrationLock } from './lock.ts'
import type { Settings } from './options.ts'
import { refuseTransactionPooler } from './pooler.ts'
import { MigrationSession } from './session.ts'

/**
 * Runs `work` under the lock, on a connection of its own; both are gone when it's over.
 * @throws DbError DB_ERR_CONNECT; MigrationError DB_ERR_MIGRATION_POOLER, _LOCKED, _LEDGER, _LOST, _ABORTED; what `work` throws
 */
export async function underLock<Result>(
  settings: Settings,
  work: (parts: RunParts) => Promise<Result>,
): Promise<Result> {
  return withSession(settings, async session => {
    await refuseTransactionPooler(session, settings)
    const lock = MigrationLock.of(settings, await Ledger.find(session, settings))
    await lock.take(session, settings)
    try {
      // Looked at again: whoever had the lock before may have made it.
      return await work({ session, ledger: await Ledger.find(session, settings), lock, settings })
    } finally {
      await lock.release(session)
    }
  })
}

/** Runs `work` on a connection of its own. */
export async function withSession<Result>(
  settings: Settings,
  work: (session: MigrationSession) => Promise<Result>,
): Promise<Result> {
  const { signal } = settings
  if (signal?.aborted === true) {
    throw new MigrationError('DB_ERR_MIGRATION_ABORTED', 'The run was stopped by its signal before it began.', {
      cause: signal.reason,
    })
  }
  const session = await MigrationSession.open(settings)
  try {
    return await work(session)
  } catch (error) {
    throw sessionError(error, settings)
  } finally {
    await session.close()
  }
}
