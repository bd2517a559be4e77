// Which errors of postgres.js and PostgreSQL are outages that a client may wait for, and which are bugs.
//
// Codes: Node's for sockets, postgres.js' own (CONNECTION_*, CONNECT_TIMEOUT), SQLSTATE for what the server says (PostgreSQL, appendix A).
import { ApiError, SetupError } from '../errors.ts'

const RETRY_AFTER_S = 1

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
/** query_canceled: statement_timeout, since nothing else cancels. */
const STOPPED = '57014'

/** The error to throw for a failed query: an ApiError for an outage, everything else as it came. */
export function toApiError(error: unknown): unknown {
  const code = codeOf(error)
  if (isUnreachable(code)) {
    return new ApiError('API_ERR_DATABASE_UNAVAILABLE', 'The database can not be reached; try again in a moment.', {
      cause: error,
      retryAfterS: RETRY_AFTER_S,
    })
  }
  if (code === STOPPED) {
    return new ApiError('API_ERR_DATABASE_TIMEOUT', 'The database took too long; try again in a moment.', {
      cause: error,
      retryAfterS: RETRY_AFTER_S,
    })
  }
  return error
}

/** Stable code of a failure for logs and health pages; never its text, which may name hosts and users. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
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
