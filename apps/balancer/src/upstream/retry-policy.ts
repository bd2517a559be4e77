// Whether a request may be sent again, and why not; and whether its connection may carry another one.
//
// Invariants
// * Nothing that could have been carried out is sent twice: either no byte of it was sent, or its method is idempotent (RFC 9110, 9.2.2).
// * Nothing is sent again of which a byte was answered to the client.
// * Only what is still held whole can be sent again.
import { METHOD } from '@plimsoll/http1'
import type { Exchange } from '../exchange.ts'

export interface RetryOptions {
  /** Tries beyond the first, on endpoints not tried yet. */
  readonly count: number
}

/** Statuses by which an endpoint, or something behind it, says that it could not do the work now. */
const RETRIABLE_STATUSES = new Set([502, 503, 504])

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

  constructor(options: RetryOptions) {
    this.#options = options
  }

  /** After a failure; `sent` is false only if no byte can have reached the endpoint. */
  allows(exchange: Exchange, sent: boolean): boolean {
    if (exchange.retries >= this.#options.count || exchange.status !== 0) return false
    return this.#mayRepeat(exchange, sent)
  }

  /** After a kept connection turned out to be closed: the same endpoint once more, over a fresh connection. It doesn't count as a try. */
  allowsStaleRepeat(exchange: Exchange): boolean {
    return !exchange.metStale && exchange.status === 0 && this.#mayRepeat(exchange, true)
  }

  /** After an answer: whether another endpoint should be asked instead of passing it on. */
  allowsForStatus(exchange: Exchange, status: number): boolean {
    return RETRIABLE_STATUSES.has(status) && this.allows(exchange, true)
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

  #mayRepeat(exchange: Exchange, sent: boolean): boolean {
    if (exchange.hasBody && exchange.heldBody === null) return false
    return !sent || isIdempotent(exchange.methodId)
  }
}
