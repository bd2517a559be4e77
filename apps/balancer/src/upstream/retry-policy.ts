// Whether a request may be sent again, and why not; and whether its connection may carry another one.
//
// Invariants
// * Nothing that could have been carried out is sent twice: either no byte of it was sent, or its method is idempotent (RFC 9110, 9.2.2).
// * Nothing is sent again of which a byte was answered to the client.
// * Only what is still held whole can be sent again.
import { METHOD } from '@plimsoll/http1'
import type { Exchange, RetryReason } from '../exchange.ts'

export interface RetryOptions {
  /** Tries beyond the first, on endpoints not tried yet. */
  readonly count: number
  /** Statuses by which an endpoint, or something behind it, says that it could not do the work now. */
  readonly statuses: readonly number[]
  /** The first pause before another try is at most so long, each further one at most twice as long as the one before ... */
  readonly backoffMs: number
  /** ... and never longer than this. */
  readonly maxBackoffMs: number
  /** Safe requests without a body may be sent to a second endpoint while the first is still waited for. */
  readonly hedges: boolean
}

/** Why a request was not sent again; it stands in the log. */
export type NoRetry =
  | 'tries-used'
  | 'answer-begun'
  | 'not-idempotent'
  | 'body-not-held'
  | 'no-time'
  | 'no-other-endpoint'
  | 'budget'
  | 'client-ended'

export function isIdempotent(methodId: number): boolean {
  switch (methodId) {
    case METHOD.GET:
    case METHOD.HEAD:
    case METHOD.OPTIONS:
    case METHOD.PUT:
    case METHOD.DELETE:
      return true
    default:
      return false
  }
}

export class RetryPolicy {
  readonly #options: RetryOptions
  readonly #random: { next(): number }

  constructor(options: RetryOptions, random: { next(): number }) {
    this.#options = options
    this.#random = random
  }

  /** Why it must not be sent again after a failure, or null; `sent` is false only if no byte can have reached the endpoint. */
  whyNot(exchange: Exchange, sent: boolean): NoRetry | null {
    if (exchange.status !== 0) return 'answer-begun'
    const forbidden = whyNotRepeat(exchange, sent)
    if (forbidden !== null) return forbidden
    return exchange.retries >= this.#options.count ? 'tries-used' : null
  }

  /** After a kept connection turned out to be closed: the same endpoint once more, over a fresh connection. It doesn't count as a try. */
  allowsStaleRepeat(exchange: Exchange, sent: boolean): boolean {
    return !exchange.metStale && exchange.status === 0 && whyNotRepeat(exchange, sent) === null
  }

  /** Whether an answer with this status is one that another endpoint should give instead. */
  isRetriable(status: number): boolean {
    return this.#options.statuses.includes(status)
  }

  /** Whether the request could be sent elsewhere after a failure of any kind of its next try. */
  isRepeatable(exchange: Exchange): boolean {
    return this.whyNot(exchange, true) === null
  }

  /**
   * Pause before the next try: full jitter, so that what was refused together doesn't come back together. None for the first try elsewhere
   * when the first endpoint was gone or silent: the other one isn't to blame, and nobody said that there's too much to do.
   */
  backoffMs(exchange: Exchange, reason: RetryReason): number {
    const { backoffMs, maxBackoffMs } = this.#options
    if (reason !== 'status' && exchange.retries === 0) return 0
    return this.#random.next() * Math.min(maxBackoffMs, backoffMs * 2 ** exchange.retries)
  }

  /** Whether two endpoints may carry it out at the same time: safe methods (RFC 9110, 9.2.1). */
  allowsHedge({ methodId, hasBody, wantsUpgrade }: Exchange): boolean {
    if (!this.#options.hedges || hasBody || wantsUpgrade || this.#options.count === 0) return false
    return methodId === METHOD.GET || methodId === METHOD.HEAD || methodId === METHOD.OPTIONS
  }

  /** Whether the body has to be kept after it was sent. */
  needsBody(exchange: Exchange): boolean {
    return isIdempotent(exchange.methodId)
  }

  /**
   * Whether the body means nothing by its method (RFC 9110, 9.3.1, 9.3.2, 9.3.5): some servers take it for the next request (CL.0). So
   * nobody else's request may follow it on that connection.
   */
  isBodyMisread({ hasBody, methodId }: Exchange): boolean {
    return hasBody && (methodId === METHOD.GET || methodId === METHOD.HEAD || methodId === METHOD.DELETE)
  }
}

function whyNotRepeat(exchange: Exchange, sent: boolean): NoRetry | null {
  if (sent && !isIdempotent(exchange.methodId)) return 'not-idempotent'
  return exchange.hasBody && exchange.heldBody === null ? 'body-not-held' : null
}
