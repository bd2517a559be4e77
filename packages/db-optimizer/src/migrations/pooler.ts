// Notices a pooler that gives each transaction another session of the server, where the lock and the settings would be left behind on sessions of others.
//
// A pooler answers for the server when a connection is opened, so the process that's announced then isn't the one that executes. That alone is no harm: in session
// mode they stay together. So, only then, a second connection begins a transaction: in transaction mode the two share processes, or the first one's changes.
// With a large pool this can be missed; so the process and the lock are looked at again before each record is written (apply.ts).
import { MigrationError } from './errors.ts'
import type { Settings } from './options.ts'
import { MigrationSession, SessionFailure } from './session.ts'

/** In transaction mode with a pool of one the first session waits for the second one's transaction. */
const QUESTION_TIMEOUT_MS = 2000
/** A pool that is used up has no second connection for us; then nothing is known. */
const CONNECT_TIMEOUT_MS = 3000

/** @throws MigrationError DB_ERR_MIGRATION_POOLER */
export async function refuseTransactionPooler(session: MigrationSession, settings: Settings): Promise<void> {
  const before = await executingPid(session)
  if (before === session.announcedPid) return
  const connectTimeoutMs = Math.min(settings.connectTimeoutMs, CONNECT_TIMEOUT_MS)
  const other = await MigrationSession.open({ ...settings, connectTimeoutMs }, 'bare').catch(() => undefined)
  if (other === undefined) return
  try {
    const others = await pidInTransaction(other)
    if (others === undefined) return
    if (others === before || (await executingPid(session)) !== before) throw poolerError()
  } catch (error) {
    // Refused or not answered: a session of the server answers this at once.
    throw error instanceof SessionFailure && !error.aborted ? poolerError() : error
  } finally {
    await other.close()
  }
}

/** The process that executes a transaction; undefined when it isn't begun in time. @throws SessionFailure when it's refused, as in statement mode */
async function pidInTransaction(session: MigrationSession): Promise<number | undefined> {
  try {
    await session.run('begin', QUESTION_TIMEOUT_MS)
    return await executingPid(session)
  } catch (error) {
    if (error instanceof SessionFailure && error.late) return undefined
    throw error
  }
}

export async function executingPid(session: MigrationSession): Promise<number> {
  const [row] = await session.query('select pg_backend_pid() as pid', [], QUESTION_TIMEOUT_MS)
  return Number(row?.['pid'])
}

export function poolerError(file?: string): MigrationError {
  return new MigrationError(
    'DB_ERR_MIGRATION_POOLER',
    `The connection is not one session of the server: a pooler in transaction mode is in between. Give the address of the server itself.${file === undefined ? '' : ` ${file} was rolled back.`}`,
    { file, outcome: file === undefined ? 'not-executed' : 'rolled-back' },
  )
}
