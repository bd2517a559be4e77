// A second try of a request whose first one is still waited for: whoever answers first wins.
//
//   first try sent ──`afterMs` without a byte──► hedge picked ──► connecting ──► sent
//                                                    │ head of an answer: it wins, the first try is given up
//                                                    │ the first try answers: it's given up
//                                                    │ the first try fails: it takes its place, and is no hedge any more
//                                                    └ it fails itself: as if it had never been
//
// Only safe requests without a body are hedged: both endpoints may carry them out.
import type { MessageHead } from '@plimsoll/http1'
import type { Exchange } from './exchange.ts'
import type { AnswerReceiver, UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { TryState } from './upstream/try-state.ts'

/** The pipeline, as a hedge sees it. */
export interface HedgeOwner {
  onHedgeReady(hedge: HedgedTry, connection: UpstreamConnection): void
  onHedgeHead(hedge: HedgedTry, head: MessageHead): void
  onHedgeFailure(hedge: HedgedTry, failure: UpstreamFailure): void
}

export class HedgedTry implements AnswerReceiver, TryState {
  readonly exchange: Exchange
  readonly endpoint: Endpoint
  readonly #owner: HedgeOwner
  connection: UpstreamConnection | null = null
  isProbe = false
  awaitsVerdict = false
  isWaiting = false
  pickedAtMs = 0
  sentAtMs = 0
  firstByteAtMs = 0
  /** No bytes pass through it: from the head on its connection talks to the exchange. */
  readonly isClientCongested = false

  constructor(exchange: Exchange, endpoint: Endpoint, owner: HedgeOwner) {
    this.exchange = exchange
    this.endpoint = endpoint
    this.#owner = owner
  }

  onUpstreamReady(connection: UpstreamConnection): void {
    this.#owner.onHedgeReady(this, connection)
  }

  onAnswerHead(head: MessageHead): void {
    this.#owner.onHedgeHead(this, head)
  }

  onUpstreamFailure(failure: UpstreamFailure): void {
    this.#owner.onHedgeFailure(this, failure)
  }

  // After its head the connection talks to the exchange, or is given up.
  onAnswerBody(): void {}
  onAnswerTrailers(): void {}
  onAnswerEnd(): void {}
  onTunnelBytes(): void {}
  onTunnelEnd(): void {}
  onUpstreamDrain(): void {}
}
