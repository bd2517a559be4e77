// Every code that the admin API can answer with, in one table.
//
// The detail of an AdminError is for whoever asked; what only the log may know is its `cause`.
import type { ProblemIssue } from '@plimsoll/problem-details'

interface ErrorRow {
  readonly status: number
  readonly source: 'client' | 'balancer'
  readonly message: string
  readonly remedy: string
}

export const ADMIN_ERRORS = {
  LB_ERR_ADMIN_BAD_REQUEST: {
    status: 400,
    source: 'client',
    message: 'The request is malformed',
    remedy: 'Send valid HTTP/1.1, with one Host and a path whose percent-encoding stands for text.',
  },
  LB_ERR_ADMIN_INVALID: {
    status: 400,
    source: 'client',
    message: 'A parameter or the body is not valid',
    remedy: 'Correct what `issues` names; GET /admin/openapi.json has the rules.',
  },
  LB_ERR_ADMIN_UNAUTHORIZED: {
    status: 401,
    source: 'client',
    message: 'A valid bearer token is needed',
    remedy: 'Send "authorization: Bearer TOKEN" with the token that was given, or printed at the start.',
  },
  LB_ERR_ADMIN_ORIGIN: {
    status: 403,
    source: 'client',
    message: 'Pages of other origins may not ask',
    remedy: 'Open the page from the admin address itself; there is no CORS.',
  },
  LB_ERR_ADMIN_NOT_FOUND: {
    status: 404,
    source: 'client',
    message: 'No such route',
    remedy: 'GET /admin/openapi.json lists them all.',
  },
  LB_ERR_ADMIN_NO_SUCH_UPSTREAM: {
    status: 404,
    source: 'client',
    message: 'No endpoint has this id',
    remedy: 'Take ids from GET /admin/upstreams and percent-encode them: http%3A%2F%2F127.0.0.1%3A3001.',
  },
  LB_ERR_ADMIN_NO_DECISION: {
    status: 404,
    source: 'client',
    message: 'No decision is kept for this request',
    remedy: 'Ask sooner, or look for the id in the access log: only the last decisions are kept.',
  },
  LB_ERR_ADMIN_METHOD: {
    status: 405,
    source: 'client',
    message: 'Method not allowed',
    remedy: 'The field Allow lists the methods of the route.',
  },
  LB_ERR_ADMIN_TIMEOUT: {
    status: 408,
    source: 'client',
    message: 'The request did not arrive in time',
    remedy: 'Send head and body in one go.',
  },
  LB_ERR_ADMIN_BODY_TOO_LARGE: {
    status: 413,
    source: 'client',
    message: 'The body is too large',
    remedy: 'Send at most 16 KiB.',
  },
  LB_ERR_ADMIN_MEDIA_TYPE: {
    status: 415,
    source: 'client',
    message: 'The media type is not supported',
    remedy: 'Send "content-type: application/json" with every PATCH and POST, and no content encoding.',
  },
  LB_ERR_ADMIN_HOST: {
    status: 421,
    source: 'client',
    message: 'The name in Host is not one of the admin API',
    remedy: 'Ask by IP address or as localhost, or list the name with --admin-hosts.',
  },
  LB_ERR_ADMIN_RELOAD_REFUSED: {
    status: 422,
    source: 'client',
    message: 'The new configuration is not valid; the old one stays',
    remedy: 'Correct what `issues` names; --check-config says the same without a reload.',
  },
  LB_ERR_ADMIN_THROTTLED: {
    status: 429,
    source: 'client',
    message: 'Too many wrong tokens from this address',
    remedy: 'Wait as long as Retry-After says; who keeps sending a wrong token locks the address out again.',
  },
  LB_ERR_ADMIN_HEAD_TOO_LARGE: {
    status: 431,
    source: 'client',
    message: 'The head of the request is too large',
    remedy: 'Send fewer or shorter fields, or a shorter path.',
  },
  LB_ERR_ADMIN_INTERNAL: {
    status: 500,
    source: 'balancer',
    message: 'A fault of the admin API',
    remedy: 'The log has its cause; requests of clients are served as before. Please report it.',
  },
} as const satisfies Record<string, ErrorRow>

export type AdminErrorCode = keyof typeof ADMIN_ERRORS

export interface AdminErrorOptions {
  /** What really happened; for the log only. */
  readonly cause?: unknown
  /** Everything that was refused. */
  readonly issues?: readonly ProblemIssue[]
  /** Seconds after which another try may succeed. */
  readonly retryAfterS?: number
  /** Methods of the route, for 405. */
  readonly allow?: string
}

/** A failure that has an answer: thrown anywhere below a route, sent as problem details. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly code: AdminErrorCode
  readonly issues: readonly ProblemIssue[] | undefined
  readonly retryAfterS: number | undefined
  readonly allow: string | undefined

  /** @param detail what happened this time, safe for the client to read */
  constructor(code: AdminErrorCode, detail: string, options: AdminErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.issues = options.issues
    this.retryAfterS = options.retryAfterS
    this.allow = options.allow
  }

  get status(): number {
    return ADMIN_ERRORS[this.code].status
  }
}
