// The advisory lock under which everything happens: at session level, so that PostgreSQL gives it back when the session ends, however that happens.
//
// It's asked for again and again, not waited for: a session that waits inside a statement holds a snapshot, and another process's `create index concurrently`
// would wait for it in turn, while that process holds the lock.
import { createHash } from 'node:crypto'
import { pause } from '../retry/pause.ts'
import { MigrationError } from './errors.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './options.ts'
import type { MigrationSession } from './session.ts'

/** Between two messages about the same holder. */
const TELL_EVERY_MS = 5000
/** Of a pause that is left to chance: many processes that start at once shouldn't ask at once. */
const JITTER = 0.5

/** One key of PostgreSQL's 64-bit space. */
export class MigrationLock {
  readonly #key: bigint

  constructor(key: bigint) {
    this.#key = key
  }

  /** The key that the options give, or that of the ledger. */
  static of({ lockKey }: Settings, { schema, table }: Ledger): MigrationLock {
    return new MigrationLock(lockKey ?? defaultLockKey(schema, table))
  }

  /**
   * Waits until it's ours.
   * @throws MigrationError DB_ERR_MIGRATION_LOCKED
   */
  async take(session: MigrationSession, settings: Settings): Promise<void> {
    const { lockWaitMs, lockPollMs, timers, random, signal, onProgress } = settings
    const startedMs = timers.now()
    let toldAtMs = -Infinity
    let toldPid: number | undefined
    for (;;) {
      if (await this.#try(session)) return
      const holder = await this.#holder(session)
      const waitedMs = Math.round(timers.now() - startedMs)
      if (waitedMs >= lockWaitMs) throw lockedError(holder, lockWaitMs)
      if (timers.now() - toldAtMs >= TELL_EVERY_MS || (holder !== undefined && holder.pid !== toldPid)) {
        onProgress({ kind: 'waiting', pid: holder?.pid, application: holder?.application, waitedMs })
        toldAtMs = timers.now()
        toldPid = holder?.pid
      }
      const pauseMs = lockPollMs * (1 - JITTER * random.next())
      await pause(Math.max(1, Math.min(pauseMs, lockWaitMs - waitedMs)), timers, signal)
    }
  }

  /** Whether this session has it: not any more when it isn't the session that took it. */
  async isHeld(session: MigrationSession): Promise<boolean> {
    const [row] = await session.query(`select exists (${this.#rows('pid = pg_backend_pid()')}) as held`)
    return row?.['held'] === true
  }

  /** Gives it back; the session's end does it too. */
  async release(session: MigrationSession): Promise<void> {
    await session.query(`select pg_advisory_unlock(${this.#key})`).catch(() => {})
  }

  async #try(session: MigrationSession): Promise<boolean> {
    const [row] = await session.query(`select pg_try_advisory_lock(${this.#key}) as taken`)
    return row?.['taken'] === true
  }

  async #holder(session: MigrationSession): Promise<{ pid: number; application: string | undefined } | undefined> {
    const [row] = await session.query(
      `select l.pid, a.application_name as application from (${this.#rows('true', 'pid')}) as l left join pg_stat_activity as a using (pid)`,
    )
    if (row === undefined) return undefined
    const { pid, application } = row
    return { pid: Number(pid), application: typeof application === 'string' ? application : undefined }
  }

  /** PostgreSQL, "pg_locks": a 64-bit key's halves are classid and objid, with objsubid 1. */
  #rows(condition: string, columns = ''): string {
    const high = BigInt.asUintN(32, this.#key >> 32n)
    const low = BigInt.asUintN(32, this.#key)
    return `select ${columns} from pg_locks where locktype = 'advisory' and granted and objsubid = 1 and classid = ${high} and objid = ${low}
      and database = (select oid from pg_database where datname = current_database()) and ${condition}`
  }
}

/** 64 bits of a hash of the ledger's name, signed. */
export function defaultLockKey(schema: string, table: string): bigint {
  return createHash('sha256')
    .update(JSON.stringify(['migrations', schema, table]))
    .digest()
    .readBigInt64BE()
}

function lockedError(
  holder: { pid: number; application: string | undefined } | undefined,
  lockWaitMs: number,
): MigrationError {
  const who =
    holder === undefined
      ? 'Another process'
      : `The server's process ${holder.pid} (${holder.application || 'without a name'})`
  return new MigrationError(
    'DB_ERR_MIGRATION_LOCKED',
    `${who} has been migrating this database for over ${lockWaitMs / 1000} s; wait for it, or end it. Nothing was done.`,
  )
}
