// Names of the diagnostics channels that the balancer publishes on, and what each message is.
// Subscribe with node:diagnostics_channel; a channel without a subscriber costs one boolean.
import { channel } from 'node:diagnostics_channel'
import type { Exchange } from './exchange.ts'
import type { Endpoint, EndpointHealth } from './upstream/endpoint.ts'

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

export const channels = {
  exchangeFinished: channel('lb:exchange:finished'),
  endpointHealthChanged: channel('lb:endpoint:health-changed'),
} as const
