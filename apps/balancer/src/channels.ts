// Names of the diagnostics channels that the balancer publishes on, and what each message is.
// Subscribe with node:diagnostics_channel; a channel without a subscriber costs one boolean.
import { channel } from 'node:diagnostics_channel'
import type { Exchange, RetryReason } from './exchange.ts'
import type { Endpoint, EndpointHealth } from './upstream/endpoint.ts'

/** The head of a request has been read; what the exchange says of the request is final, the rest isn't. */
export interface ExchangeStarted {
  readonly exchange: Exchange
}

/** A request is about to be sent again. */
export interface ExchangeRetried {
  readonly exchange: Exchange
  readonly reason: RetryReason
}

/** An exchange that has ended, answered or not; every field of it is final. */
export interface ExchangeFinished {
  readonly exchange: Exchange
}

/** An endpoint's health has changed. */
export interface EndpointHealthChanged {
  readonly endpoint: Endpoint
  readonly from: EndpointHealth
  readonly to: EndpointHealth
  /** What was seen: `3 checks failed, the last: connect ECONNREFUSED`. */
  readonly reason: string
}

/** A health check has ended. */
export interface HealthCheckFinished {
  readonly endpoint: Endpoint
  readonly durationMs: number
  /** What went wrong; null when it passed. */
  readonly failure: string | null
}

export const channels = {
  exchangeStarted: channel('lb:exchange:started'),
  exchangeRetried: channel('lb:exchange:retried'),
  exchangeFinished: channel('lb:exchange:finished'),
  endpointHealthChanged: channel('lb:endpoint:health-changed'),
  healthCheckFinished: channel('lb:health-check:finished'),
} as const
