// The pipeline: the one file that knows the order of the stages, with the retry loop.
//
//   head ─► refused? ─► request passes ─► pick an endpoint ─► connection ─► send ─► answer ─► response passes ─► finish
//                                             ▲                                │
//                                             └──── failed, and a retry is allowed
//
// Invariants
// * A request is answered exactly once: by an endpoint, by a problem of ours, or by a cut connection when its answer broke off.
// * A retry never repeats what could have been carried out (upstream/retry-policy.ts).
// * What an exchange takes (an endpoint's place, its connection) is given back in `#release`, whichever way the exchange goes; and
//   `#finish` runs exactly once for each exchange.
import { FRAMING, METHOD, type MessageHead, type Refusal } from '@plimsoll/http1'
import { problem } from '@plimsoll/problem-details'
import { copyTrailers, framingFor, relayAnswerBody, relayAnswerEnd, relayAnswerTrailers } from './answer-relay.ts'
import { channels, type ExchangeFinished, type ExchangeRetried, type ExchangeStarted } from './channels.ts'
import type { Deadlines } from './deadlines.ts'
import type { RequestHandler } from './downstream/request-handler.ts'
import { BalancerError, type BalancerErrorCode } from './errors.ts'
import type { Exchange, ExchangeEnd, RetryReason } from './exchange.ts'
import { maxForwards, type RequestPasses } from './headers/request-passes.ts'
import type { ResponsePasses } from './headers/response-passes.ts'
import { codeForStatus, nobodyAvailable, refusalFor } from './refusals.ts'
import type { RequestRelay } from './request-relay.ts'
import { ByteStore } from './transport/byte-store.ts'
import type { Clock } from './transport/timer-wheel.ts'
import { onClientEnd, onEndpointEnd, relayToClient, relayToEndpoint } from './tunnel.ts'
import type { UpstreamFailure, UpstreamFailureCode } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { RetryPolicy } from './upstream/retry-policy.ts'
import type { UpstreamPool } from './upstream/upstream-pool.ts'

/** What the pipeline is made of. */
export interface ProxyParts {
  readonly pool: UpstreamPool
  readonly retry: RetryPolicy
  readonly relay: RequestRelay
  readonly requestPasses: RequestPasses
  readonly responsePasses: ResponsePasses
  readonly deadlines: Deadlines
  readonly clock: Clock
  /** A connection to the endpoint, kept or new. */
  connect(endpoint: Endpoint, exchange: Exchange): UpstreamConnection
  /** Nobody could be reached at the endpoint's address. */
  onConnectFailure(endpoint: Endpoint, failure: UpstreamFailure): void
  /** The process has run out of sockets. */
  onExhausted(): void
  /** An exchange has ended, answered or not; told before the channel `lb:exchange:finished`. */
  onFinished(exchange: Exchange): void
}

export class Proxy implements RequestHandler {
  readonly #parts: ProxyParts

  constructor(parts: ProxyParts) {
    this.#parts = parts
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
    this.#parts.requestPasses.apply(exchange, head, exchange.client.identity)
    if (channels.exchangeStarted.hasSubscribers) {
      const message: ExchangeStarted = { exchange }
      channels.exchangeStarted.publish(message)
    }
    const refusal = refusalFor(exchange, head)
    if (refusal) return this.#refuse(exchange, refusal)
    if (head.method === METHOD.OPTIONS && maxForwards(head) === 0) return this.#answerOptions(exchange)
    this.#attempt(exchange)
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
    if (exchange.connection !== null && (exchange.phase === 'sent' || exchange.phase === 'answering'))
      relay.sendEnd(exchange, exchange.connection)
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

  #attempt(exchange: Exchange, lastFailure: BalancerError | null = null, reason: RetryReason = 'closed'): void {
    const endpoint = this.#parts.pool.pick(exchange.tried)
    if (endpoint === null) {
      // With nobody left to try, the client learns what the last try met.
      this.#refuse(exchange, lastFailure ?? nobodyAvailable(this.#parts.pool.endpoints))
      return
    }
    if (lastFailure) {
      exchange.retries++
      noteRetry(exchange, reason)
    }
    exchange.tried.push(endpoint)
    this.#connect(exchange, endpoint)
  }

  #connect(exchange: Exchange, endpoint: Endpoint): void {
    endpoint.activeRequests++
    endpoint.requestsTotal++
    exchange.phase = 'connecting'
    exchange.pickedAtMs = this.#parts.clock.now()
    const connection = this.#parts.connect(endpoint, exchange)
    // A kept connection has called `onUpstreamReady` by now.
    if (exchange.phase !== 'connecting') return
    exchange.connection = connection
    this.#parts.deadlines.onMoved(exchange)
  }

  onUpstreamReady(exchange: Exchange, connection: UpstreamConnection): void {
    const { clock, deadlines, relay, retry } = this.#parts
    exchange.connection = connection
    exchange.phase = 'sent'
    exchange.sentAtMs = clock.now()
    connection.beginRequest(exchange.methodId, exchange.wantsUpgrade, retry.isBodyMisread(exchange))
    const head = exchange.requestHead as Buffer
    connection.writer.append(head, 0, head.length)
    relay.sendHeld(exchange, connection, retry.needsBody(exchange))
    if (exchange.requestEnded || !exchange.hasBody) relay.sendEnd(exchange, connection)
    if (!connection.isCongested) exchange.client.resume()
    deadlines.onMoved(exchange)
  }

  /** What was written to the endpoint has left. */
  onUpstreamDrain(exchange: Exchange): void {
    exchange.client.resume()
    this.#parts.deadlines.onMoved(exchange)
  }

  onUpstreamFailure(exchange: Exchange, failure: UpstreamFailure): void {
    const { retry, deadlines } = this.#parts
    const endpoint = exchange.endpoint as Endpoint
    endpoint.failuresTotal++
    this.#release(exchange)
    if (exchange.phase === 'tunnel') return this.#breakTunnel(exchange)
    if (exchange.phase === 'answering') return this.#breakOff(exchange, 'upstream-failed', failure.code, failure.detail)
    exchange.phase = 'begun'
    if (failure.exhausted) {
      this.#parts.onExhausted()
      this.#refuse(
        exchange,
        new BalancerError('LB_ERR_OVERLOADED', 'The balancer has no sockets left.', {
          cause: failure.cause,
          retryAfterS: 1,
        }),
      )
      return
    }
    if (failure.stale && retry.allowsStaleRepeat(exchange)) {
      exchange.metStale = true
      noteRetry(exchange, 'stale')
      this.#connect(exchange, endpoint)
      return
    }
    const reason = REASON_OF[failure.code]
    if (reason === 'connect') this.#parts.onConnectFailure(endpoint, failure)
    const error = new BalancerError(failure.code, failure.detail, { cause: failure.cause })
    if (retry.allows(exchange, failure.sent) && deadlines.isTimeLeft(exchange)) this.#attempt(exchange, error, reason)
    else this.#refuse(exchange, error)
  }

  /** The time of a try, of the whole request, of a silent answer or of a silent tunnel is over. */
  onExchangeTimer(exchange: Exchange): void {
    const { deadlines, clock, retry } = this.#parts
    if (deadlines.isClientsTurn(exchange)) return deadlines.onMoved(exchange)
    if (exchange.phase === 'tunnel') return this.#endTunnel(exchange)
    const waitedMs = Math.round(clock.now() - exchange.waitingSinceMs)
    exchange.connection?.abandon()
    if (exchange.endpoint) exchange.endpoint.failuresTotal++
    this.#release(exchange)
    if (exchange.phase === 'answering') {
      const detail = 'The endpoint stopped in the middle of its answer.'
      return this.#breakOff(exchange, 'upstream-failed', 'LB_ERR_UPSTREAM_TIMEOUT', detail)
    }
    exchange.phase = 'begun'
    const error = new BalancerError('LB_ERR_UPSTREAM_TIMEOUT', `No answer within ${waitedMs} ms.`)
    if (retry.allows(exchange, true) && deadlines.isTimeLeft(exchange)) this.#attempt(exchange, error, 'timeout')
    else this.#refuse(exchange, error)
  }

  // ——— the answer ———

  onAnswerHead(exchange: Exchange, head: MessageHead): void {
    const { clock, responsePasses, deadlines, retry, pool } = this.#parts
    const { client } = exchange
    if (exchange.firstByteAtMs === 0) exchange.firstByteAtMs = clock.now()
    if (head.interim) return this.#onInterim(exchange, head)
    if (head.framing === FRAMING.tunnel) return this.#beginTunnel(exchange, head)
    if (
      retry.allowsForStatus(exchange, head.status) &&
      deadlines.isTimeLeft(exchange) &&
      pool.hasOther(exchange.tried)
    ) {
      return this.#retryInstead(exchange, head.status)
    }
    exchange.phase = 'answering'
    exchange.status = head.status
    exchange.answerFraming = framingFor(exchange, head)
    // What comes behind a request that isn't whole can't be told from its body: the connection ends with this answer.
    if (exchange.answerFraming === FRAMING.untilClose || !exchange.requestEnded || client.isDraining)
      exchange.closeAfter = true
    responsePasses.writeAnswer(client.writer, exchange, head, exchange.answerFraming)
    deadlines.onMoved(exchange)
  }

  #onInterim(exchange: Exchange, head: MessageHead): void {
    // HTTP/1.0 has no interim answers (RFC 9110, 15.2).
    if (exchange.versionMinor === 1) this.#parts.responsePasses.writeInterim(exchange.client.writer, head)
    if (head.status !== 100) return
    exchange.awaitsContinue = false
    this.#parts.deadlines.onMoved(exchange)
  }

  onAnswerBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    relayAnswerBody(exchange, buffer, start, end)
    this.#parts.deadlines.onMoved(exchange)
  }

  onAnswerTrailers(exchange: Exchange, trailers: MessageHead): void {
    relayAnswerTrailers(exchange, trailers)
  }

  onAnswerEnd(exchange: Exchange): void {
    const endpoint = exchange.endpoint as Endpoint
    endpoint.answersByClass[Math.floor(exchange.status / 100) as 2 | 3 | 4 | 5]++
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
      exchange.connection?.abandon()
      this.#release(exchange)
      const detail = 'The endpoint switched to a protocol that was not asked for.'
      return this.#refuse(exchange, new BalancerError('LB_ERR_UPSTREAM_INVALID', detail))
    }
    exchange.phase = 'tunnel'
    exchange.status = head.status
    exchange.closeAfter = true
    this.#parts.responsePasses.writeAnswer(exchange.client.writer, exchange, head, FRAMING.tunnel)
    this.#parts.deadlines.onMoved(exchange)
    exchange.client.becomeTunnel(exchange)
  }

  onTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    relayToClient(exchange, buffer, start, end)
    this.#parts.deadlines.onMoved(exchange)
  }

  onClientTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    relayToEndpoint(exchange, buffer, start, end)
    this.#parts.deadlines.onMoved(exchange)
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

  // ——— the client goes ———

  /** An interim answer makes its side say whether it's still there; HTTP/1.0 has none (RFC 9110, 15.2). */
  onHalfClosedTick(exchange: Exchange): void {
    if (exchange.versionMinor === 1 && (exchange.phase === 'sent' || exchange.phase === 'connecting'))
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
    exchange.connection?.abandon()
    this.#release(exchange)
    this.#finish(exchange, end)
  }

  // ——— the end ———

  /** An endpoint has refused by its status, and another one may do better. */
  #retryInstead(exchange: Exchange, status: number): void {
    const endpoint = exchange.endpoint as Endpoint
    endpoint.answersByClass[5]++
    exchange.connection?.discardAnswer()
    this.#release(exchange)
    exchange.phase = 'begun'
    exchange.firstByteAtMs = 0
    const detail = `The endpoint answered ${status}.`
    this.#attempt(exchange, new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 }), 'status')
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
    if (exchange.endpoint) exchange.endpoint.activeRequests--
  }

  #finish(exchange: Exchange, end: ExchangeEnd): void {
    if (exchange.phase === 'finished') return
    exchange.phase = 'finished'
    exchange.end = end
    exchange.endedAtMs = this.#parts.clock.now()
    exchange.requestHead = null
    exchange.heldBody = null
    this.#parts.onFinished(exchange)
    if (channels.exchangeFinished.hasSubscribers) {
      const message: ExchangeFinished = { exchange }
      channels.exchangeFinished.publish(message)
    }
    exchange.client.exchangeFinished(!exchange.closeAfter && (exchange.requestEnded || !exchange.hasBody))
  }
}

const REASON_OF: Readonly<Record<UpstreamFailureCode, RetryReason>> = {
  LB_ERR_UPSTREAM_CONNECT: 'connect',
  LB_ERR_UPSTREAM_CONNECT_TIMEOUT: 'connect',
  LB_ERR_UPSTREAM_CLOSED: 'closed',
  LB_ERR_UPSTREAM_INVALID: 'invalid',
}

function noteRetry(exchange: Exchange, reason: RetryReason): void {
  exchange.retryReasons ??= []
  exchange.retryReasons.push(reason)
  if (!channels.exchangeRetried.hasSubscribers) return
  const message: ExchangeRetried = { exchange, reason }
  channels.exchangeRetried.publish(message)
}
