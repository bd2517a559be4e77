// How a statement on a slot can end badly, and the error that its caller gets for it.
//
// What a lost answer means depends on what was asked: inside a transaction the server has rolled back, a statement that may run twice can simply be repeated,
// and only for the rest is the outcome really unknown.
import { DbError, isServerError, queryError, reasonOf, type DbErrorDetails } from '../errors.ts'

/** Who stopped a statement. */
export type StopReason = 'deadline' | 'abort'

export type SlotFailure =
  /** The server's ErrorResponse. */
  | { readonly kind: 'server'; readonly error: Error; readonly because: StopReason | undefined }
  /** The connection ended, or was ended by us, before the answer. `sent` is false when nothing had been written. */
  | {
      readonly kind: 'lost'
      readonly reason: string
      readonly because: StopReason | undefined
      readonly sent: boolean
    }
  /** The driver couldn't convert a parameter (nothing sent) or a row (executed). */
  | { readonly kind: 'conversion'; readonly error: Error; readonly sent: boolean }
  /** Rows and count of a result contradict each other. */
  | { readonly kind: 'result'; readonly length: number; readonly count: number }

/** What the caller's error needs to know. */
export interface FailureContext {
  readonly statementName: string | undefined
  readonly waitedMs: number
  /** The statement ran inside a transaction that is gone with its connection. */
  readonly inTransaction: boolean
  /** It changes nothing, or may run twice. */
  readonly idempotent: boolean
  readonly signal: AbortSignal | undefined
}

const QUERY_CANCELED = '57014'
/** What poolers say of a server that went away in the middle of a statement, at whatever severity. */
const LOST_STATES: ReadonlySet<string> = new Set(['08000', '08003', '08006', '08007', '08P01'])
/** What the driver refuses before it sends anything, and after which its connection is in order. */
const REFUSED_BY_DRIVER: ReadonlySet<string> = new Set([
  'UNDEFINED_VALUE',
  'MAX_PARAMETERS_EXCEEDED',
  'NOT_TAGGED_CALL',
])
/** Codes of Node's sockets and of the driver's connections. */
const CONNECTION_CODE = /^(?:CONNECTION_|CONNECT_TIMEOUT$|E[A-Z]+$)/

/** Whether an error that isn't the server's says that the connection is gone. */
export function isConnectionFailure(error: Error): boolean {
  return CONNECTION_CODE.test(reasonOf(error))
}

/** Whether the statement had been sent when the driver failed on a value. */
export function wasSent(error: Error): boolean {
  return !REFUSED_BY_DRIVER.has(reasonOf(error))
}

/** The error for a failed statement. */
export function toDbError(failure: SlotFailure, context: FailureContext): DbError {
  const { statementName, waitedMs } = context
  const label = statementName === undefined ? 'The statement' : `The statement "${statementName}"`
  const details = { statementName, waitedMs }
  switch (failure.kind) {
    case 'server': {
      const stopped = isServerError(failure.error) && failure.error.code === QUERY_CANCELED
      if (stopped && failure.because === 'abort') return aborted(label, 'rolled-back', context)
      if (stopped && failure.because === 'deadline') {
        return new DbError('DB_ERR_TIMEOUT', `${label} took longer than its deadline and was cancelled.`, {
          ...details,
          outcome: 'rolled-back',
        })
      }
      const error = queryError(failure.error, statementName)
      if (error.code === 'DB_ERR_CONNECT' || !endsSession(failure.error)) return error
      return lostError(label, `the server ended the session (${error.sqlState})`, context, {
        ...details,
        reason: error.sqlState,
        server: error.server,
      })
    }
    case 'lost': {
      const why =
        failure.because === undefined
          ? `the connection was lost (${failure.reason})`
          : `it was to be stopped (${failure.because}), the server didn't answer, and the connection was closed`
      const lost = { ...details, reason: failure.reason }
      if (failure.sent) return lostError(label, why, context, lost)
      return new DbError('DB_ERR_CONNECTION_LOST', `${label} wasn't sent: ${why}.`, {
        ...lost,
        outcome: 'not-executed',
      })
    }
    case 'conversion': {
      const what = failure.sent ? 'ran, but a row of its result' : "wasn't sent: a parameter"
      return new DbError('DB_ERR_PARAMETER', `${label} ${what} couldn't be converted (${reasonOf(failure.error)}).`, {
        ...details,
        reason: reasonOf(failure.error),
        outcome: failure.sent ? 'unknown' : 'not-executed',
      })
    }
    case 'result':
      return new DbError(
        'DB_ERR_RESULT',
        `${label} ran, but the driver gave ${failure.length} rows where the server counted ${failure.count}.`,
        { ...details, outcome: 'unknown' },
      )
    default:
      return failure satisfies never
  }
}

/** The error for a statement that was sent, and whose session has ended without an answer. */
function lostError(label: string, why: string, context: FailureContext, details: DbErrorDetails): DbError {
  if (context.inTransaction) {
    const text = `${label} got no answer: ${why}. Its transaction is rolled back.`
    return new DbError('DB_ERR_CONNECTION_LOST', text, { ...details, outcome: 'rolled-back' })
  }
  if (context.idempotent) {
    const text = `${label} got no answer: ${why}. It may be repeated.`
    return new DbError('DB_ERR_CONNECTION_LOST', text, { ...details, outcome: 'unknown' })
  }
  return new DbError(
    'DB_ERR_OUTCOME_UNKNOWN',
    `${label} got no answer: ${why}. It may have been executed or not; look before repeating it.`,
    { ...details, outcome: 'unknown' },
  )
}

/** Whether a server's error is no answer to the statement but the end of the session, which may come after the commit. */
function endsSession(error: Error): boolean {
  return (
    isServerError(error) && (error.severity === 'FATAL' || error.severity === 'PANIC' || LOST_STATES.has(error.code))
  )
}

/** The error for what the caller's signal or `cancel()` stopped. */
export function aborted(
  label: string,
  outcome: 'not-executed' | 'rolled-back',
  context: Pick<FailureContext, 'statementName' | 'waitedMs' | 'signal'>,
): DbError {
  const state = outcome === 'not-executed' ? 'before it was sent' : 'and the server has undone it'
  return new DbError('DB_ERR_ABORTED', `${label} was aborted ${state}.`, {
    outcome,
    statementName: context.statementName,
    waitedMs: context.waitedMs,
    ...(context.signal?.aborted === true ? { cause: context.signal.reason } : {}),
  })
}
