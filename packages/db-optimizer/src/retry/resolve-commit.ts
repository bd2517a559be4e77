// What became of a transaction whose COMMIT got no answer: PostgreSQL keeps the fate of recent transactions, and tells it by `pg_xact_status`.
//
//     committed    it's done
//     aborted      nothing of it remains
//     in progress  the server hasn't noticed yet that its client is gone, or the commit waits (for a synchronous standby): asked again, with growing
//                  pauses. A session that never gets its COMMIT stays like this until a time-out of the server's; ending it makes it tell.
//     (null)       older than what the server keeps (vacuum has frozen it): never to be known this way
//
// Limits
// * Ask the server that ran it, or one that took over with everything: a standby that is behind says that the id lies in the future.
// * With `synchronous_commit = off`, or after a failover that lost commits, a crashed server may give the same id to another transaction. Then the answer is about
//   that one. With the default setting a commit that was confirmed, or may have been, is on disk.
import { pause, type RetryTimers } from './pause.ts'

export interface CommitResolution {
  /** `restarted`: it says committed, but may speak of another transaction: see {@link EPOCH}. */
  readonly status: 'committed' | 'aborted' | 'in-progress' | 'too-old' | 'restarted' | 'unanswered'
  /** For `unanswered`: what the last question failed with. */
  readonly cause?: unknown
}

/** Runs a statement by itself, on any connection but the one that was lost; text parameters, rows as objects. */
export type ResolveQuery = (text: string, parameters: readonly string[]) => Promise<readonly object[]>

/**
 * Changes when the server has recovered from a crash (its statistics are thrown away then), or is another server after a failover. A commit that waited while the server crashed
 * may be lost together with its number, which the next transaction gets: then pg_xact_status tells that one's fate.
 */
export const EPOCH = 'extract(epoch from pg_catalog.pg_stat_get_bgwriter_stat_reset_time())::text'

export interface ResolveCommitOptions {
  /** {@link EPOCH} as it was while the transaction ran; without it the answer `committed` is believed as it stands. */
  readonly epoch?: string | undefined
  readonly timers: RetryTimers
  /** How long to ask, from the call on. Default 5000 ms. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
  /** The lost session's process (`pg_backend_pid()`): it's ended when it's still in progress after `endAfterMs`, by which it becomes known. */
  readonly backendPid?: number
  /** Default 1000 ms. Ending a session takes the role that owns it, or pg_signal_backend. */
  readonly endAfterMs?: number
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
const XID = /^[1-9][0-9]{0,19}$/

export const STATUS_QUERY = `select pg_xact_status($1::text::xid8) as status, ${EPOCH} as epoch`
/** By process and transaction both: the process's number may belong to another session by now. */
export const END_QUERY =
  'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1::text::int and backend_xid = $2::text::xid8::xid'

/**
 * Asks until there's an answer or the time is over. Never throws for what the database says; the query may fail, and is then asked again.
 * @throws RangeError when `xid` is none (a program's mistake).
 */
export async function resolveCommit(
  xid: string,
  query: ResolveQuery,
  options: ResolveCommitOptions,
): Promise<CommitResolution> {
  if (!XID.test(xid)) throw new RangeError(`A transaction's id is a positive whole number as text, not "${xid}".`)
  const { timers, epoch, timeoutMs = 5000, backendPid, endAfterMs = 1000, signal } = options
  const startedMs = timers.now()
  let pauseMs = FIRST_PAUSE_MS
  let ended = backendPid === undefined
  for (;;) {
    const seen = await ask(xid, query, epoch)
    if (seen.status !== 'in-progress' && seen.status !== 'unanswered') return seen
    const elapsedMs = timers.now() - startedMs
    if (!ended && seen.status === 'in-progress' && elapsedMs >= endAfterMs) {
      ended = true
      await query(END_QUERY, [String(backendPid), xid]).catch(() => {})
      pauseMs = FIRST_PAUSE_MS
    }
    const leftMs = timeoutMs - elapsedMs
    if (leftMs <= 0) return seen
    // Past that time the session is ended as soon as it's seen in progress: there's nothing to wait for but the next answer.
    const untilEndMs = ended || elapsedMs >= endAfterMs ? Infinity : Math.max(1, endAfterMs - elapsedMs)
    if ((await pause(Math.min(pauseMs, leftMs, untilEndMs), timers, signal)) === 'aborted') return seen
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

async function ask(xid: string, query: ResolveQuery, epoch: string | undefined): Promise<CommitResolution> {
  try {
    const [row] = await query(STATUS_QUERY, [xid])
    const status: unknown = row === undefined ? undefined : Reflect.get(row, 'status')
    switch (status) {
      case 'committed':
        return epoch === undefined || Reflect.get(row ?? {}, 'epoch') === epoch ? { status } : { status: 'restarted' }
      case 'aborted':
        return { status }
      case 'in progress':
        return { status: 'in-progress' }
      case null:
        return { status: 'too-old' }
      default:
        return { status: 'unanswered', cause: new TypeError(`pg_xact_status gave ${String(status)}`) }
    }
  } catch (cause) {
    return { status: 'unanswered', cause }
  }
}
