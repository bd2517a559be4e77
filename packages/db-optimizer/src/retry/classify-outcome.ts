// The class of a failure: from what failed, and from how far the call had come.
//
// The phase decides as much as the code:
//     acquire, connect   nothing was sent, so whatever isn't final is `not-executed`
//     transaction        COMMIT was not sent, and a server that loses its client undoes what isn't committed: a lost connection is `rolled-back`
//     execute, commit    a lost connection is `unknown`: the driver learns of success by ReadyForQuery only, and errors after CommandComplete are
//                        possible (deferred constraints)
// Errors of this package know themselves what was sent; of two opinions the more cautious one counts.
//
// Sources: PostgreSQL, appendix A and 13.5; the driver's source for which of its codes come before a statement is sent; tcp(7) and ip(7) of Linux
// for what an established connection can fail with.
import type { Outcome } from '../errors.ts'
import type { Classification, ClassReason, Phase, RetryClass } from './classification.ts'
import { readFailure, type Failure } from './failure.ts'
import { verdictOf } from './sqlstates.ts'

/** How a statement is run, as far as its outcome depends on it. */
export interface Execution {
  /**
   * One statement is one transaction. False for what commits in parts: CALL and DO with COMMIT inside, several statements in one string, CREATE INDEX
   * CONCURRENTLY. There an error doesn't undo all of it. Default true.
   */
  readonly atomic?: boolean
}

/** Of the server's answers while a session is set up: refused for now. */
const NOT_NOW: ReadonlySet<string> = new Set(['08000', '08001', '08003', '08004', '08006', '08P01'])
/** Only name resolution and connect(2) fail with these: no connection was there to send on. */
const ONLY_FROM_CONNECT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL'])
const CONNECTING_CALLS: ReadonlySet<string> = new Set(['connect', 'getaddrinfo'])
/** Driver codes of a connection that is gone. */
const DRIVER_LOST: ReadonlySet<string> = new Set(['CONNECTION_CLOSED', 'CONNECTION_DESTROYED'])
/**
 * Driver codes that come before anything is sent: CONNECT_TIMEOUT's timer ends with the first ReadyForQuery; CONNECTION_ENDED refuses a query of a client
 * that was closed before.
 */
const DRIVER_NOT_SENT: ReadonlySet<string> = new Set(['CONNECT_TIMEOUT', 'CONNECTION_ENDED'])
/** The server's routines that refuse a statement whose plan or preparation is out of date, before it runs. */
const STALE_PLAN_ROUTINES: ReadonlySet<string> = new Set(['FetchPreparedStatement', 'RevalidateCachedQuery'])
/** What a COMMIT can be answered with such that the transaction is certainly undone, and may go through next time. */
const UNDONE_AT_COMMIT: ReadonlySet<ClassReason> = new Set<ClassReason>(['serialization', 'deadlock'])

/** Says what became of a call that failed with `error` in `phase`. Never throws, whatever was thrown. */
export function classifyOutcome(error: unknown, phase: Phase, execution: Execution = {}): Classification {
  const failure = readFailure(error)
  switch (failure.from) {
    case 'server':
      return ofServer(failure, phase, execution.atomic ?? true)
    case 'own':
      return ofOwn(failure.code, failure.outcome, phase)
    case 'system':
      return ofSystem(failure, phase)
    case 'driver':
      return ofDriver(failure.code, phase)
    case 'abort':
      return mayBeSent(phase) ? as('unknown', 'given-up') : as('never', 'given-up')
    case 'elsewhere':
      return as('never', 'not-a-database-failure')
    default:
      return failure satisfies never
  }
}

function ofServer(failure: Extract<Failure, { from: 'server' }>, phase: Phase, atomic: boolean): Classification {
  const { code, severity, routine, outcome } = failure
  const [kind, reason] = STALE_PLAN_ROUTINES.has(routine) ? (['rolled-back', 'stale-plan'] as const) : verdictOf(code)
  if (outcome === 'unknown') return as('unknown', reason)
  if (outcome === 'not-executed' || phase === 'acquire' || phase === 'connect') {
    if (NOT_NOW.has(code)) return as('not-executed', 'unreachable')
    return as(kind === 'never' ? 'never' : 'not-executed', reason)
  }
  if (phase === 'transaction') return as(kind === 'unknown' ? 'rolled-back' : kind, reason)
  // A crash may come after the commit record was written, and the end of a session after the commit.
  if (severity === 'PANIC') return as('unknown', 'panic')
  if (severity === 'FATAL' && kind === 'never') return as('unknown', 'terminated')
  if (kind !== 'rolled-back') return as(kind, reason)
  return atomic && (phase === 'execute' || UNDONE_AT_COMMIT.has(reason)) ? as(kind, reason) : as('unknown', reason)
}

function ofOwn(code: string, outcome: Outcome | undefined, phase: Phase): Classification {
  switch (code) {
    case 'DB_ERR_POOL_BUSY':
      return as('not-executed', 'pool-busy', true)
    case 'DB_ERR_CONNECT':
      return as('not-executed', 'unreachable')
    case 'DB_ERR_CONNECTION_LOST':
      return said(outcome, 'rolled-back', phase === 'transaction' ? 'connection-lost-before-commit' : 'connection-lost')
    case 'DB_ERR_OUTCOME_UNKNOWN':
      return as('unknown', 'connection-lost')
    case 'DB_ERR_CONFLICT':
      return said(outcome, 'rolled-back', 'serialization')
    case 'DB_ERR_RESULT':
      return said(outcome, 'unknown', 'bad-result')
    // Stopped by the caller's wish: even where nothing remains of it, it isn't begun again.
    case 'DB_ERR_ABORTED':
    case 'DB_ERR_TIMEOUT':
      return as(outcome === 'unknown' ? 'unknown' : 'never', 'given-up')
    default:
      return as(outcome === 'unknown' ? 'unknown' : 'never', 'client-refused')
  }
}

function said(outcome: Outcome | undefined, otherwise: RetryClass, reason: ClassReason): Classification {
  return as(outcome === undefined ? otherwise : outcome === 'failed' ? 'never' : outcome, reason)
}

function ofSystem({ code, call }: Extract<Failure, { from: 'system' }>, phase: Phase): Classification {
  // EHOSTUNREACH, ENETUNREACH and ETIMEDOUT are also what an established connection fails with when nothing is acknowledged: the call tells them apart.
  return ofConnection(ONLY_FROM_CONNECT.has(code) || CONNECTING_CALLS.has(call), phase)
}

function ofDriver(code: string, phase: Phase): Classification {
  const notSent = DRIVER_NOT_SENT.has(code)
  if (notSent || DRIVER_LOST.has(code)) return ofConnection(notSent, phase)
  // Certificates fail while connecting, and stay as they are; a broken record is a broken connection.
  if (code.startsWith('ERR_SSL_') && mayBeSent(phase)) return as('unknown', 'connection-lost')
  return as('never', 'client-refused')
}

function ofConnection(notSent: boolean, phase: Phase): Classification {
  if (phase === 'acquire' || phase === 'connect') return as('not-executed', 'unreachable')
  if (phase === 'transaction') return as('rolled-back', 'connection-lost-before-commit')
  // At commit a failure to connect means that the transaction's own connection was gone before: what it had done by then isn't known.
  return notSent && phase === 'execute' ? as('not-executed', 'unreachable') : as('unknown', 'connection-lost')
}

function mayBeSent(phase: Phase): boolean {
  return phase === 'execute' || phase === 'commit'
}

function as(kind: RetryClass, reason: ClassReason, elsewhereOnly = false): Classification {
  return { kind, reason, elsewhereOnly }
}
