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
import {
  FRAMING,
  HeadRewrite,
  METHOD,
  TARGET_FORM,
  writeTrailers,
  LAST_CHUNK,
  type MessageHead,
  type Refusal,
} from '@plimsoll/http1'
import { problem } from '@plimsoll/problem-details'
import { channels, type ExchangeFinished } from './channels.ts'
import type { ClientConnection, RequestHandler } from './downstream/client-connection.ts'
import { BalancerError, type BalancerErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { maxForwards, type RequestPasses } from './headers/request-passes.ts'
import type { ResponsePasses } from './headers/response-passes.ts'
import { sendEnd, sendHeld, takePiece, writeChunk } from './request-relay.ts'
import type { Clock, TimerWheel } from './transport/timer-wheel.ts'
import type { UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { RetryPolicy } from './upstream/retry-policy.ts'
import type { UpstreamPool } from './upstream/upstream-pool.ts'

export interface ProxyTimes {
  readonly tryMs: number
  readonly totalMs: number
  readonly answerIdleMs: number
  readonly tunnelIdleMs: number
}

/** What the pipeline is made of. */
export interface ProxyParts {
  readonly pool: UpstreamPool
  readonly retry: RetryPolicy
  readonly requestPasses: RequestPasses
  readonly responsePasses: ResponsePasses
  readonly wheel: TimerWheel
  readonly clock: Clock
  readonly times: ProxyTimes
  /** A connection to the endpoint, kept or new. */
  connect(endpoint: Endpoint, exchange: Exchange): UpstreamConnection
  /** Nobody could be reached at the endpoint's address. */
  onConnectFailure(endpoint: Endpoint, detail: string): void
  /** The process has run out of sockets. */
  onExhausted(): void
}

const NO_REWRITE = new HeadRewrite()

export class Proxy implements RequestHandler {
  readonly #parts: ProxyParts

  constructor(parts: ProxyParts) {
    this.#parts = parts
  }

  // ——— the request ———

  onRequestHead(exchange: Exchange, head: MessageHead): void {
    exchange.startedAtMs = this.#parts.clock.now()
    exchange.methodId = head.method
    exchange.method = head.methodString()
    exchange.target = head.targetString()
    exchange.versionMinor = head.versionMinor
    exchange.clientKeepsAlive = head.keepAlive
    exchange.closeAfter = !head.keepAlive
    exchange.requestIsChunked = head.framing === FRAMING.chunked
    exchange.hasBody = exchange.requestIsChunked || head.contentLength > 0
    exchange.heldBody = exchange.hasBody ? [] : null
    exchange.wantsUpgrade = head.upgradeToWebSocket && !exchange.hasBody
    this.#parts.requestPasses.apply(exchange, head, exchange.client.identity)
    const refusal = refusalFor(exchange, head)
    if (refusal) return this.#refuse(exchange, refusal)
    if (head.method === METHOD.OPTIONS && maxForwards(head) === 0) return this.#answerOptions(exchange)
    if (exchange.hasBody) exchange.client.watchRate()
    this.#attempt(exchange)
  }

  onRequestBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    takePiece(exchange, buffer, start, end, this.#parts.retry.needsBody(exchange))
  }

  onRequestTrailers(exchange: Exchange, trailers: MessageHead): void {
    const out = Buffer.allocUnsafe(trailers.end - trailers.start + trailers.headerCount + 8)
    exchange.requestTrailers = out.subarray(0, writeTrailers(out, 0, trailers, NO_REWRITE))
  }

  onRequestEnd(exchange: Exchange): void {
    if (!exchange.hasBody) return
    if (exchange.connection !== null && (exchange.phase === 'sent' || exchange.phase === 'answering'))
      sendEnd(exchange, exchange.connection)
  }

  onRequestRefused(client: ClientConnection, exchange: Exchange | null, refusal: Refusal): void {
    const code = (
      refusal.status === 413
        ? 'LB_ERR_BODY_TOO_LARGE'
        : refusal.status === 431 || refusal.status === 414
          ? 'LB_ERR_HEAD_TOO_LARGE'
          : 'LB_ERR_BAD_REQUEST'
    ) satisfies BalancerErrorCode
    this.#rejectInput(
      client,
      exchange,
      new BalancerError(code, `${refusal.message} (${refusal.code})`, { status: refusal.status }),
    )
  }

  onRequestTooSlow(client: ClientConnection, exchange: Exchange | null, what: 'head' | 'body'): void {
    this.#rejectInput(
      client,
      exchange,
      new BalancerError('LB_ERR_REQUEST_TIMEOUT', `The ${what} of the request did not come in time.`),
    )
  }

  // ——— the tries ———

  #attempt(exchange: Exchange, lastFailure: BalancerError | null = null): void {
    const endpoint = this.#parts.pool.pick(exchange.tried)
    if (endpoint === null) {
      // With nobody left to try, the client learns what the last try met.
      this.#refuse(exchange, lastFailure ?? this.#nobody())
      return
    }
    if (lastFailure) exchange.retries++
    exchange.tried.push(endpoint)
    this.#connect(exchange, endpoint)
  }

  #connect(exchange: Exchange, endpoint: Endpoint): void {
    endpoint.activeRequests++
    endpoint.requestsTotal++
    exchange.phase = 'connecting'
    const connection = this.#parts.connect(endpoint, exchange)
    // A kept connection has called `onUpstreamReady` by now.
    if (exchange.phase === 'connecting') exchange.connection = connection
  }

  onUpstreamReady(exchange: Exchange, connection: UpstreamConnection): void {
    const { clock, times, wheel, retry } = this.#parts
    exchange.connection = connection
    exchange.phase = 'sent'
    exchange.sentAtMs = clock.now()
    connection.beginRequest(exchange.methodId, exchange.wantsUpgrade)
    const head = exchange.requestHead as Buffer
    connection.writer.append(head, 0, head.length)
    sendHeld(exchange, connection, retry.needsBody(exchange))
    if (exchange.requestEnded || !exchange.hasBody) sendEnd(exchange, connection)
    if (!connection.isCongested) exchange.client.resume()
    const totalLeftMs = exchange.startedAtMs + times.totalMs - exchange.sentAtMs
    wheel.set(exchange.client.exchangeTimer, Math.max(0, Math.min(times.tryMs, totalLeftMs)))
  }

  onUpstreamFailure(exchange: Exchange, failure: UpstreamFailure): void {
    const { retry } = this.#parts
    const endpoint = exchange.endpoint as Endpoint
    exchange.connection = null
    endpoint.activeRequests--
    endpoint.failuresTotal++
    if (exchange.phase === 'tunnel') return this.#endTunnel(exchange)
    if (exchange.phase === 'answering') return this.#breakOff(exchange, failure.code, failure.detail)
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
      exchange.staleRepeats++
      this.#connect(exchange, endpoint)
      return
    }
    if (failure.code === 'LB_ERR_UPSTREAM_CONNECT') this.#parts.onConnectFailure(endpoint, failure.detail)
    const error = new BalancerError(failure.code, failure.detail, { cause: failure.cause })
    if (retry.allows(exchange, failure.sent) && this.#timeLeft(exchange)) this.#attempt(exchange, error)
    else this.#refuse(exchange, error)
  }

  /** The time of a try, of the whole request, of a silent answer or of a silent tunnel is over. */
  onExchangeTimer(exchange: Exchange): void {
    const endpoint = exchange.endpoint
    const waited = Math.round(this.#parts.clock.now() - exchange.sentAtMs)
    exchange.connection?.abandon()
    if (exchange.phase === 'tunnel') return this.#endTunnel(exchange)
    if (endpoint) endpoint.failuresTotal++
    if (exchange.phase === 'answering') {
      this.#release(exchange)
      return this.#breakOff(
        exchange,
        'LB_ERR_UPSTREAM_TIMEOUT',
        `Endpoint ${endpoint?.id} stopped in the middle of its answer.`,
      )
    }
    this.#release(exchange)
    exchange.phase = 'begun'
    const error = new BalancerError(
      'LB_ERR_UPSTREAM_TIMEOUT',
      `Endpoint ${endpoint?.id} gave no answer within ${waited} ms.`,
    )
    if (this.#parts.retry.allows(exchange, true) && this.#timeLeft(exchange)) this.#attempt(exchange, error)
    else this.#refuse(exchange, error)
  }

  // ——— the answer ———

  onAnswerHead(exchange: Exchange, head: MessageHead): void {
    const { clock, responsePasses, wheel, times, retry } = this.#parts
    const { client } = exchange
    if (exchange.firstByteAtMs === 0) exchange.firstByteAtMs = clock.now()
    if (head.interim) {
      // HTTP/1.0 has no interim answers (RFC 9110, 15.2).
      if (exchange.versionMinor === 1) responsePasses.writeInterim(client.writer, head)
      return
    }
    if (head.framing === FRAMING.tunnel) return this.#beginTunnel(exchange, head)
    if (
      retry.allowsForStatus(exchange, head.status) &&
      this.#timeLeft(exchange) &&
      this.#parts.pool.hasOther(exchange.tried)
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
    wheel.set(client.exchangeTimer, times.answerIdleMs)
  }

  onAnswerBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    const { client } = exchange
    exchange.answerBodyBytes += end - start
    if (exchange.answerFraming === FRAMING.chunked) writeChunk(client.writer, buffer, start, end)
    else client.writer.append(buffer, start, end)
    this.#parts.wheel.set(client.exchangeTimer, this.#parts.times.answerIdleMs)
  }

  onAnswerTrailers(exchange: Exchange, trailers: MessageHead): void {
    if (exchange.answerFraming !== FRAMING.chunked) return
    const { writer } = exchange.client
    const out = writer.reserve(trailers.end - trailers.start + trailers.headerCount + 8)
    writer.commit(writeTrailers(out, writer.offset, trailers, NO_REWRITE))
    exchange.answerEnded = true
  }

  onAnswerEnd(exchange: Exchange): void {
    const endpoint = exchange.endpoint as Endpoint
    endpoint.answersByClass[Math.floor(exchange.status / 100) as 2 | 3 | 4 | 5]++
    if (exchange.answerFraming === FRAMING.chunked && !exchange.answerEnded)
      exchange.client.writer.append(LAST_CHUNK, 0, LAST_CHUNK.length)
    exchange.end = 'answered'
    this.#release(exchange)
    this.#finish(exchange)
  }

  onClientDrain(exchange: Exchange): void {
    exchange.connection?.resume()
  }

  // ——— tunnels ———

  #beginTunnel(exchange: Exchange, head: MessageHead): void {
    const { client } = exchange
    exchange.phase = 'tunnel'
    exchange.status = head.status
    exchange.closeAfter = true
    this.#parts.responsePasses.writeAnswer(client.writer, exchange, head, FRAMING.tunnel)
    this.#parts.wheel.set(client.exchangeTimer, this.#parts.times.tunnelIdleMs)
    client.becomeTunnel(exchange)
  }

  onTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    exchange.answerBodyBytes += end - start
    exchange.client.writer.append(buffer, start, end)
    this.#parts.wheel.set(exchange.client.exchangeTimer, this.#parts.times.tunnelIdleMs)
  }

  onClientTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void {
    const { connection, client } = exchange
    if (connection === null) return
    exchange.requestBodyBytes += end - start
    connection.writer.append(buffer, start, end)
    if (connection.isCongested) client.pause()
    this.#parts.wheel.set(client.exchangeTimer, this.#parts.times.tunnelIdleMs)
  }

  /** The endpoint sends no more through the tunnel; it may still read. */
  onTunnelEnd(exchange: Exchange): void {
    exchange.client.writer.flush()
    exchange.client.socket.end()
    if (exchange.clientEnded) this.#endTunnel(exchange)
    else exchange.upstreamEnded = true
  }

  #endTunnel(exchange: Exchange): void {
    exchange.end = 'tunnel-closed'
    exchange.connection?.abandon()
    this.#release(exchange)
    this.#finish(exchange)
  }

  // ——— the client goes ———

  /** The client sends no more, but may still read. */
  onClientEnd(exchange: Exchange): void {
    exchange.clientEnded = true
    if (exchange.phase !== 'tunnel') return
    if (exchange.upstreamEnded) return this.#endTunnel(exchange)
    exchange.connection?.writer.flush()
    exchange.connection?.socket.end()
  }

  /** It may have left for good: an interim answer makes its side say so. */
  onHalfClosedTick(exchange: Exchange): void {
    if (exchange.versionMinor === 1 && (exchange.phase === 'sent' || exchange.phase === 'connecting')) {
      exchange.client.writer.appendLatin1('HTTP/1.1 102 Processing\r\n\r\n')
    }
  }

  onClientLeft(exchange: Exchange): void {
    if (exchange.phase === 'finished') return
    exchange.connection?.abandon()
    exchange.end = exchange.phase === 'tunnel' ? 'tunnel-closed' : 'client-left'
    this.#release(exchange)
    this.#finish(exchange)
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
    this.#attempt(
      exchange,
      new BalancerError('LB_ERR_NO_ENDPOINT', `Endpoint ${endpoint.id} answered ${status}.`, { retryAfterS: 1 }),
    )
  }

  /** What came from the client can't be served: answer it if no answer has begun, and close. */
  #rejectInput(client: ClientConnection, exchange: Exchange | null, error: BalancerError): void {
    if (exchange === null) {
      this.#parts.responsePasses.writeOwn(
        client.writer,
        null,
        error.status,
        '',
        JSON.stringify(problem(error.toProblem(null, null))),
      )
      client.closeGently()
      return
    }
    exchange.connection?.abandon()
    exchange.closeAfter = true
    if (exchange.phase === 'answering') {
      this.#release(exchange)
      this.#breakOff(exchange, error.code, error.detail)
      return
    }
    this.#release(exchange)
    this.#refuse(exchange, error)
  }

  #refuse(exchange: Exchange, error: BalancerError): void {
    exchange.errorCode = error.code
    exchange.errorDetail = error.detail
    exchange.end = 'refused'
    exchange.status = error.status
    // The rest of a body that nobody reads would be taken for the next request.
    if (exchange.hasBody && !exchange.requestEnded) exchange.closeAfter = true
    const fields = error.retryAfterS === null ? '' : `Retry-After: ${error.retryAfterS}\r\n`
    this.#parts.responsePasses.writeOwn(
      exchange.client.writer,
      exchange,
      error.status,
      fields,
      JSON.stringify(problem(error.toProblem(exchange.target, exchange.id))),
    )
    this.#finish(exchange)
  }

  #answerOptions(exchange: Exchange): void {
    exchange.end = 'answered'
    exchange.status = 200
    this.#parts.responsePasses.writeOwn(
      exchange.client.writer,
      exchange,
      200,
      'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n',
      '',
    )
    this.#finish(exchange)
  }

  /** The answer broke off after its first byte: the client must see that it isn't whole. */
  #breakOff(exchange: Exchange, code: BalancerErrorCode, detail: string): void {
    exchange.end = 'upstream-failed'
    exchange.errorCode = code
    exchange.errorDetail = detail
    exchange.client.cut()
    this.#finish(exchange)
  }

  /** Gives back what the exchange has taken. */
  #release(exchange: Exchange): void {
    if (exchange.connection === null) return
    exchange.connection = null
    const endpoint = exchange.endpoint
    if (endpoint) endpoint.activeRequests--
  }

  #finish(exchange: Exchange): void {
    if (exchange.phase === 'finished') return
    exchange.phase = 'finished'
    exchange.endedAtMs = this.#parts.clock.now()
    exchange.requestHead = null
    exchange.heldBody = null
    if (channels.exchangeFinished.hasSubscribers) {
      const message: ExchangeFinished = { exchange }
      channels.exchangeFinished.publish(message)
    }
    exchange.client.exchangeFinished(!exchange.closeAfter && (exchange.requestEnded || !exchange.hasBody))
  }

  #timeLeft(exchange: Exchange): boolean {
    return this.#parts.clock.now() < exchange.startedAtMs + this.#parts.times.totalMs
  }

  #nobody(): BalancerError {
    const reasons = this.#parts.pool.endpoints.map(
      endpoint => `${endpoint.id} is ${endpoint.unavailableReason ?? 'up'}`,
    )
    const detail = reasons.length === 0 ? 'No endpoint is known.' : `${reasons.join('; ')}.`
    return new BalancerError('LB_ERR_NO_ENDPOINT', detail, { retryAfterS: 1 })
  }
}

/** What's refused by its head alone. */
function refusalFor(exchange: Exchange, head: MessageHead): BalancerError | null {
  if (head.method === METHOD.CONNECT || head.method === METHOD.TRACE || head.targetForm === TARGET_FORM.authority) {
    return new BalancerError('LB_ERR_METHOD_REFUSED', `${exchange.method} is refused.`)
  }
  if (head.expectUnknown)
    return new BalancerError('LB_ERR_EXPECTATION', 'The only expectation that is met is 100-continue.')
  return null
}

/** How the end of the answer's body is shown to this client. */
function framingFor(exchange: Exchange, head: MessageHead): number {
  if (head.framing === FRAMING.none || head.framing === FRAMING.length) return head.framing
  return exchange.versionMinor === 1 ? FRAMING.chunked : FRAMING.untilClose
}
