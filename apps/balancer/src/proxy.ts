// The pipeline: the one file that knows the order of the stages, with the retry loop.
//
//   head ─► rate limit ─► refused? ─► request passes ─► pick an endpoint ─► connection ─► send ─► answer ─► response passes ─► finish
//                                                            ▲                              │
//                                                            └──── failed, and a retry is allowed
//
// Invariants
// * A request is answered exactly once: by an endpoint, by a problem of ours, or by a cut connection when its answer broke off.
// * A retry never repeats what could have been carried out (upstream/retry-policy.ts).
// * What an exchange takes (an endpoint's place, its connection) is given back in `#release`, whichever way the exchange goes; and
//   `#finish` runs exactly once for each exchange.
import { FRAMING, METHOD, type MessageHead, type Refusal } from '@plimsoll/http1'
import { problem } from '@plimsoll/problem-details'
import type { RateLimitRefusal } from './admission/rate-limiter.ts'
import { copyTrailers, framingFor, relayAnswerBody, relayAnswerEnd, relayAnswerTrailers } from './answer-relay.ts'
import { channels, type ExchangeFinished, type ExchangeStarted } from './channels.ts'
import type { RequestHandler } from './downstream/request-handler.ts'
import { BalancerError, type BalancerErrorCode } from './errors.ts'
import type { Exchange, ExchangeEnd, RetryReason } from './exchange.ts'
import { Hedging, type HedgePipeline } from './hedging.ts'
import { maxForwards } from './headers/request-passes.ts'
import { codeForStatus, nobodyAvailable, outOfTime, refusalFor } from './refusals.ts'
import type { ProxyParts } from './proxy-parts.ts'
import { noteRetry, REASON_OF } from './retry-notes.ts'
import { isEventStream } from './streams/event-stream-answer.ts'
import { EventStreamGoodbye } from './streams/event-stream-goodbye.ts'
import type { StreamKind } from './streams/stream-goodbye.ts'
import { WebSocketGoodbye } from './streams/websocket-goodbye.ts'
import { ByteStore } from './transport/byte-store.ts'
import { onClientEnd, onEndpointEnd, relayToClient, relayToEndpoint } from './tunnel.ts'
import type { UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import { retryAfterMs } from './upstream/retry-after.ts'
import type { NoRetry } from './upstream/retry-policy.ts'

export class Proxy implements RequestHandler, HedgePipeline {
  readonly #parts: ProxyParts
  readonly #hedging: Hedging

  constructor(parts: ProxyParts) {
    this.#parts = parts
    this.#hedging = new Hedging(parts, this)
  }

  // ——— the request ———

  onRequestHead(exchange: Exchange, head: MessageHead): void {
    this.#describe(exchange, head)
    exchange.clientKeepsAlive = head.keepAlive
    exchange.closeAfter = !head.keepAlive
    exchange.requestIsChunked = head.framing === FRAMING.chunked
    exchange.hasBody = exchange.requestIsChunked || head.contentLength > 0
    exchange.heldBody = exchange.hasBody ? new ByteStore() : null
    exchange.awaitsContinue = head.expectContinue
    exchange.wantsUpgrade = head.upgradeToWebSocket && head.method === METHOD.GET && !exchange.hasBody
    const { identity } = exchange.client
    const chain = this.#parts.requestPasses.meet(exchange, head, identity)
    if (channels.exchangeStarted.hasSubscribers) {
      const message: ExchangeStarted = { exchange }
      channels.exchangeStarted.publish(message)
    }
    const limited = this.#parts.rateLimiter?.check(exchange, head) ?? null
    if (limited !== null) return this.#refuseLimited(exchange, limited)
    const refusal = refusalFor(exchange, head)
    if (refusal) return this.#refuse(exchange, refusal)
    if (head.method === METHOD.OPTIONS && maxForwards(head) === 0) return this.#answerOptions(exchange)
    if (this.#parts.deadlines.isGivenTimeOver(exchange)) return this.#refuse(exchange, outOfTime())
    this.#parts.requestPasses.apply(exchange, head, identity, chain)
    exchange.hashKey = this.#parts.hashKeyOf(exchange, head)
    exchange.needsDatabase = this.#parts.needsDatabase(head)
    exchange.mayHedge = this.#parts.retry.allowsHedge(exchange)
    this.#parts.budget.requested(exchange.startedAtMs)
    this.#attempt(exchange)
  }

  #refuseLimited(exchange: Exchange, refusal: RateLimitRefusal): void {
    this.#parts.onRateLimited(refusal)
    this.#parts.decisions?.limited(exchange, refusal)
    this.#refuse(exchange, refusal.error)
  }

  onPartialHead(exchange: Exchange, head: MessageHead): void {
    this.#describe(exchange, head)
    exchange.closeAfter = true
    this.#parts.requestPasses.identify(exchange, exchange.client.identity)
  }

  #describe(exchange: Exchange, head: MessageHead): void {
    exchange.startedAtMs = this.#parts.clock.now()
    exchange.waitingSinceMs = exchange.startedAtMs
    exchange.methodId = head.method
    exchange.method = head.methodString()
    exchange.target = head.targetString()
    exchange.versionMinor = head.versionMinor
  }

  onRequestBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    const { relay, retry, deadlines } = this.#parts
    relay.takePiece(exchange, buffer, start, end, retry.needsBody(exchange))
    deadlines.onMoved(exchange)
  }

  onRequestTrailers(exchange: Exchange, trailers: MessageHead): void {
    exchange.requestTrailers = copyTrailers(trailers)
  }

  onRequestEnd(exchange: Exchange): void {
    if (!exchange.hasBody) return
    const { relay, deadlines } = this.#parts
    deadlines.begin(exchange)
    deadlines.onMoved(exchange)
    if (exchange.connection === null) return
    if (exchange.phase === 'sent') this.#parts.reports.waits(exchange)
    if (exchange.phase === 'sent' || exchange.phase === 'answering') relay.sendEnd(exchange, exchange.connection)
  }

  onRequestRefused(exchange: Exchange, { status, message, code }: Refusal): void {
    this.#rejectInput(exchange, new BalancerError(codeForStatus(status), `${message} (${code})`, { status }))
  }

  onRequestTooSlow(exchange: Exchange, what: 'head' | 'body'): void {
    this.#rejectInput(
      exchange,
      new BalancerError('LB_ERR_REQUEST_TIMEOUT', `The ${what} of the request did not come in time.`),
    )
  }

  onRequestCutShort(exchange: Exchange): void {
    this.#rejectInput(
      exchange,
      new BalancerError('LB_ERR_REQUEST_CUT_SHORT', 'The connection ended before the request was whole.'),
    )
  }

  // ——— the tries ———

  #attempt(exchange: Exchange): void {
    const { pool, retry, decisions } = this.#parts
    decisions?.begin(exchange)
    const endpoint = pool.pick(exchange.tried, retry.isRepeatable(exchange), exchange.hashKey, exchange.needsDatabase)
    if (endpoint === null) {
      // With nobody left to try, the client learns what the last try met.
      if (exchange.lastFailure !== null) exchange.notRetriedBecause = 'no-other-endpoint'
      this.#refuse(exchange, exchange.lastFailure ?? nobodyAvailable(pool.endpoints, pool.availableCount))
      return
    }
    decisions?.chose(exchange, endpoint, pool.lastKind)
    exchange.tried.push(endpoint)
    this.#connect(exchange, endpoint, pool.lastKind === 'probe')
  }

  #connect(exchange: Exchange, endpoint: Endpoint, isProbe: boolean): void {
    this.#parts.reports.picked(exchange, endpoint, isProbe)
    exchange.phase = 'connecting'
    const careful = !this.#parts.retry.isRepeatable(exchange)
    const connection = this.#parts.connect(endpoint, exchange, exchange.metStale, careful)
    // A kept connection has called `onUpstreamReady` by now.
    if (exchange.phase !== 'connecting') return
    exchange.connection = connection
    this.#parts.deadlines.onMoved(exchange)
  }

  /** A try has failed: another one, now or after a pause, or the end. `sent` is false only if no byte can have reached the endpoint. */
  #tryAgainOrRefuse(exchange: Exchange, error: BalancerError, reason: RetryReason, sent: boolean): void {
    const { budget } = this.#parts
    if (this.#hedging.takesOver(exchange, reason)) return
    exchange.phase = 'begun'
    const whyNot = this.whyNoRetry(exchange, sent)
    exchange.notRetriedBecause = whyNot
    if (whyNot !== null) return this.#refuse(exchange, error)
    // What was never sent is no second load on anybody.
    if (sent && !budget.tryTake()) {
      exchange.notRetriedBecause = 'budget'
      return this.#refuse(exchange, error)
    }
    this.#tryAgain(exchange, error, reason)
  }

  /** Allowed, and counted: now, or after a pause. */
  #tryAgain(exchange: Exchange, error: BalancerError, reason: RetryReason): void {
    const { retry, deadlines } = this.#parts
    exchange.phase = 'begun'
    const pauseMs = retry.backoffMs(exchange, reason)
    exchange.lastFailure = error
    exchange.retries++
    this.#parts.decisions?.retried(exchange, error.code, error.detail, error.cause)
    noteRetry(exchange, reason)
    if (pauseMs < 1) return this.#attempt(exchange)
    exchange.phase = 'backing-off'
    deadlines.pause(exchange, pauseMs)
  }

  whyNoRetry(exchange: Exchange, sent: boolean): NoRetry | null {
    const { retry, deadlines, pool } = this.#parts
    const whyNot = retry.whyNot(exchange, sent)
    if (whyNot !== null) return whyNot
    if (!deadlines.isTimeLeft(exchange)) return 'no-time'
    return pool.hasOther(exchange.tried) ? null : 'no-other-endpoint'
  }

  onUpstreamReady(exchange: Exchange, connection: UpstreamConnection): void {
    const { clock, deadlines, relay, retry, reports } = this.#parts
    exchange.connection = connection
    exchange.phase = 'sent'
    exchange.sentAtMs = clock.now()
    connection.beginRequest(exchange.methodId, exchange.wantsUpgrade, retry.isBodyMisread(exchange))
    this.writeHead(exchange, connection)
    relay.sendHeld(exchange, connection, retry.needsBody(exchange))
    if (exchange.requestEnded || !exchange.hasBody) {
      reports.waits(exchange)
      relay.sendEnd(exchange, connection)
    }
    if (!connection.isCongested) exchange.client.resume()
    deadlines.onMoved(exchange)
  }

  writeHead(exchange: Exchange, { writer }: UpstreamConnection): void {
    const head = exchange.requestHead as Buffer
    if (!this.#parts.sendsDeadline) return writer.append(head, 0, head.length)
    // In front of the empty line that ends the head: what's left is other with each try.
    writer.append(head, 0, head.length - 2)
    const leftMs = Math.ceil(this.#parts.deadlines.totalLeftMs(exchange))
    writer.appendLatin1(`X-Request-Deadline-Ms: ${leftMs}\r\n\r\n`)
  }

  /** What was written to the endpoint has left. */
  onUpstreamDrain(exchange: Exchange): void {
    exchange.client.resume()
    this.#parts.deadlines.onMoved(exchange)
  }

  onUpstreamFailure(exchange: Exchange, failure: UpstreamFailure): void {
    const { retry, reports, clock, pool } = this.#parts
    const endpoint = exchange.endpoint as Endpoint
    // An endpoint that has been taken out meanwhile isn't asked again.
    const isEarly = exchange.phase === 'sent' || exchange.phase === 'connecting'
    const isStale = failure.stale && isEarly && pool.takes(endpoint) && retry.allowsStaleRepeat(exchange, failure.sent)
    const wasProbe = exchange.isProbe
    if (!isStale && !failure.exhausted) reports.failed(exchange, endpoint, `${failure.code} ${failure.detail}`)
    this.#release(exchange)
    // A reset would take the close frame from the client that was told to leave.
    if (exchange.phase === 'tunnel')
      return exchange.webSocket?.isTold ? this.#endTunnel(exchange) : this.#breakTunnel(exchange)
    if (exchange.phase === 'answering') {
      exchange.notRetriedBecause = 'answer-begun'
      return this.#breakOff(exchange, 'upstream-failed', failure.code, failure.detail)
    }
    exchange.phase = 'begun'
    if (failure.exhausted) {
      this.#parts.onExhausted()
      const detail = 'The balancer has no sockets left.'
      const options = { cause: failure.cause, retryAfterS: 1 }
      return this.#refuse(exchange, new BalancerError('LB_ERR_OVERLOADED', detail, options))
    }
    if (isStale) {
      exchange.metStale = true
      noteRetry(exchange, 'stale')
      this.#connect(exchange, endpoint, wasProbe && endpoint.circuit.tryProbe(true, clock.now()))
      return
    }
    const reason = REASON_OF[failure.code]
    if (reason === 'connect') this.#parts.onConnectFailure(endpoint, failure)
    const error = new BalancerError(failure.code, failure.detail, { cause: failure.cause })
    this.#tryAgainOrRefuse(exchange, error, reason, failure.sent)
  }

  /** The time of a try, of a pause, of the whole request, of a silent answer or of a silent tunnel is over. */
  onExchangeTimer(exchange: Exchange): void {
    const { deadlines, clock, reports } = this.#parts
    if (exchange.phase === 'backing-off') return this.#attempt(exchange)
    if (exchange.mayHedge && exchange.phase === 'sent') return this.#hedging.begin(exchange)
    if (deadlines.isClientsTurn(exchange)) return deadlines.onMoved(exchange)
    if (exchange.phase === 'tunnel') return this.#endTunnel(exchange)
    const waitedMs = Math.round(clock.now() - exchange.waitingSinceMs)
    const isOutOfTime = deadlines.isGivenTimeOver(exchange)
    const sent = exchange.phase !== 'connecting'
    exchange.connection?.abandon()
    // A client's short time is no fault of the endpoint's; but one on trial has not shown that it's back.
    if (exchange.endpoint && (!isOutOfTime || exchange.isProbe))
      reports.failed(exchange, exchange.endpoint, 'no answer in time')
    this.#release(exchange)
    if (exchange.phase === 'answering') {
      exchange.notRetriedBecause = 'answer-begun'
      const detail = 'The endpoint stopped in the middle of its answer.'
      return this.#breakOff(exchange, 'upstream-failed', 'LB_ERR_UPSTREAM_TIMEOUT', detail)
    }
    const error = isOutOfTime
      ? outOfTime()
      : new BalancerError('LB_ERR_UPSTREAM_TIMEOUT', `No answer within ${waitedMs} ms.`)
    this.#tryAgainOrRefuse(exchange, error, 'timeout', sent)
  }

  /** Nobody waits for the try under way any more. */
  giveUpTry(exchange: Exchange): void {
    exchange.connection?.abandon()
    this.#release(exchange)
  }

  // ——— the answer ———

  onAnswerHead(exchange: Exchange, head: MessageHead): void {
    const { clock, responsePasses, deadlines, reports, loadReports } = this.#parts
    const { client } = exchange
    const endpoint = exchange.endpoint as Endpoint
    if (exchange.firstByteAtMs === 0) exchange.firstByteAtMs = clock.now()
    reports.heard(exchange, endpoint)
    if (head.interim) return this.#onInterim(exchange, head)
    loadReports.take(endpoint, head)
    if (head.framing === FRAMING.tunnel) return this.#beginTunnel(exchange, head)
    reports.answered(exchange, endpoint, head.status, head.status >= 429 ? retryAfterMs(head, Date.now()) : 0)
    if (this.#retriesInstead(exchange, head.status)) return
    this.#hedging.drop(exchange)
    exchange.phase = 'answering'
    exchange.status = head.status
    exchange.answerFraming = framingFor(exchange, head)
    // What comes behind a request that isn't whole can't be told from its body: the connection ends with this answer.
    if (exchange.answerFraming === FRAMING.untilClose || !exchange.requestEnded || client.isDraining)
      exchange.closeAfter = true
    responsePasses.writeAnswer(client.writer, exchange, head, exchange.answerFraming)
    deadlines.onMoved(exchange)
    if (!isEventStream(exchange.methodId, head)) return
    exchange.eventStream = new EventStreamGoodbye(exchange, this.#parts.random)
    if (mustLeave(exchange)) exchange.eventStream.leave()
  }

  #onInterim(exchange: Exchange, head: MessageHead): void {
    // HTTP/1.0 has no interim answers (RFC 9110, 15.2).
    if (exchange.versionMinor === 1) this.#parts.responsePasses.writeInterim(exchange.client.writer, head)
    if (head.status !== 100) return
    exchange.awaitsContinue = false
    this.#parts.deadlines.onMoved(exchange)
  }

  onAnswerBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    // First: a stream's last piece ends the exchange, and the timer may be the next one's.
    this.#parts.deadlines.onMoved(exchange)
    this.#parts.reports.moved(exchange.endpoint as Endpoint)
    if (exchange.eventStream === null) relayAnswerBody(exchange, buffer, start, end)
    else exchange.eventStream.fromEndpoint(buffer, start, end)
  }

  onAnswerTrailers(exchange: Exchange, trailers: MessageHead): void {
    relayAnswerTrailers(exchange, trailers)
  }

  onAnswerEnd(exchange: Exchange): void {
    this.#parts.reports.whole(exchange, exchange.endpoint as Endpoint)
    relayAnswerEnd(exchange)
    this.#release(exchange)
    this.#finish(exchange, 'answered')
  }

  onClientDrain(exchange: Exchange): void {
    exchange.connection?.resume()
    this.#parts.deadlines.onMoved(exchange)
  }

  // ——— tunnels ———

  #beginTunnel(exchange: Exchange, head: MessageHead): void {
    if (!head.upgradeToWebSocket) {
      const detail = 'The endpoint switched to a protocol that was not asked for.'
      this.#parts.reports.failed(exchange, exchange.endpoint as Endpoint, detail)
      exchange.connection?.abandon()
      this.#release(exchange)
      return this.#refuse(exchange, new BalancerError('LB_ERR_UPSTREAM_INVALID', detail))
    }
    this.#parts.reports.whole(exchange, exchange.endpoint as Endpoint)
    exchange.phase = 'tunnel'
    exchange.status = head.status
    exchange.closeAfter = true
    this.#parts.responsePasses.writeAnswer(exchange.client.writer, exchange, head, FRAMING.tunnel)
    this.#parts.deadlines.onMoved(exchange)
    exchange.webSocket = new WebSocketGoodbye(exchange, this.#parts.random)
    exchange.client.becomeTunnel(exchange)
    if (mustLeave(exchange)) exchange.webSocket.leave()
  }

  onTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    this.#parts.deadlines.onMoved(exchange)
    exchange.webSocket?.fromEndpoint(buffer, start, end)
  }

  onClientTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    this.#parts.deadlines.onMoved(exchange)
    exchange.webSocket?.fromClient(buffer, start, end)
  }

  onTunnelEnd(exchange: Exchange): void {
    if (onEndpointEnd(exchange)) this.#endTunnel(exchange)
  }

  onClientEnd(exchange: Exchange): void {
    exchange.clientEnded = true
    if (exchange.phase === 'tunnel' && onClientEnd(exchange)) this.#endTunnel(exchange)
  }

  /** Both sides have ended, or have been silent for too long: what was written still reaches them. */
  #endTunnel(exchange: Exchange): void {
    exchange.connection?.closeTunnel()
    this.#release(exchange)
    this.#finish(exchange, 'tunnel-closed')
  }

  /** The endpoint's side is gone without an end: the client sees a reset, as it would without us. */
  #breakTunnel(exchange: Exchange): void {
    exchange.client.cut()
    this.#finish(exchange, 'tunnel-closed')
  }

  // ——— streams that are told to leave ———

  onStreamToClient(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    if (exchange.phase === 'tunnel') relayToClient(exchange, buffer, start, end)
    else relayAnswerBody(exchange, buffer, start, end)
  }

  onStreamToEndpoint(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    relayToEndpoint(exchange, buffer, start, end)
  }

  onStreamTold(exchange: Exchange, kind: StreamKind): void {
    this.#parts.streams.onTold(kind)
    if (kind === 'websocket') this.#parts.deadlines.beginGoodbye(exchange)
  }

  onStreamOver(exchange: Exchange, kind: StreamKind): void {
    if (kind === 'websocket') return this.#endTunnel(exchange)
    this.#parts.reports.whole(exchange, exchange.endpoint as Endpoint)
    relayAnswerEnd(exchange)
    exchange.connection?.abandon()
    this.#release(exchange)
    this.#finish(exchange, 'answered')
  }

  // ——— the client goes ———

  /** An interim answer makes its side say whether it's still there; HTTP/1.0 has none (RFC 9110, 15.2). */
  onHalfClosedTick(exchange: Exchange): void {
    const { phase } = exchange
    if (exchange.versionMinor === 1 && (phase === 'sent' || phase === 'connecting' || phase === 'backing-off'))
      exchange.client.writer.appendLatin1('HTTP/1.1 102 Processing\r\n\r\n')
  }

  onClientLeft(exchange: Exchange): void {
    this.#leave(exchange, exchange.phase === 'tunnel' ? 'tunnel-closed' : 'client-left')
  }

  onAnswerUnread(exchange: Exchange): void {
    exchange.closeAfter = true
    exchange.client.cut()
    this.#leave(exchange, 'client-too-slow')
  }

  #leave(exchange: Exchange, end: ExchangeEnd): void {
    if (exchange.phase === 'finished') return
    this.giveUpTry(exchange)
    this.#finish(exchange, end)
  }

  // ——— the end ———

  /** An endpoint has refused by its status, and another one may do better: true when that one is asked. */
  #retriesInstead(exchange: Exchange, status: number): boolean {
    const { retry } = this.#parts
    if (!retry.isRetriable(status)) return false
    if (exchange.hedge?.connection) {
      exchange.connection?.discardAnswer()
      this.#release(exchange)
      this.#hedging.takesOver(exchange, 'status')
      return true
    }
    const whyNot = this.whyNoRetry(exchange, true)
    if (whyNot !== null || !this.#parts.budget.tryTake()) {
      exchange.notRetriedBecause = whyNot ?? 'budget'
      return false
    }
    exchange.connection?.discardAnswer()
    this.#release(exchange)
    exchange.firstByteAtMs = 0
    const detail = `The endpoint answered ${status}.`
    this.#tryAgain(exchange, new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 }), 'status')
    return true
  }

  /** What came from the client can't be served: answer it if no answer has begun, and close. */
  #rejectInput(exchange: Exchange, error: BalancerError): void {
    const { phase } = exchange
    exchange.connection?.abandon()
    exchange.closeAfter = true
    this.#release(exchange)
    if (phase === 'answering') this.#breakOff(exchange, 'refused', error.code, error.detail)
    else this.#refuse(exchange, error)
  }

  #refuse(exchange: Exchange, error: BalancerError): void {
    exchange.errorCode = error.code
    exchange.errorDetail = error.detail
    exchange.errorCause = error.cause ?? null
    const fields = error.retryAfterS === null ? '' : `Retry-After: ${error.retryAfterS}\r\n`
    const body = JSON.stringify(problem(error.toProblem(exchange.target, exchange.id)))
    this.#answerOwn(exchange, 'refused', error.status, fields, body)
  }

  /** RFC 9110, 7.6.2: whoever has no forward left answers for itself. */
  #answerOptions(exchange: Exchange): void {
    this.#answerOwn(exchange, 'answered', 200, 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n', '')
  }

  #answerOwn(exchange: Exchange, end: ExchangeEnd, status: number, fields: string, body: string): void {
    const { client, hasBody, requestEnded } = exchange
    exchange.status = status
    // The rest of a body that nobody reads would be taken for the next request; so would what follows a CONNECT.
    if ((hasBody && !requestEnded) || exchange.methodId === METHOD.CONNECT || client.isDraining)
      exchange.closeAfter = true
    this.#parts.responsePasses.writeOwn(client.writer, exchange, status, fields, body)
    this.#finish(exchange, end)
  }

  /** The answer broke off after its first byte: the client must see that it isn't whole. */
  #breakOff(exchange: Exchange, end: ExchangeEnd, code: BalancerErrorCode, detail: string): void {
    exchange.errorCode = code
    exchange.errorDetail = detail
    exchange.closeAfter = true
    // An end before the announced end is seen as such, and takes nothing from the answers before it. Without one only a reset is.
    if (exchange.answerFraming === FRAMING.untilClose) exchange.client.cut()
    this.#finish(exchange, end)
  }

  /** Gives back what the exchange has taken. */
  #release(exchange: Exchange): void {
    if (exchange.connection === null) return
    exchange.connection = null
    if (exchange.endpoint) this.#parts.reports.release(exchange, exchange.endpoint)
  }

  #finish(exchange: Exchange, end: ExchangeEnd): void {
    if (exchange.phase === 'finished') return
    exchange.phase = 'finished'
    exchange.end = end
    exchange.endedAtMs = this.#parts.clock.now()
    exchange.requestHead = null
    exchange.heldBody = null
    this.#hedging.drop(exchange)
    this.#parts.decisions?.finished(exchange)
    this.#parts.onFinished(exchange)
    if (channels.exchangeFinished.hasSubscribers) {
      const message: ExchangeFinished = { exchange }
      channels.exchangeFinished.publish(message)
    }
    exchange.client.exchangeFinished(!exchange.closeAfter && (exchange.requestEnded || !exchange.hasBody))
  }
}

/** A stream that begins where one is told to leave. */
function mustLeave(exchange: Exchange): boolean {
  return exchange.client.endsStreams || exchange.endpoint?.administrative === 'draining'
}
