// The advisory lock of everything that changes schema or demo data, so that one process does it at a time. At session level: PostgreSQL gives it back when
// the connection ends, however that happens. Migrations take the same one, on a connection of their own (migrate.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError } from '../errors.ts'
import type { DriverSql } from './driver.ts'

/** "plimsoll" in ASCII. Earlier releases use it too: it can't be changed without two of them migrating at once. */
export const MAINTENANCE_LOCK_KEY = 8_100_965_748_541_713_516n
/** Longest wait for another process that holds it. */
export const LOCK_WAIT_MS = 120_000
const LOCK_POLL_MS = 200
/** Longest wait of one statement for a table's lock: whoever queues behind a long transaction stops all traffic behind itself. */
export const TABLE_LOCK_WAIT_MS = 5000

/**
 * Runs `work` while no other process migrates, seeds or empties the same database.
 * @param sql a single connection
 * @throws API_ERR_MIGRATION_LOCKED when the lock isn't free within two minutes
 */
export async function underMaintenanceLock<Result>(sql: DriverSql, work: () => Promise<Result>): Promise<Result> {
  // Asked for again and again, not waited for: a session that waits inside a statement holds a snapshot, for which another process's
  // `create index concurrently` would wait in turn.
  const attempts = LOCK_WAIT_MS / LOCK_POLL_MS
  for (let attempt = 1; !(await tryLock(sql)); attempt += 1) {
    if (attempt >= attempts) {
      throw new SetupError(
        'API_ERR_MIGRATION_LOCKED',
        `Another process has been changing this database for over ${LOCK_WAIT_MS / 1000} s; wait for it or stop it.`,
      )
    }
    await sleep(LOCK_POLL_MS)
  }
  try {
    await sql.unsafe(`set lock_timeout = ${TABLE_LOCK_WAIT_MS}`)
    return await work()
  } finally {
    // A lost connection has given the lock back already.
    await sql`select pg_advisory_unlock(${String(MAINTENANCE_LOCK_KEY)}::bigint)`.catch(() => {})
  }
}

async function tryLock(sql: DriverSql): Promise<boolean> {
  const [row] = await sql<
    [{ taken: boolean }]
  >`select pg_try_advisory_lock(${String(MAINTENANCE_LOCK_KEY)}::bigint) as taken`
  return row.taken
}
