// One connection of a client: requests come in one after the other, each answered before the next one is looked at.
//
//              ┌────────────────────────────────────────────┐
//              ▼                                            │ answered, kept
//   waiting (idle, or part of a head) ──head──► exchange ───┤
//              │                        ▲         │ 101     │ not kept
//              │ refused: not HTTP, ────┘         ▼         ▼
//              │ too slow, cut short            tunnel ─► lingering ──► closed
//              └── idle for too long ───────────────────────┘
//
// Invariants
// * Requests that arrive together (pipelining) are answered in order: what follows the request under way is kept as bytes, unread.
//   So a bad tail can't spoil the good answers before it.
// * Every request that was begun is answered, or the connection is cut. Also a head that can't be read is an exchange: it's answered,
//   counted and logged like any other.
// * When we close, we first stop writing and read on for a while (lingering): a reset would take our last answer from the client
//   (RFC 9112, 9.6).
// * What is kept in memory is bounded: one part of a head, `MAX_PENDING_BYTES` of later requests, and what the writers hold. No request
//   is begun while the client has not read enough of the answers before it: else small requests would pile up large answers.
import type { Socket } from 'node:net'
import { RequestParser, type MessageHead, type MessageSink, type Refusal } from '@plimsoll/http1'
import { Exchange } from '../exchange.ts'
import { clientIdentity, type ClientIdentity } from '../headers/request-passes.ts'
import { ByteStore } from '../transport/byte-store.ts'
import { SocketWriter } from '../transport/output-slab.ts'
import { TimerEntry, type TimerOwner } from '../transport/timer-wheel.ts'
import { PaceWatch } from './pace-watch.ts'
import type { ClientSurroundings, RequestHandler } from './request-handler.ts'

/** Bytes of later requests that are kept while one is under way; more stays in the kernel. */
const MAX_PENDING_BYTES = 64 * 1024
/** A closing connection that never falls silent is read for so many times `lingerMs`. */
const MAX_LINGER_SPANS = 15

type State = 'waiting' | 'exchange' | 'tunnel' | 'lingering' | 'closed'

const EMPTY = Buffer.alloc(0)

export class ClientConnection implements MessageSink, TimerOwner {
  readonly socket: Socket
  readonly writer: SocketWriter
  readonly identity: ClientIdentity
  /** Times of the exchange under way: the pipeline sets it. */
  readonly exchangeTimer: TimerEntry
  readonly #surroundings: ClientSurroundings
  readonly #parser: RequestParser
  readonly #timer = new TimerEntry(this)
  readonly #pace: PaceWatch
  /** The pipeline of the exchange under way: a reload replaces the one of the next exchange. */
  #handler: RequestHandler
  #state: State = 'waiting'
  #exchange: Exchange | null = null
  /** What has come behind the request under way. */
  #pending: ByteStore | null = null
  #feeding = false
  #clientEnded = false
  #headBegun = false
  /** Next distance between two questions to a client that has ended its side. */
  #probeMs = 0
  /** Octets that had left when the lingering was last looked at, and when it's over in any case. */
  #drainedBytes = 0
  #lingerUntilMs = 0

  /** `peerAddress` is empty for a Unix socket. */
  constructor(socket: Socket, peerAddress: string, surroundings: ClientSurroundings) {
    const { slab, wheel, times, trusted, limits } = surroundings
    this.socket = socket
    this.#surroundings = surroundings
    this.#handler = surroundings.handler
    this.identity = clientIdentity(peerAddress, trusted.has(peerAddress), 'http')
    this.writer = new SocketWriter(slab, socket)
    this.#parser = new RequestParser(this, limits)
    this.#pace = new PaceWatch((times.minBytesPerSecond * times.rateWindowMs) / 1000)
    this.exchangeTimer = new TimerEntry({
      onTimer: () => {
        if (this.#exchange) this.#handler.onExchangeTimer(this.#exchange)
        slab.flush()
      },
    })
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.#guarded(() => this.#onEnd()))
    socket.on('drain', () => this.#guarded(() => this.#onDrain()))
    socket.on('error', () => {})
    socket.on('close', () => this.#guarded(() => this.#onClose()))
    // The first head has the shorter time: a client that connects and says nothing is no idle keep-alive connection.
    wheel.set(this.#timer, times.headMs)
  }

  get state(): State {
    return this.#state
  }

  /** A stream that begins now is told to leave at once. */
  get endsStreams(): boolean {
    return this.#surroundings.isDraining()
  }

  /** What is under way. */
  get exchange(): Exchange | null {
    return this.#exchange
  }

  get isCongested(): boolean {
    return this.writer.isCongested
  }

  /** The connection should end with the exchange under way: the balancer stops. */
  get isDraining(): boolean {
    return this.#surroundings.isEnding(this.#pending !== null)
  }

  /** Stops reading the body of the request under way. */
  pause(): void {
    this.#pace.onPause()
    this.socket.pause()
  }

  /** Reads on. */
  resume(): void {
    this.#pace.onResume()
    if (this.socket.isPaused() && this.#pendingBytes() <= MAX_PENDING_BYTES) this.socket.resume()
  }

  /** From now on bytes aren't HTTP. What has come behind the request belongs to the tunnel. */
  becomeTunnel(exchange: Exchange): void {
    this.#state = 'tunnel'
    this.#surroundings.wheel.cancel(this.#timer)
    const early = this.#pending?.bytes
    this.#pending = null
    if (early) this.#handler.onClientTunnelBytes(exchange, early, 0, early.length)
    if (this.#clientEnded) this.#handler.onClientEnd(exchange)
    this.resume()
  }

  /** The exchange is over; `keep` says whether the connection goes on. */
  exchangeFinished(keep: boolean): void {
    this.#exchange = null
    this.#surroundings.wheel.cancel(this.exchangeTimer)
    if (this.#state === 'closed' || this.#state === 'lingering') return
    if (!keep || this.isDraining) {
      this.closeGently()
      return
    }
    this.#state = 'waiting'
    this.#headBegun = false
    this.#pace.onResume()
    // Within `execute` the message has not been reported whole yet; `#feed` resets the parser behind it.
    if (this.#feeding) return
    this.#parser.reset()
    if (this.#pending !== null) this.#feed(EMPTY)
    this.#rest()
  }

  /** After everything that was there has been fed: waits for more, or ends when there won't be any. */
  #rest(): void {
    const { wheel, times } = this.#surroundings
    if (this.#clientEnded && this.#exchange !== null && !this.#exchange.requestEnded) {
      // The body will never be whole: nobody must take what came of it for the whole.
      this.#handler.onRequestCutShort(this.#exchange)
      return
    }
    if (this.#state !== 'waiting') return
    if (this.#clientEnded) {
      if (this.#parser.idle) this.closeGently()
      else this.#handler.onRequestCutShort(this.#givenUp())
      return
    }
    if (!this.#headBegun) wheel.set(this.#timer, times.idleMs)
    if (this.socket.isPaused() && this.#mayParse()) this.socket.resume()
  }

  /** Says goodbye: what was written still reaches the client, what it sends is read and dropped for a while. */
  closeGently(): void {
    if (this.#state === 'lingering' || this.#state === 'closed') return
    const { slab, wheel, times } = this.#surroundings
    this.#state = 'lingering'
    this.#pending = null
    this.#parser.abandon()
    slab.flush()
    this.#drainedBytes = this.#drained()
    wheel.set(this.#timer, times.rateWindowMs)
    this.socket.once('finish', () => {
      this.#lingerUntilMs = wheel.nowMs + MAX_LINGER_SPANS * times.lingerMs
      if (this.#state === 'lingering') wheel.set(this.#timer, times.lingerMs)
    })
    this.socket.end()
    this.socket.resume()
  }

  /**
   * Cuts the connection by a reset, for answers whose end is the end of the connection: else nobody could tell a cut from an end. Where the end has been said there's
   * nothing to tell any more; and libuv refuses a reset while the end is on its way (EINVAL), upon which Node 26 leaves the socket open for good, without a `close`.
   */
  cut(): void {
    this.#surroundings.slab.flush()
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** For a drain, or when descriptors are short: nothing is under way, so it can go now. */
  closeIfIdle(): void {
    if (this.#state === 'waiting' && !this.#headBegun) this.closeGently()
  }

  // ——— what the parser says ———

  onHead(head: MessageHead): void {
    const { wheel, times } = this.#surroundings
    const exchange = this.#begin()
    this.#pace.begin(this.#drained())
    this.#probeMs = times.halfClosedProbeMs
    wheel.set(this.#timer, this.#clientEnded && this.#probeMs > 0 ? this.#probeMs : times.rateWindowMs)
    this.#handler.onRequestHead(exchange, head)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#pace.onBody(end - start)
    const exchange = this.#exchange
    if (exchange) this.#handler.onRequestBody(exchange, buffer, start, end)
  }

  onTrailers(trailers: MessageHead): void {
    const exchange = this.#exchange
    if (exchange) this.#handler.onRequestTrailers(exchange, trailers)
  }

  onEnd(): void {
    const exchange = this.#exchange
    if (!exchange) return
    exchange.requestEnded = true
    this.#handler.onRequestEnd(exchange)
  }

  onRefusal(refusal: Refusal): void {
    this.#handler.onRequestRefused(this.#exchange ?? this.#givenUp(), refusal)
  }

  onTimer(): void {
    const { slab } = this.#surroundings
    switch (this.#state) {
      case 'waiting':
        if (this.#parser.idle) this.closeGently()
        else this.#handler.onRequestTooSlow(this.#givenUp(), 'head')
        break
      case 'exchange':
        if (this.#exchange) this.#look(this.#exchange)
        break
      case 'lingering':
        this.#lookAtLingering()
        break
      case 'tunnel':
      case 'closed':
        break
      default:
        this.#state satisfies never
    }
    slab.flush()
  }

  // ——— what the socket says ———

  /** A fault of ours costs this connection. */
  #guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#onFault(error)
    }
  }

  #onFault(error: unknown): void {
    this.#surroundings.slab.drop()
    this.#surroundings.onFault(error)
    this.socket.destroy()
  }

  #onData(chunk: Buffer): void {
    const { slab } = this.#surroundings
    try {
      this.#take(chunk)
    } catch (error) {
      this.#onFault(error)
    }
    slab.flush()
  }

  #take(chunk: Buffer): void {
    const { wheel, times } = this.#surroundings
    switch (this.#state) {
      case 'waiting':
      case 'exchange':
        this.#feed(chunk)
        break
      case 'tunnel':
        if (this.#exchange) this.#handler.onClientTunnelBytes(this.#exchange, chunk, 0, chunk.length)
        break
      case 'lingering':
        if (!this.socket.writableFinished) break
        if (wheel.nowMs < this.#lingerUntilMs) wheel.set(this.#timer, times.lingerMs)
        else this.socket.destroy()
        break
      case 'closed':
        break
      default:
        this.#state satisfies never
    }
  }

  /** Gives bytes to the parser, one message at a time; what it may not see yet is kept. */
  #feed(chunk: Buffer): void {
    const store = this.#pending
    store?.append(chunk, 0, chunk.length)
    const bytes = store?.bytes ?? chunk
    this.#pending = null
    const { wheel, times } = this.#surroundings
    this.#feeding = true
    let at = 0
    while (at < bytes.length && this.#mayParse()) {
      if (this.#state === 'waiting' && !this.#headBegun) {
        this.#headBegun = true
        wheel.set(this.#timer, times.headMs)
      }
      at += this.#parser.execute(bytes, at, bytes.length)
      // The exchange may be over already: refused, or answered by us.
      if (this.#parser.complete && this.#exchange === null) this.#parser.reset()
    }
    this.#feeding = false
    if (at === bytes.length) return this.#rest()
    if (this.state === 'exchange' || this.state === 'waiting') this.#keep(store, bytes, at)
    else if (this.state === 'tunnel' && this.#exchange)
      this.#handler.onClientTunnelBytes(this.#exchange, bytes, at, bytes.length)
  }

  /** Keeps what the parser has left of `bytes`, which are those of `store` if there is one. */
  #keep(store: ByteStore | null, bytes: Buffer, from: number): void {
    if (store) {
      store.consume(from)
      this.#pending = store
    } else {
      this.#pending = new ByteStore()
      this.#pending.append(bytes, from, bytes.length)
    }
    if (this.#state === 'waiting' || this.#pending.length > MAX_PENDING_BYTES) this.socket.pause()
  }

  /** Whether bytes belong to the message under way, or to one that may begin. */
  #mayParse(): boolean {
    if (this.#state === 'waiting') return this.#headBegun || !this.writer.isCongested
    return this.#state === 'exchange' && this.#exchange !== null && !this.#exchange.requestEnded
  }

  #onEnd(): void {
    const { wheel, slab } = this.#surroundings
    this.#clientEnded = true
    const exchange = this.#exchange
    if (this.#state === 'lingering') {
      this.socket.destroySoon()
    } else if (this.#state === 'tunnel' && exchange) {
      this.#handler.onClientEnd(exchange)
    } else if (exchange?.requestEnded) {
      this.#handler.onClientEnd(exchange)
      if (this.#probeMs > 0) wheel.set(this.#timer, this.#probeMs)
    } else {
      this.#rest()
    }
    slab.flush()
  }

  #onDrain(): void {
    const { slab } = this.#surroundings
    if (this.#exchange) {
      this.#handler.onClientDrain(this.#exchange)
    } else if (this.#state === 'waiting') {
      if (this.#pending !== null) this.#feed(EMPTY)
      this.#rest()
    }
    slab.flush()
  }

  #onClose(): void {
    if (this.#state === 'closed') return
    const { wheel, slab } = this.#surroundings
    this.#state = 'closed'
    this.#pending = null
    this.#parser.abandon()
    wheel.cancel(this.#timer)
    wheel.cancel(this.exchangeTimer)
    const exchange = this.#exchange
    if (exchange) this.#handler.onClientLeft(exchange)
    this.#exchange = null
    this.#surroundings.onClosed(this)
    slab.flush()
  }

  // ——— exchanges, and how they move ———

  #begin(): Exchange {
    this.#handler = this.#surroundings.handler
    const exchange = new Exchange(this, this.#handler)
    this.#state = 'exchange'
    this.#exchange = exchange
    return exchange
  }

  /** An exchange for a request whose head will never be whole. */
  #givenUp(): Exchange {
    const exchange = this.#begin()
    this.#handler.onPartialHead(exchange, this.#parser.head)
    return exchange
  }

  #look(exchange: Exchange): void {
    const { wheel, times } = this.#surroundings
    const congested = this.writer.isCongested
    if (this.#clientEnded && !congested && this.#probeMs > 0) {
      this.#handler.onHalfClosedTick(exchange)
      this.#probeMs *= 2
      wheel.set(this.#timer, this.#probeMs)
      return
    }
    const owesBody = exchange.hasBody && !exchange.requestEnded && !exchange.awaitsContinue
    const pace = this.#pace.look(owesBody, congested, this.#drained())
    if (pace === 'body-too-slow') this.#handler.onRequestTooSlow(exchange, 'body')
    else if (pace === 'answer-too-slow') this.#handler.onAnswerUnread(exchange)
    else wheel.set(this.#timer, times.rateWindowMs)
  }

  /** What was written may still be on its way to a slow reader: that goes on as long as it moves. */
  #lookAtLingering(): void {
    const { times, wheel } = this.#surroundings
    const drained = this.#drained()
    const least = Math.max(1, (times.minBytesPerSecond * times.rateWindowMs) / 1000)
    if (this.socket.writableFinished || drained - this.#drainedBytes < least) {
      this.socket.destroy()
      return
    }
    this.#drainedBytes = drained
    wheel.set(this.#timer, times.rateWindowMs)
  }

  /** Octets that the kernel has taken for the client so far. */
  #drained(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  #pendingBytes(): number {
    return this.#pending?.length ?? 0
  }
}
