// One connection of a client: requests come in one after the other, each answered before the next one is looked at.
//
//              ┌────────────────────────────────────────────┐
//              ▼                                            │ answered, kept
//   waiting (idle, or part of a head) ──head──► exchange ───┤
//              │                                  │ 101     │ not kept
//              │ refused: not HTTP                ▼         ▼
//              └───────────────────────────────► tunnel   lingering ──► closed
//
// Invariants
// * Requests that arrive together (pipelining) are answered in order: what follows the request under way is kept as bytes, unread.
//   So a bad tail can't spoil the good answers before it.
// * Every request that was begun is answered, or the connection is cut.
// * When we close, we first stop writing and read on for a while (lingering): a reset would take our last answer from the client
//   (RFC 9112, 9.6).
// * What is kept in memory is bounded: one part of a head, `MAX_PENDING_BYTES` of later requests, and what the writers hold.
import type { Socket } from 'node:net'
import { RequestParser, type Limits, type MessageHead, type MessageSink, type Refusal } from '@plimsoll/http1'
import { Exchange, type ExchangeStages } from '../exchange.ts'
import type { ClientIdentity } from '../headers/request-passes.ts'
import type { TrustedProxies } from '../headers/trusted-proxies.ts'
import { SocketWriter, type OutputSlab } from '../transport/output-slab.ts'
import { TimerEntry, type TimerOwner, type TimerWheel } from '../transport/timer-wheel.ts'

/** The part of the pipeline that a client's connection talks to. */
export interface RequestHandler extends ExchangeStages {
  onRequestHead(exchange: Exchange, head: MessageHead): void
  onRequestBody(exchange: Exchange, buffer: Buffer, start: number, end: number): void
  onRequestTrailers(exchange: Exchange, trailers: MessageHead): void
  onRequestEnd(exchange: Exchange): void
  /** What came isn't HTTP; `exchange` is the one whose body it was in, or null. */
  onRequestRefused(client: ClientConnection, exchange: Exchange | null, refusal: Refusal): void
  /** The head, or the body, is too slow. */
  onRequestTooSlow(client: ClientConnection, exchange: Exchange | null, what: 'head' | 'body'): void
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
  isDraining(): boolean
  onClosed(client: ClientConnection): void
}

/** Bytes of later requests that are kept while one is under way; more stays in the kernel. */
const MAX_PENDING_BYTES = 64 * 1024
/** Bytes that are read and dropped while lingering. */
const MAX_LINGER_BYTES = 4 * 1024 * 1024
/** How often the rate is looked at. */
const RATE_WINDOW_MS = 5000
/** When a client that has ended its side is asked whether it's still there: first, and then again and again. */
const HALF_CLOSED_FIRST_MS = 150
const HALF_CLOSED_AGAIN_MS = 500

type State = 'waiting' | 'exchange' | 'tunnel' | 'lingering' | 'closed'

export class ClientConnection implements MessageSink, TimerOwner {
  readonly socket: Socket
  readonly writer: SocketWriter
  readonly identity: ClientIdentity
  /** Times of the exchange under way: the pipeline sets it. */
  readonly exchangeTimer: TimerEntry
  readonly #surroundings: ClientSurroundings
  readonly #parser: RequestParser
  readonly #timer = new TimerEntry(this)
  #state: State = 'waiting'
  #exchange: Exchange | null = null
  #pending: Buffer | null = null
  #feeding = false
  #clientEnded = false
  #lingeredBytes = 0
  #headBegun = false
  #rateBytes = 0
  #rateWritten = 0
  #bodyPaused = false

  /** `peerAddress` is empty for a Unix socket. */
  constructor(socket: Socket, peerAddress: string, surroundings: ClientSurroundings) {
    this.socket = socket
    this.#surroundings = surroundings
    this.identity = { peerAddress, isTrusted: surroundings.trusted.has(peerAddress), protocol: 'http' }
    this.writer = new SocketWriter(surroundings.slab, socket)
    this.#parser = new RequestParser(this, surroundings.limits)
    this.exchangeTimer = new TimerEntry({
      onTimer: () => {
        if (this.#exchange) surroundings.handler.onExchangeTimer(this.#exchange)
        surroundings.slab.flush()
      },
    })
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('end', () => this.#onEnd())
    socket.on('drain', () => this.#onDrain())
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose())
    // The first head has the shorter time: a client that connects and says nothing is no idle keep-alive connection.
    surroundings.wheel.set(this.#timer, surroundings.times.headMs)
  }

  get state(): State {
    return this.#state
  }

  get isCongested(): boolean {
    return this.writer.isCongested
  }

  get isDraining(): boolean {
    return this.#surroundings.isDraining()
  }

  /** Stops reading the body of the request under way. */
  pause(): void {
    this.#bodyPaused = true
    this.socket.pause()
  }

  /** Reads on. */
  resume(): void {
    this.#bodyPaused = false
    if (this.socket.isPaused() && this.#pendingBytes() <= MAX_PENDING_BYTES) this.socket.resume()
  }

  /** From now on bytes aren't HTTP. What has come behind the request belongs to the tunnel. */
  becomeTunnel(exchange: Exchange): void {
    this.#state = 'tunnel'
    this.#surroundings.wheel.cancel(this.#timer)
    const early = this.#pending
    this.#pending = null
    if (early) this.#surroundings.handler.onClientTunnelBytes(exchange, early, 0, early.length)
    if (this.#clientEnded) this.#surroundings.handler.onClientEnd(exchange)
    this.resume()
  }

  /** The exchange is over; `keep` says whether the connection goes on. */
  exchangeFinished(keep: boolean): void {
    this.#exchange = null
    this.#surroundings.wheel.cancel(this.exchangeTimer)
    if (this.#state === 'closed' || this.#state === 'lingering') return
    if (!keep || this.#surroundings.isDraining()) {
      this.closeGently()
      return
    }
    this.#state = 'waiting'
    this.#headBegun = false
    this.#bodyPaused = false
    // Within `execute` the message has not been reported whole yet; `#feed` resets the parser behind it.
    if (this.#feeding) return
    this.#parser.reset()
    if (this.#pending !== null) this.#feed(EMPTY)
    this.#rest()
  }

  /** After everything that was there has been fed: waits for more, or ends when there won't be any. */
  #rest(): void {
    if (this.#state !== 'waiting') return
    const { wheel, times } = this.#surroundings
    if (this.#clientEnded) return this.closeGently()
    if (!this.#headBegun) wheel.set(this.#timer, times.idleMs)
    if (this.socket.isPaused()) this.socket.resume()
  }

  /** Says goodbye: what was written still reaches the client, what it sends is read and dropped for a while. */
  closeGently(): void {
    if (this.#state === 'lingering' || this.#state === 'closed') return
    this.#state = 'lingering'
    this.#pending = null
    this.#surroundings.slab.flush()
    this.#rateWritten = this.socket.bytesWritten - this.socket.writableLength
    this.#surroundings.wheel.set(this.#timer, RATE_WINDOW_MS)
    this.socket.once('finish', () => {
      if (this.#state === 'lingering') this.#surroundings.wheel.set(this.#timer, this.#surroundings.times.lingerMs)
    })
    this.socket.end()
    this.socket.resume()
  }

  /** Cuts the connection so that the client sees that its answer isn't whole. */
  cut(): void {
    this.#surroundings.slab.flush()
    this.socket.resetAndDestroy()
  }

  /** For a drain: nothing is under way, so it can go now. */
  closeIfIdle(): void {
    if (this.#state === 'waiting' && !this.#headBegun) this.closeGently()
  }

  // ——— what the parser says ———

  onHead(head: MessageHead): void {
    this.#state = 'exchange'
    const exchange = new Exchange(this, this.#surroundings.handler)
    this.#exchange = exchange
    this.#surroundings.wheel.cancel(this.#timer)
    this.#surroundings.handler.onRequestHead(exchange, head)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#rateBytes += end - start
    const exchange = this.#exchange
    if (exchange) this.#surroundings.handler.onRequestBody(exchange, buffer, start, end)
  }

  onTrailers(trailers: MessageHead): void {
    const exchange = this.#exchange
    if (exchange) this.#surroundings.handler.onRequestTrailers(exchange, trailers)
  }

  onEnd(): void {
    const exchange = this.#exchange
    if (!exchange) return
    exchange.requestEnded = true
    this.#surroundings.handler.onRequestEnd(exchange)
  }

  onRefusal(refusal: Refusal): void {
    this.#surroundings.handler.onRequestRefused(this, this.#exchange, refusal)
  }

  /** Watches that the body, and later the answer, moves. Called by the pipeline when there's something to watch. */
  watchRate(): void {
    if (this.#surroundings.times.minBytesPerSecond === 0) return
    this.#rateBytes = 0
    this.#rateWritten = this.socket.bytesWritten
    this.#surroundings.wheel.set(this.#timer, RATE_WINDOW_MS)
  }

  onTimer(): void {
    const { handler, slab } = this.#surroundings
    switch (this.#state) {
      case 'waiting':
        if (this.#headBegun) handler.onRequestTooSlow(this, null, 'head')
        else this.closeGently()
        break
      case 'exchange':
        if (this.#clientEnded && this.#exchange && !this.writer.isCongested) {
          handler.onHalfClosedTick(this.#exchange)
          this.#surroundings.wheel.set(this.#timer, HALF_CLOSED_AGAIN_MS)
        } else {
          this.#checkRate()
        }
        break
      case 'lingering':
        this.#checkLinger()
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

  #onData(chunk: Buffer): void {
    const { handler, slab } = this.#surroundings
    switch (this.#state) {
      case 'waiting':
      case 'exchange':
        this.#feed(chunk)
        break
      case 'tunnel':
        if (this.#exchange) handler.onClientTunnelBytes(this.#exchange, chunk, 0, chunk.length)
        break
      case 'lingering':
        this.#lingeredBytes += chunk.length
        if (this.#lingeredBytes > MAX_LINGER_BYTES) this.socket.destroy()
        break
      case 'closed':
        break
      default:
        this.#state satisfies never
    }
    slab.flush()
  }

  /** Gives bytes to the parser, one message at a time; what it may not see yet is kept. */
  #feed(chunk: Buffer): void {
    let bytes = chunk
    if (this.#pending !== null) {
      bytes = chunk.length === 0 ? this.#pending : Buffer.concat([this.#pending, chunk])
      this.#pending = null
    }
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
    const state = this.state
    if (state === 'exchange') {
      // A copy: the rest of a large read would else keep all of it.
      this.#pending = at === 0 && bytes !== chunk ? bytes : Buffer.from(bytes.subarray(at))
      if (this.#pending.length > MAX_PENDING_BYTES) this.socket.pause()
    } else if (state === 'tunnel' && this.#exchange) {
      this.#surroundings.handler.onClientTunnelBytes(this.#exchange, bytes, at, bytes.length)
    }
  }

  /** Whether bytes belong to the message under way, or to one that may begin. */
  #mayParse(): boolean {
    if (this.#state === 'waiting') return true
    return this.#state === 'exchange' && this.#exchange !== null && !this.#exchange.requestEnded
  }

  #onEnd(): void {
    this.#clientEnded = true
    const exchange = this.#exchange
    if (this.#state === 'lingering') {
      this.socket.destroySoon()
    } else if (exchange === null) {
      // Part of a head, or nothing: nobody waits for an answer.
      this.closeGently()
    } else if (this.#state === 'tunnel') {
      this.#surroundings.handler.onClientEnd(exchange)
    } else if (exchange.requestEnded) {
      this.#surroundings.handler.onClientEnd(exchange)
      this.#surroundings.wheel.set(this.#timer, HALF_CLOSED_FIRST_MS)
    } else {
      // The body will never be whole: nobody must take what came of it for the whole.
      this.socket.destroy()
    }
    this.#surroundings.slab.flush()
  }

  #onDrain(): void {
    const exchange = this.#exchange
    if (exchange) this.#surroundings.handler.onClientDrain(exchange)
    this.#surroundings.slab.flush()
  }

  #onClose(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#pending = null
    this.#surroundings.wheel.cancel(this.#timer)
    this.#surroundings.wheel.cancel(this.exchangeTimer)
    const exchange = this.#exchange
    if (exchange) this.#surroundings.handler.onClientLeft(exchange)
    this.#exchange = null
    this.#surroundings.onClosed(this)
    this.#surroundings.slab.flush()
  }

  #checkRate(): void {
    const { times, wheel, handler } = this.#surroundings
    const exchange = this.#exchange
    if (!exchange) return
    const least = (times.minBytesPerSecond * RATE_WINDOW_MS) / 1000
    if (!exchange.requestEnded && !this.#bodyPaused && exchange.hasBody && this.#rateBytes < least) {
      handler.onRequestTooSlow(this, exchange, 'body')
      return
    }
    if (this.writer.isCongested && this.socket.bytesWritten - this.socket.writableLength - this.#rateWritten < least) {
      this.socket.destroy()
      return
    }
    this.#rateBytes = 0
    this.#rateWritten = this.socket.bytesWritten - this.socket.writableLength
    wheel.set(this.#timer, RATE_WINDOW_MS)
  }

  /** What was written may still be on its way to a slow reader: that goes on as long as it moves. */
  #checkLinger(): void {
    const written = this.socket.bytesWritten - this.socket.writableLength
    const least = (this.#surroundings.times.minBytesPerSecond * RATE_WINDOW_MS) / 1000
    if (this.socket.writableFinished || written - this.#rateWritten < Math.max(1, least)) {
      this.socket.destroy()
      return
    }
    this.#rateWritten = written
    this.#surroundings.wheel.set(this.#timer, RATE_WINDOW_MS)
  }

  #pendingBytes(): number {
    return this.#pending?.length ?? 0
  }
}

const EMPTY = Buffer.alloc(0)
