// Begins second tries beside first ones, and decides which of the two the client hears (hedged-try.ts has the states).
//
// Invariants
// * A hedge is a retry: it needs a try left, time, another endpoint and the budget.
// * Of two tries at most one is answered to the client; the other is given up as soon as that's decided.
// * What a hedge takes is given back by `drop`, or goes over to the exchange by `promote`.
import type { MessageHead } from '@plimsoll/http1'
import type { Exchange, RetryReason } from './exchange.ts'
import { HedgedTry, type HedgeOwner } from './hedged-try.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { noteRetry } from './retry-notes.ts'
import type { UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import { retryAfterMs } from './upstream/retry-after.ts'
import type { NoRetry } from './upstream/retry-policy.ts'

/** The pipeline, as hedging needs it. */
export interface HedgePipeline {
  whyNoRetry(exchange: Exchange, sent: boolean): NoRetry | null
  writeHead(exchange: Exchange, connection: UpstreamConnection): void
  /** The first try is not waited for any more. */
  giveUpTry(exchange: Exchange): void
  onAnswerHead(exchange: Exchange, head: MessageHead): void
}

export class Hedging implements HedgeOwner {
  readonly #parts: ProxyParts
  readonly #pipeline: HedgePipeline

  constructor(parts: ProxyParts, pipeline: HedgePipeline) {
    this.#parts = parts
    this.#pipeline = pipeline
  }

  /** No byte of an answer has come for so long that a second endpoint may be asked. */
  begin(exchange: Exchange): void {
    const { pool, budget, reports, deadlines, decisions } = this.#parts
    exchange.mayHedge = false
    deadlines.onMoved(exchange)
    if (this.#pipeline.whyNoRetry(exchange, true) !== null || !budget.tryTake()) return
    decisions?.retried(exchange, 'LB_HEDGED', 'No answer yet: a second endpoint is asked as well.', null)
    decisions?.begin(exchange)
    const endpoint = pool.pick(exchange.tried, false, exchange.hashKey, exchange.needsDatabase)
    if (endpoint === null) return
    decisions?.chose(exchange, endpoint, pool.lastKind)
    exchange.retries++
    noteRetry(exchange, 'hedge')
    const hedge = new HedgedTry(exchange, endpoint, this)
    exchange.hedge = hedge
    reports.picked(hedge, endpoint, pool.lastKind === 'probe')
    const connection = this.#parts.connect(endpoint, hedge, false, false)
    if (exchange.hedge === hedge) hedge.connection = connection
  }

  /** The first try has failed: true when a hedge has taken its place. */
  takesOver(exchange: Exchange, reason: RetryReason): boolean {
    if (!exchange.hedge?.connection || exchange.status !== 0) return false
    this.#promote(exchange, exchange.hedge, reason)
    return true
  }

  /** The first try is answered, or the exchange is over. */
  drop(exchange: Exchange): void {
    const { hedge } = exchange
    if (hedge === null) return
    exchange.hedge = null
    hedge.connection?.abandon()
    this.#parts.reports.release(hedge, hedge.endpoint)
  }

  onHedgeReady(hedge: HedgedTry, connection: UpstreamConnection): void {
    const { clock, relay, reports, retry } = this.#parts
    const { exchange } = hedge
    hedge.connection = connection
    hedge.sentAtMs = clock.now()
    connection.beginRequest(exchange.methodId, false, retry.isBodyMisread(exchange))
    this.#pipeline.writeHead(exchange, connection)
    reports.waits(hedge)
    relay.sendEnd(exchange, connection)
  }

  onHedgeHead(hedge: HedgedTry, head: MessageHead): void {
    const { reports, retry, loadReports } = this.#parts
    const { exchange, endpoint, connection } = hedge
    if (head.interim) return reports.heard(hedge, endpoint)
    if (retry.isRetriable(head.status) && exchange.connection !== null) {
      loadReports.take(endpoint, head)
      reports.answered(hedge, endpoint, head.status, retryAfterMs(head, Date.now()))
      connection?.discardAnswer()
      hedge.connection = null
      return this.drop(exchange)
    }
    this.#pipeline.giveUpTry(exchange)
    this.#promote(exchange, hedge, null)
    this.#pipeline.onAnswerHead(exchange, head)
  }

  onHedgeFailure(hedge: HedgedTry, failure: UpstreamFailure): void {
    if (!failure.exhausted && !failure.stale)
      this.#parts.reports.failed(hedge, hedge.endpoint, `${failure.code} ${failure.detail}`)
    hedge.connection = null
    this.drop(hedge.exchange)
  }

  /** The hedge is the try from now on. `reason`: what became of the one before; null when it was only slower. */
  #promote(exchange: Exchange, hedge: HedgedTry, reason: RetryReason | null): void {
    const connection = hedge.connection as UpstreamConnection
    exchange.hedge = null
    exchange.tried.push(hedge.endpoint)
    exchange.connection = connection
    exchange.isProbe = hedge.isProbe
    exchange.awaitsVerdict = hedge.awaitsVerdict
    exchange.isWaiting = hedge.isWaiting
    exchange.pickedAtMs = hedge.pickedAtMs
    exchange.sentAtMs = hedge.sentAtMs
    exchange.firstByteAtMs = 0
    exchange.phase = hedge.sentAtMs === 0 ? 'connecting' : 'sent'
    if (reason !== null) noteRetry(exchange, reason)
    connection.handOver(exchange)
    this.#parts.deadlines.onMoved(exchange)
  }
}
