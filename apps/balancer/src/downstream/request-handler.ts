// What a client's connection needs of the rest of the balancer: the pipeline that it talks to, its times, and what all connections share.
import type { Limits, MessageHead, Refusal } from '@plimsoll/http1'
import type { Exchange, ExchangeStages } from '../exchange.ts'
import type { TrustedProxies } from '../headers/trusted-proxies.ts'
import type { StreamTally } from '../streams/stream-tally.ts'
import type { OutputSlab } from '../transport/output-slab.ts'
import type { TimerWheel } from '../transport/timer-wheel.ts'
import type { ClientConnection } from './client-connection.ts'

/** The part of the pipeline that a client's connection talks to. */
export interface RequestHandler extends ExchangeStages {
  onRequestHead(exchange: Exchange, head: MessageHead): void
  onRequestBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onRequestTrailers(exchange: Exchange, trailers: MessageHead): void
  onRequestEnd(exchange: Exchange): void
  /** A request will be given up before its head is whole; `head` has what was read of it. Followed by one of the next three. */
  onPartialHead(exchange: Exchange, head: MessageHead): void
  /** What came isn't HTTP. */
  onRequestRefused(exchange: Exchange, refusal: Refusal): void
  /** The head, or the body, is too slow. */
  onRequestTooSlow(exchange: Exchange, what: 'head' | 'body'): void
  /** The client has ended its side in the middle of the request. */
  onRequestCutShort(exchange: Exchange): void
  /** The client has asked, but doesn't read the answer. */
  onAnswerUnread(exchange: Exchange): void
  onClientTunnelBytes(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  /** The client sends no more, but may still read. */
  onClientEnd(exchange: Exchange): void
  /** The client has ended its side some time ago and still waits, or has left without a word. */
  onHalfClosedTick(exchange: Exchange): void
  /** The connection is gone while an exchange is under way. */
  onClientLeft(exchange: Exchange): void
  /** What was written to the client has left. */
  onClientDrain(exchange: Exchange): void
  /** A time of the exchange is over. */
  onExchangeTimer(exchange: Exchange): void
}

export interface ClientTimes {
  readonly idleMs: number
  readonly headMs: number
  /** Bytes of a body, and of an answer that the client reads, that must pass per second; 0 for no limit. */
  readonly minBytesPerSecond: number
  /** How often the rate is looked at. */
  readonly rateWindowMs: number
  /** When a client that has ended its side is first asked whether it's still there; each time after twice as long. 0: never. */
  readonly halfClosedProbeMs: number
  /** Silence after which a closing connection is no longer read from. */
  readonly lingerMs: number
}

/** What the connections of all clients share. */
export interface ClientSurroundings {
  readonly slab: OutputSlab
  readonly wheel: TimerWheel
  readonly limits: Limits
  readonly times: ClientTimes
  readonly handler: RequestHandler
  readonly trusted: TrustedProxies
  /** Whether connections end with the exchange under way; `hasMore`: requests have come behind it. */
  isEnding(hasMore: boolean): boolean
  readonly streams: StreamTally
  /** No connection is accepted any more: a stream that begins now is told to leave at once. */
  isDraining(): boolean
  onClosed(client: ClientConnection): void
  /** A fault of ours while bytes of one connection were handled: it costs that connection, not the process. */
  onFault(error: unknown): void
}
