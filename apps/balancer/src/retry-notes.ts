// What's written down of each retry: its reason, in the exchange and on the channel.
import { channels, type ExchangeRetried } from './channels.ts'
import type { Exchange, RetryReason } from './exchange.ts'
import type { UpstreamFailureCode } from './upstream/answer-receiver.ts'

/** What a failure is called as a reason for a retry. */
export const REASON_OF: Readonly<Record<UpstreamFailureCode, RetryReason>> = {
  LB_ERR_UPSTREAM_CONNECT: 'connect',
  LB_ERR_UPSTREAM_CONNECT_TIMEOUT: 'connect',
  LB_ERR_UPSTREAM_CLOSED: 'closed',
  LB_ERR_UPSTREAM_INVALID: 'invalid',
}

export function noteRetry(exchange: Exchange, reason: RetryReason): void {
  exchange.retryReasons ??= []
  exchange.retryReasons.push(reason)
  if (!channels.exchangeRetried.hasSubscribers) return
  const message: ExchangeRetried = { exchange, reason }
  channels.exchangeRetried.publish(message)
}
