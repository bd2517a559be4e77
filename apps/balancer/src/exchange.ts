// One request and its answer: everything the stages need to know of each other, in one object of fixed shape.
//
//   begun ──► connecting ──► sent ──► answering ──► finished
//     │           ▲            │          └─101──► tunnel ──► finished
//     │           └─ backing-off ◄┘
//     └── refused by us ─────────────────────────────────► finished
//
// The object lives from the request's head until `channels.exchangeFinished` has been published; nothing of it changes after that.
// It's what a connection to an endpoint talks to; every word goes straight to the pipeline, which alone decides.
import type { MessageHead } from '@plimsoll/http1'
import type { HashKey } from '@plimsoll/load-balancing'
import type { BalancerError, BalancerErrorCode } from './errors.ts'
import type { ClientConnection } from './downstream/client-connection.ts'
import type { HedgedTry } from './hedged-try.ts'
import type { EventStreamGoodbye } from './streams/event-stream-goodbye.ts'
import type { StreamExits, StreamGoodbye, StreamKind } from './streams/stream-goodbye.ts'
import type { WebSocketGoodbye } from './streams/websocket-goodbye.ts'
import type { ByteStore } from './transport/byte-store.ts'
import type { AnswerReceiver, UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { NoRetry } from './upstream/retry-policy.ts'
import type { TryState } from './upstream/try-state.ts'

export type ExchangePhase = 'begun' | 'connecting' | 'sent' | 'backing-off' | 'answering' | 'tunnel' | 'finished'

/** Why an exchange ended: answered by an endpoint, by the balancer itself, or not in full. */
export type ExchangeEnd =
  | 'answered'
  | 'refused'
  | 'client-left'
  | 'client-too-slow'
  | 'upstream-failed'
  | 'tunnel-closed'

/** Why a request was sent again. */
export type RetryReason = 'stale' | 'connect' | 'closed' | 'invalid' | 'timeout' | 'status' | 'hedge'

/** The part of the pipeline that an endpoint's connection talks to. */
export interface ExchangeStages {
  onUpstreamReady(exchange: Exchange, connection: UpstreamConnection): void
  onAnswerHead(exchange: Exchange, head: MessageHead): void
  onAnswerBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onAnswerTrailers(exchange: Exchange, trailers: MessageHead): void
  onAnswerEnd(exchange: Exchange): void
  onTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onTunnelEnd(exchange: Exchange): void
  onStreamToClient(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onStreamToEndpoint(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onStreamTold(exchange: Exchange, kind: StreamKind): void
  onStreamOver(exchange: Exchange, kind: StreamKind): void
  onUpstreamDrain(exchange: Exchange): void
  onUpstreamFailure(exchange: Exchange, failure: UpstreamFailure): void
}

export class Exchange implements AnswerReceiver, TryState, StreamExits {
  readonly client: ClientConnection
  readonly #stages: ExchangeStages
  /** Request id: the trusted peer's, or one of ours. */
  id = ''
  /** The codec's number of the method, and its text. */
  methodId = 0
  method = ''
  /** As the client sent it. */
  target = ''
  /** Address of the client: the peer's, or what a trusted peer says. */
  clientAddress = ''
  /** 0 for HTTP/1.0. */
  versionMinor: 0 | 1 = 1
  phase: ExchangePhase = 'begun'

  // ——— the request ———
  /** The head as it goes to an endpoint. */
  requestHead: Buffer | null = null
  /** Whether the client's connection may live after this exchange, as far as the client is concerned. */
  clientKeepsAlive = false
  wantsUpgrade = false
  requestIsChunked = false
  hasBody = false
  /** The request has been read whole. */
  requestEnded = false
  requestBodyBytes = 0
  /** The client waits for 100 before it sends the body (RFC 9110, 10.1.1). */
  awaitsContinue = false
  /** All of the body so far, as long as it may have to be sent (again); else null. */
  heldBody: ByteStore | null = null
  /** The trailer section as it goes to an endpoint. */
  requestTrailers: Buffer | null = null

  // ——— the tries ———
  /** Endpoints that were tried, in order; the last one answered, if any did. */
  readonly tried: Endpoint[] = []
  connection: UpstreamConnection | null = null
  retries = 0
  /** A kept connection has turned out to be closed: from then on only fresh ones are taken. */
  metStale = false
  /** Of the try under way: see TryState. */
  isProbe = false
  awaitsVerdict = false
  isWaiting = false
  /** A second try may be begun beside the first. */
  mayHedge = false
  /** A second try, as long as nobody has answered. */
  hedge: HedgedTry | null = null
  /** What the last try met, while the next one is waited for. */
  lastFailure: BalancerError | null = null
  /** Why it was not sent again after its last failure; null when nothing failed, or it was. */
  notRetriedBecause: NoRetry | null = null
  /** What `consistent-hash` keeps together; undefined for other strategies. */
  hashKey: HashKey | undefined = undefined
  /** Endpoints whose database has room go before others. */
  needsDatabase = false
  /** Time that a trusted peer gives it in all, from its head on; Infinity when it didn't say. */
  givenMs = Infinity
  /** Where its last pick stands in the log of decisions; -1 for nowhere. */
  decision = -1
  /** Why each retry and each repeat was made, in order; null for none, which is nearly always. */
  retryReasons: RetryReason[] | null = null

  // ——— the answer ———
  /** Status sent to the client, 0 until then. */
  status = 0
  /** Lines of RateLimit and RateLimit-Policy with their CRLF, for our own answer or an endpoint's; empty for none. */
  rateLimitFields = ''
  /** The codec's `FRAMING` by which the answer's end is shown to the client. */
  answerFraming = 0
  /** The end of a chunked answer has been written, with its trailers. */
  answerEnded = false
  answerBodyBytes = 0
  /** The connection is closed when this exchange is over. */
  closeAfter = false
  /** The client, or in a tunnel the endpoint, sends no more. */
  clientEnded = false
  upstreamEnded = false
  /** Set in a tunnel, and while an event stream is answered: how its client is told to leave. */
  webSocket: WebSocketGoodbye | null = null
  eventStream: EventStreamGoodbye | null = null

  // ——— how it went ———
  /** Monotonic milliseconds; 0 until then. */
  startedAtMs = 0
  /** From when on the answer is due: the request was whole, or the client waits for 100. */
  waitingSinceMs = 0
  /** When an endpoint was picked for the last try, and when the request was sent over a connection to it. */
  pickedAtMs = 0
  sentAtMs = 0
  firstByteAtMs = 0
  endedAtMs = 0
  end: ExchangeEnd | null = null
  /** Code of the problem that was sent or seen, or null. */
  errorCode: BalancerErrorCode | null = null
  errorDetail: string | null = null
  /** What lies behind it, often an error of the system. */
  errorCause: unknown = null

  constructor(client: ClientConnection, stages: ExchangeStages) {
    this.client = client
    this.#stages = stages
  }

  get endpoint(): Endpoint | null {
    return this.tried.at(-1) ?? null
  }

  get stream(): StreamGoodbye | null {
    return this.webSocket ?? this.eventStream
  }

  get isClientCongested(): boolean {
    return this.client.isCongested
  }

  onUpstreamReady(connection: UpstreamConnection): void {
    try {
      this.#stages.onUpstreamReady(this, connection)
    } catch (error) {
      this.#fault(error)
    }
  }

  onAnswerHead(head: MessageHead): void {
    try {
      this.#stages.onAnswerHead(this, head)
    } catch (error) {
      this.#fault(error)
    }
  }

  onAnswerBody(buffer: Buffer, start: number, end: number): void {
    try {
      this.#stages.onAnswerBody(this, buffer, start, end)
    } catch (error) {
      this.#fault(error)
    }
  }

  onAnswerTrailers(trailers: MessageHead): void {
    try {
      this.#stages.onAnswerTrailers(this, trailers)
    } catch (error) {
      this.#fault(error)
    }
  }

  onAnswerEnd(): void {
    try {
      this.#stages.onAnswerEnd(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  onTunnelBytes(buffer: Buffer, start: number, end: number): void {
    try {
      this.#stages.onTunnelBytes(this, buffer, start, end)
    } catch (error) {
      this.#fault(error)
    }
  }

  onTunnelEnd(): void {
    try {
      this.#stages.onTunnelEnd(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  toClient(buffer: Buffer, start: number, end: number): void {
    this.#stages.onStreamToClient(this, buffer, start, end)
  }

  toEndpoint(buffer: Buffer, start: number, end: number): void {
    this.#stages.onStreamToEndpoint(this, buffer, start, end)
  }

  onStreamTold(kind: StreamKind): void {
    try {
      this.#stages.onStreamTold(this, kind)
    } catch (error) {
      this.#fault(error)
    }
  }

  onStreamOver(kind: StreamKind): void {
    try {
      this.#stages.onStreamOver(this, kind)
    } catch (error) {
      this.#fault(error)
    }
  }

  onUpstreamDrain(): void {
    try {
      this.#stages.onUpstreamDrain(this)
    } catch (error) {
      this.#fault(error)
    }
  }

  onUpstreamFailure(failure: UpstreamFailure): void {
    try {
      this.#stages.onUpstreamFailure(this, failure)
    } catch (error) {
      this.#fault(error)
    }
  }

  /** A fault of ours while an endpoint's word was handled: the endpoint's connection deals with it, but the client must not be left waiting. */
  #fault(error: unknown): never {
    this.client.cut()
    throw error
  }
}
