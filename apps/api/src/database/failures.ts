// Which errors of the database a client may wait for, which are bugs, and what each is called.
//
// Codes: DB_ERR_* of the optimizer; beneath them SQLSTATEs for what the server says (PostgreSQL, appendix A), and Node's and the driver's for sockets.
import { DbError } from '@plimsoll/db-optimizer'
import { ApiError, SetupError } from '../errors.ts'
import type { CallEnd } from './outage-watch.ts'

const RETRY_AFTER_S = 1
/** Nobody is sent away for longer, however long they have waited. */
const MAX_RETRY_AFTER_S = 30

const UNREACHABLE: ReadonlySet<string> = new Set(
  [
    'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ENOENT',
    'CONNECT_TIMEOUT CONNECTION_CLOSED CONNECTION_DESTROYED CONNECTION_ENDED',
    // Shutting down, crashed, starting up, idle session ended; no connection slot left.
    '57P01 57P02 57P03 57P05 53300',
  ].flatMap(codes => codes.split(' ')),
)
/** Connection exceptions as a class: 08000, 08001, 08003, 08006, ... */
const CONNECTION_EXCEPTION = /^08[0-9A-Z]{3}$/
/** What codes look like, of whomever. */
const CODE = /^[\w-]{1,40}$/

/**
 * The error to throw for a failed call: an ApiError for what isn't a bug, everything else as it came.
 * @param traits of the call; what changes nothing has no unknown outcome
 */
export function toApiError(error: unknown, traits: { readonly readOnly: boolean }): unknown {
  if (!(error instanceof DbError)) return error
  switch (error.code) {
    case 'DB_ERR_CONNECT':
    case 'DB_ERR_CONNECTION_LOST':
    case 'DB_ERR_CLOSED':
      return unavailable(error)
    case 'DB_ERR_OUTCOME_UNKNOWN':
      if (traits.readOnly) return unavailable(error)
      return new ApiError(
        'API_ERR_DATABASE_OUTCOME_UNKNOWN',
        'The database went away before it answered: the change may have been made or not. Look before repeating it.',
        { cause: error },
      )
    case 'DB_ERR_TIMEOUT':
      return new ApiError('API_ERR_DATABASE_TIMEOUT', 'The database took too long; try again in a moment.', {
        cause: error,
        retryAfterS: RETRY_AFTER_S,
      })
    case 'DB_ERR_POOL_BUSY':
      return busy(error)
    case 'DB_ERR_CONFLICT':
      return new ApiError(
        'API_ERR_DATABASE_BUSY',
        'Others were changing the same things, and nothing was done; try again in a moment.',
        { cause: error, retryAfterS: RETRY_AFTER_S },
      )
    case 'DB_ERR_ABORTED':
      // What the signal was aborted with says more: the deadline, or a client that went away.
      return error.cause instanceof Error ? error.cause : error
    case 'DB_ERR_QUERY':
      return isUnreachable(codeOf(error)) ? unavailable(error) : error
    case 'DB_ERR_OPTION':
    case 'DB_ERR_BUDGET':
    case 'DB_ERR_UNSUPPORTED':
    case 'DB_ERR_PARAMETER':
    case 'DB_ERR_RESULT':
    case 'DB_ERR_TRANSACTION':
      return error
    default:
      return error.code satisfies never
  }
}

/** What a failed call tells of the database. */
export function endOf(error: unknown): CallEnd {
  if (!(error instanceof DbError)) return 'other'
  if (error.code === 'DB_ERR_CONNECT') return 'unreachable'
  return error.sqlState === undefined ? 'other' : 'answered'
}

function unavailable(cause: DbError): ApiError {
  return new ApiError('API_ERR_DATABASE_UNAVAILABLE', 'The database can not be reached; try again in a moment.', {
    cause,
    retryAfterS: RETRY_AFTER_S,
  })
}

/** Who has waited for long in vain is asked to stay away for as long. */
function busy(cause: DbError): ApiError {
  const waitedMs = Math.round(cause.waitedMs ?? 0)
  const retryAfterS = Math.min(MAX_RETRY_AFTER_S, Math.max(RETRY_AFTER_S, Math.ceil(waitedMs / 1000)))
  return new ApiError(
    'API_ERR_DATABASE_BUSY',
    `The database is busy: no connection became free in ${waitedMs} ms, and nothing was done; try again later.`,
    { cause, retryAfterS },
  )
}

/** Stable code of a failure for logs and health pages; never its text, which may name hosts and users. */
export function codeOf(error: unknown): string {
  if (error instanceof DbError) return boundedCode(error.reason ?? error.sqlState ?? error.code)
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** A code where there may be a text: health pages and metrics take no texts. */
export function boundedCode(code: string): string {
  return CODE.test(code) ? code : 'OTHER'
}

/** One line for whoever starts a program on a database that doesn't let it in; anything else comes back as it is. */
export function toSetupError(error: unknown, url: string): unknown {
  if (error instanceof SetupError) return error
  const code = codeOf(error)
  const where = describeUrl(url)
  if (isUnreachable(code)) {
    return new SetupError(
      'API_ERR_DATABASE_CONNECT',
      `The database ${where} can't be reached (${code}): is it running, and is DATABASE_URL right?`,
      error,
    )
  }
  switch (code) {
    case '28P01':
    case '28000':
      return new SetupError(
        'API_ERR_DATABASE_CONNECT',
        `The database ${where} refuses the user or password in DATABASE_URL (${code}).`,
        error,
      )
    case '3D000':
      return new SetupError(
        'API_ERR_DATABASE_CONNECT',
        `The database ${where} doesn't exist: create it, or name another in DATABASE_URL.`,
        error,
      )
    default:
      return error
  }
}

/** A database's address without the credentials. */
export function describeUrl(url: string): string {
  if (!URL.canParse(url)) return '(unreadable address)'
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`
}

function isUnreachable(code: string): boolean {
  return UNREACHABLE.has(code) || CONNECTION_EXCEPTION.test(code)
}
