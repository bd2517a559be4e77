// The pipeline: the one file that knows the order of the stages, with the retry loop.
//
//   exchange ──► pick an endpoint ──► forward ──► answered
//                   ▲                    │ failed, and a retry is allowed
//                   └────────────────────┘
//
// Invariants
// * A request is answered exactly once: by an endpoint, by a problem of ours, or by a cut connection when its answer broke off.
// * What could have been carried out isn't sent twice: a retry needs that nothing was sent, or an idempotent method without a body
//   (RFC 9110, 9.2.2).
// * What an exchange takes (the endpoint's slot) is given back in one `finally`.
import { channels, type ExchangeFinished } from './channels.ts'
import { BalancerError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { ClientMessage, Outcome } from './upstream/forwarder.ts'
import type { UpstreamPool } from './upstream/upstream-pool.ts'

/** What the pipeline needs of the part that talks to an endpoint. */
export interface RequestForwarder {
  forward(exchange: Exchange, endpoint: Endpoint, client: ClientMessage, tryMs: number): Promise<Outcome>
}

export interface ProxyOptions {
  readonly retryCount: number
  readonly tryMs: number
  readonly totalMs: number
}

const IDEMPOTENT_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export class Proxy {
  readonly #pool: UpstreamPool
  readonly #forwarder: RequestForwarder
  readonly #options: ProxyOptions
  /** Told of an endpoint that couldn't be connected to. */
  readonly #onConnectFailure: (endpoint: Endpoint, detail: string) => void

  constructor(
    pool: UpstreamPool,
    forwarder: RequestForwarder,
    options: ProxyOptions,
    onConnectFailure: (endpoint: Endpoint, detail: string) => void,
  ) {
    this.#pool = pool
    this.#forwarder = forwarder
    this.#options = options
    this.#onConnectFailure = onConnectFailure
  }

  /** Resolves when the exchange is over; an error of ours is returned, to be sent by the downstream side. */
  async handle(exchange: Exchange, client: ClientMessage): Promise<BalancerError | null> {
    const error = await this.#run(exchange, client)
    if (error) {
      exchange.errorCode = error.code
      exchange.end = 'refused'
    }
    return error
  }

  /** Makes the exchange final and tells whoever listens. */
  finish(exchange: Exchange): void {
    exchange.endedAtMs = performance.now()
    if (!channels.exchangeFinished.hasSubscribers) return
    const message: ExchangeFinished = { exchange }
    channels.exchangeFinished.publish(message)
  }

  async #run(exchange: Exchange, client: ClientMessage): Promise<BalancerError | null> {
    if (exchange.method === 'TRACE' || exchange.method === 'CONNECT') {
      return new BalancerError('LB_ERR_METHOD_REFUSED', `${exchange.method} is refused.`)
    }
    let lastFailure: BalancerError | null = null
    for (;;) {
      const endpoint = this.#pool.pick(exchange.tried)
      // With nobody left to try, the client learns what the last try met.
      if (!endpoint) return lastFailure ?? this.#nobody()
      if (lastFailure) exchange.retries++
      const leftMs = exchange.startedAtMs + this.#options.totalMs - performance.now()
      const outcome = await this.#try(exchange, endpoint, client, Math.max(1, Math.min(this.#options.tryMs, leftMs)))
      switch (outcome.kind) {
        case 'answered':
          exchange.end = 'answered'
          return null
        case 'client-left':
          exchange.end = 'client-left'
          return null
        case 'cut':
          exchange.end = 'upstream-failed'
          exchange.errorCode = 'LB_ERR_UPSTREAM_CLOSED'
          return null
        case 'failed':
          break
        default:
          return outcome satisfies never
      }
      if (outcome.code === 'LB_ERR_UPSTREAM_CONNECT') this.#onConnectFailure(endpoint, outcome.detail)
      lastFailure = new BalancerError(outcome.code, outcome.detail, { cause: outcome.cause })
      if (!this.#mayRetry(exchange, client, outcome.sent)) return lastFailure
    }
  }

  async #try(exchange: Exchange, endpoint: Endpoint, client: ClientMessage, tryMs: number): Promise<Outcome> {
    exchange.tried.push(endpoint)
    endpoint.activeRequests++
    endpoint.requestsTotal++
    try {
      const outcome = await this.#forwarder.forward(exchange, endpoint, client, tryMs)
      if (outcome.kind === 'failed' || outcome.kind === 'cut') endpoint.failuresTotal++
      else if (outcome.kind === 'answered')
        endpoint.answersByClass[Math.floor(exchange.status / 100) as 2 | 3 | 4 | 5]++
      return outcome
    } finally {
      endpoint.activeRequests--
    }
  }

  #mayRetry(exchange: Exchange, client: ClientMessage, sent: boolean): boolean {
    if (exchange.retries >= this.#options.retryCount) return false
    if (performance.now() >= exchange.startedAtMs + this.#options.totalMs) return false
    if (!sent) return true
    return !client.hasBody && IDEMPOTENT_METHODS.has(exchange.method)
  }

  #nobody(): BalancerError {
    const reasons = this.#pool.endpoints.map(endpoint => `${endpoint.id} is ${endpoint.unavailableReason ?? 'up'}`)
    const detail = reasons.length === 0 ? 'No endpoint is known.' : `${reasons.join('; ')}.`
    return new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 })
  }
}
