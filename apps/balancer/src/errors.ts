// Every code that the balancer can answer with or fail with, in one table; the README's table is generated from it.
import type { ProblemInput } from '@plimsoll/problem-details'

/** One row: what it means, the status that a client sees, who caused it, and what to do. */
interface ErrorRow {
  readonly status: number
  readonly source: 'client' | 'upstream' | 'balancer'
  readonly message: string
  readonly remedy: string
}

export const BALANCER_ERRORS = {
  LB_ERR_BAD_REQUEST: {
    status: 400,
    source: 'client',
    message: 'The request is not valid HTTP',
    remedy: 'The detail names the rule that the request breaks; mend the client.',
  },
  LB_ERR_HEAD_TOO_LARGE: {
    status: 431,
    source: 'client',
    message: 'The head of the request is too large',
    remedy:
      'Send fewer or shorter fields (431) or a shorter target (414), or raise limits.max-head-bytes, max-headers, max-target-bytes.',
  },
  LB_ERR_BODY_TOO_LARGE: {
    status: 413,
    source: 'client',
    message: 'The body of the request is too large',
    remedy: 'Send less, or raise limits.max-body-bytes.',
  },
  LB_ERR_EXPECTATION: {
    status: 417,
    source: 'client',
    message: 'The expectation cannot be met',
    remedy: 'Send Expect: 100-continue, or none.',
  },
  LB_ERR_METHOD_REFUSED: {
    status: 501,
    source: 'client',
    message: 'CONNECT and TRACE are not served',
    remedy: 'Use another method; a reverse proxy opens no tunnels to addresses that a client names.',
  },
  LB_ERR_RATE_LIMITED: {
    status: 429,
    source: 'client',
    message: 'Too many requests from this address',
    remedy:
      'Wait as long as Retry-After says; RateLimit-Policy has the rules. Or raise rate-limit.overall-limit or endpoint-limit.',
  },
  LB_ERR_REQUEST_TIMEOUT: {
    status: 408,
    source: 'client',
    message: 'The request did not arrive in time',
    remedy:
      'Send the head and the body faster, or raise timeouts.request-head-ms or lower limits.min-bytes-per-second.',
  },
  LB_ERR_REQUEST_CUT_SHORT: {
    status: 400,
    source: 'client',
    message: 'The request ended before it was whole',
    remedy: 'Send all of the head, and as much content as Content-Length says or up to the last chunk.',
  },
  LB_ERR_NO_ENDPOINT: {
    status: 503,
    source: 'upstream',
    message: 'No endpoint can take the request',
    remedy: 'GET /health on the admin port says why each endpoint is out.',
  },
  LB_ERR_ENDPOINTS_BUSY: {
    status: 503,
    source: 'balancer',
    message: 'All endpoints have as many requests as they may have',
    remedy: 'Raise limits.max-requests-per-endpoint, or add endpoints.',
  },
  LB_ERR_DEADLINE: {
    status: 504,
    source: 'client',
    message: 'The time given to the request is over',
    remedy: 'Give it more time, or see why the answer takes so long.',
  },
  LB_ERR_UPSTREAM_CONNECT: {
    status: 502,
    source: 'upstream',
    message: 'No connection to the endpoint',
    remedy: 'See whether the endpoint runs and listens at its address. Nothing was sent, so a new try is safe.',
  },
  LB_ERR_UPSTREAM_CONNECT_TIMEOUT: {
    status: 504,
    source: 'upstream',
    message: 'The endpoint did not accept the connection in time',
    remedy:
      'See whether the endpoint is overloaded or behind a firewall, or raise timeouts.connect-ms. Nothing was sent, so a new try is safe.',
  },
  LB_ERR_UPSTREAM_CLOSED: {
    status: 502,
    source: 'upstream',
    message: 'The endpoint closed the connection before its answer was whole',
    remedy: 'See the logs of the endpoint. The request may have been carried out.',
  },
  LB_ERR_UPSTREAM_INVALID: {
    status: 502,
    source: 'upstream',
    message: 'The answer of the endpoint is not valid HTTP',
    remedy: 'See the logs of the endpoint; the detail names the rule that the answer breaks.',
  },
  LB_ERR_UPSTREAM_TIMEOUT: {
    status: 504,
    source: 'upstream',
    message: 'The endpoint did not answer in time',
    remedy:
      'See why the endpoint is slow, or raise timeouts.try-ms and timeouts.total-ms. The request may have been carried out.',
  },
  LB_ERR_TOO_MANY_CONNECTIONS: {
    status: 503,
    source: 'balancer',
    message: 'Too many connections',
    remedy: 'Come back later, or raise limits.max-connections and max-connections-per-address (and ulimit -n).',
  },
  LB_ERR_OVERLOADED: {
    status: 503,
    source: 'balancer',
    message: 'The balancer has run out of something',
    remedy: 'Raise ulimit -n, or lower limits.max-connections; nothing was sent, so a new try is safe.',
  },
  LB_ERR_INTERNAL: {
    status: 500,
    source: 'balancer',
    message: 'A fault of the balancer itself',
    remedy: 'It cost one connection; the log has its stack. Please report it.',
  },
} as const satisfies Record<string, ErrorRow>

export type BalancerErrorCode = keyof typeof BALANCER_ERRORS

/** A failure of one exchange, with what the client is told. */
export class BalancerError extends Error {
  override readonly name = 'BalancerError'
  readonly code: BalancerErrorCode
  /** What happened this time; safe for the client to read. */
  readonly detail: string
  /** What the client gets: the code's status, or a finer one of the codec. */
  readonly status: number
  /** Seconds after which a new try may succeed, or null. */
  readonly retryAfterS: number | null

  constructor(
    code: BalancerErrorCode,
    detail: string,
    options: { cause?: unknown; retryAfterS?: number; status?: number } = {},
  ) {
    super(`${BALANCER_ERRORS[code].message}: ${detail}`, { cause: options.cause })
    this.code = code
    this.detail = detail
    this.status = options.status ?? BALANCER_ERRORS[code].status
    this.retryAfterS = options.retryAfterS ?? null
  }

  /** The fields of the problem that the client gets. */
  toProblem(instance: string | null, requestId: string | null): ProblemInput {
    const row = BALANCER_ERRORS[this.code]
    return {
      status: this.status,
      code: this.code,
      title: row.message,
      detail: this.detail,
      ...(instance === null ? {} : { instance }),
      ...(requestId === null ? {} : { requestId }),
      source: row.source,
      ...(this.retryAfterS === null ? {} : { retryAfterS: this.retryAfterS }),
    }
  }
}
