// One socket to an endpoint, and the answers that come over it.
//
//   connecting ──connect──► idle ◄──────────────┐
//        │                   │ attach           │ answer and request whole, both sides keep it
//        │                   ▼                  │
//        │                 busy ────────────────┘
//        │                   │ 101
//        │                   ▼
//        │                 tunnel
//        └────────────┬──────┴─► closed
//
// Invariants
// * One request at a time. The connection is reused only when the request was sent whole, the answer was read whole, both sides keep
//   it, and not one more byte has come: a byte that nobody asked for means that the two sides disagree about where messages end.
// * Each attached receiver gets either `onAnswerEnd`, or `onTunnelEnd`s, or exactly one failure; then it's forgotten.
// * It's kept for no longer than the endpoint says that it keeps it (Keep-Alive: timeout), so that requests meet no closing connection.
// * Whatever happens to the socket, its error is handled here.
import { connect, type Socket } from 'node:net'
import {
  FRAMING,
  HEADER,
  ResponseParser,
  type Limits,
  type MessageHead,
  type MessageSink,
  type Refusal,
} from '@plimsoll/http1'
import { SocketWriter, type OutputSlab } from '../transport/output-slab.ts'
import { TimerEntry, type TimerOwner, type TimerWheel } from '../transport/timer-wheel.ts'
import { connectOptions } from './address.ts'
import type { AnswerReceiver, UpstreamFailure } from './answer-receiver.ts'
import type { Endpoint } from './endpoint.ts'

/** How much earlier than the endpoint we close: a request that's on its way must not meet its close. */
const KEEP_ALIVE_MARGIN_MS = 500

export type UpstreamState = 'connecting' | 'idle' | 'busy' | 'tunnel' | 'closed'

/** What the connections of all endpoints share. */
export interface UpstreamSurroundings {
  readonly slab: OutputSlab
  readonly wheel: TimerWheel
  readonly limits: Limits
  readonly connectMs: number
  readonly idleMs: number
  /** How long an answer that nobody wants is read, and how long the last bytes of a tunnel may take. */
  readonly discardMs: number
  /** A fault of ours while bytes of one connection were handled: it costs that connection, not the process. */
  onFault(error: unknown): void
}

/** Told when a connection is free again, or gone. */
export interface ConnectionKeeper {
  onFree(connection: UpstreamConnection): void
  onGone(connection: UpstreamConnection): void
}

export class UpstreamConnection implements MessageSink, TimerOwner {
  readonly endpoint: Endpoint
  readonly socket: Socket
  readonly writer: SocketWriter
  readonly openedAtMs: number
  /** Requests that were answered whole over it. */
  answersTotal = 0
  readonly #surroundings: UpstreamSurroundings
  readonly #keeper: ConnectionKeeper
  readonly #parser: ResponseParser
  readonly #timer = new TimerEntry(this)
  #state: UpstreamState = 'connecting'
  #receiver: AnswerReceiver | null
  #requestWhole = false
  #requestBegun = false
  #isLast = false
  #answerBegun = false
  #answerWhole = false
  #mayKeep = false
  #idleMs = 0
  #refusal: Refusal | null = null
  #cause: NodeJS.ErrnoException | null = null
  #connectTimedOut = false

  /** Opens the connection for its first receiver. */
  constructor(
    endpoint: Endpoint,
    receiver: AnswerReceiver,
    surroundings: UpstreamSurroundings,
    keeper: ConnectionKeeper,
    nowMs: number,
  ) {
    this.endpoint = endpoint
    this.#surroundings = surroundings
    this.#keeper = keeper
    this.#receiver = receiver
    this.openedAtMs = nowMs
    this.#parser = new ResponseParser(this, surroundings.limits)
    const socket = connect({
      ...connectOptions(endpoint.address),
      noDelay: true,
      allowHalfOpen: true,
      autoSelectFamily: true,
    })
    this.socket = socket
    this.writer = new SocketWriter(surroundings.slab, socket)
    surroundings.wheel.set(this.#timer, surroundings.connectMs)
    socket.on('connect', () => this.#guarded(() => this.#onConnect()))
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => this.#guarded(() => this.#onDrain()))
    socket.on('end', () => this.#guarded(() => this.#onEnd()))
    socket.on('error', error => {
      this.#cause = error
    })
    socket.on('close', () => this.#guarded(() => this.#onClose()))
  }

  get state(): UpstreamState {
    return this.#state
  }

  /** Whether bytes that were read from the client should wait. */
  get isCongested(): boolean {
    return this.writer.isCongested
  }

  /**
   * Takes a free connection for the next request. The receiver is told at once; with `careful` after the event loop has looked at the
   * socket once more. An endpoint that stops closes its kept connections, and its close may have come without having been read yet: a
   * request that's written into it is lost, and one that isn't idempotent can't be repeated then. Found in time, it can.
   */
  attach(receiver: AnswerReceiver, careful: boolean): void {
    this.#state = 'busy'
    this.#receiver = receiver
    this.#surroundings.wheel.cancel(this.#timer)
    if (!careful) return receiver.onUpstreamReady(this)
    // The first runs behind the events that are being handled, the second behind those that the loop polls for then.
    setImmediate(() => setImmediate(() => this.#beginCarefully(receiver)))
  }

  #beginCarefully(receiver: AnswerReceiver): void {
    this.#guarded(() => {
      if (this.#state !== 'busy' || this.#receiver !== receiver) return
      receiver.onUpstreamReady(this)
      this.#surroundings.slab.flush()
    })
  }

  /**
   * Says what will be sent next, before its first byte. `method` is the codec's number, `upgrade` whether 101 may be the answer;
   * with `isLast` the connection isn't kept behind it.
   */
  beginRequest(method: number, upgrade: boolean, isLast: boolean): void {
    this.#requestBegun = true
    this.#isLast = isLast
    this.#requestWhole = false
    this.#answerBegun = false
    this.#answerWhole = false
    this.#parser.expect(method, upgrade)
  }

  /** The last byte of the request has been written. */
  endRequest(): void {
    this.#requestWhole = true
    this.#settle()
  }

  /** From now on somebody else is told, who knows what has been told so far. */
  handOver(receiver: AnswerReceiver): void {
    this.#receiver = receiver
  }

  /** The receiver can take more. */
  resume(): void {
    if (this.socket.isPaused()) this.socket.resume()
  }

  /** Gives up the request under way, if any, and closes. Nobody is told: whoever calls this knows. */
  abandon(): void {
    this.#receiver = null
    this.#close()
  }

  /** For the balancer's end: closes whatever is still going on. */
  destroy(): void {
    this.abandon()
    this.socket.destroy()
  }

  /** The tunnel has ended on both sides, or on the client's: what was written still goes out. */
  closeTunnel(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#receiver = null
    this.writer.flush()
    this.socket.destroySoon()
    this.#surroundings.wheel.set(this.#timer, this.#surroundings.discardMs)
  }

  /** Reads the rest of the answer and drops it, so that the connection can be kept; not for long. */
  discardAnswer(): void {
    this.#receiver = null
    this.#surroundings.wheel.set(this.#timer, this.#surroundings.discardMs)
    this.resume()
  }

  onTimer(): void {
    if (this.#state === 'connecting') {
      this.#connectTimedOut = true
      this.socket.destroy()
    } else if (this.#state === 'closed') {
      this.socket.destroy()
    } else if (this.#receiver === null) {
      this.#close()
    }
  }

  // ——— what the parser says ———

  onHead(head: MessageHead): void {
    this.#answerBegun = true
    if (!head.interim) {
      this.#mayKeep = head.keepAlive && !this.#isLast
      this.#idleMs = Math.min(this.#surroundings.idleMs, keptForMs(head))
      if (this.#idleMs <= 0) this.#mayKeep = false
    }
    if (head.framing === FRAMING.tunnel && !head.interim) this.#state = 'tunnel'
    this.#receiver?.onAnswerHead(head)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#receiver?.onAnswerBody(buffer, start, end)
  }

  onTrailers(trailers: MessageHead): void {
    this.#receiver?.onAnswerTrailers(trailers)
  }

  onEnd(): void {
    if (this.#state !== 'tunnel') this.#answerWhole = true
  }

  onRefusal(refusal: Refusal): void {
    this.#refusal = refusal
    this.#close()
  }

  // ——— what the socket says ———

  #onConnect(): void {
    this.#surroundings.wheel.cancel(this.#timer)
    if (this.#state !== 'connecting') return
    this.#state = 'busy'
    this.#receiver?.onUpstreamReady(this)
    this.#surroundings.slab.flush()
  }

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
    if (this.#receiver?.isClientCongested) this.socket.pause()
  }

  #take(chunk: Buffer): void {
    if (this.#state === 'tunnel') {
      this.#receiver?.onTunnelBytes(chunk, 0, chunk.length)
    } else if (this.#state !== 'busy' || !this.#requestBegun) {
      // Nobody asked: whatever this is, it must never be taken for the answer to the next request.
      this.#close()
    } else {
      const consumed = this.#parser.execute(chunk, 0, chunk.length)
      // `execute` may have closed the connection or switched it to a tunnel.
      if (this.state === 'tunnel') {
        if (consumed < chunk.length) this.#receiver?.onTunnelBytes(chunk, consumed, chunk.length)
      } else if (this.#answerWhole) {
        if (consumed < chunk.length) this.#mayKeep = false
        this.#settle()
      }
    }
  }

  #onDrain(): void {
    this.#receiver?.onUpstreamDrain()
    this.#surroundings.slab.flush()
  }

  #onEnd(): void {
    if (this.#state === 'tunnel') {
      this.#receiver?.onTunnelEnd()
      this.#surroundings.slab.flush()
      return
    }
    if (this.#state === 'busy' && this.#requestBegun && !this.#answerWhole && this.#refusal === null) {
      // A body that ends with the connection is whole now; anything else has been cut.
      this.#parser.finish()
      this.#mayKeep = false
      if (this.#answerWhole) this.#settle()
    }
    this.#close()
    this.#surroundings.slab.flush()
  }

  #onClose(): void {
    this.#close()
    this.#surroundings.wheel.cancel(this.#timer)
    this.#keeper.onGone(this)
    this.#surroundings.slab.flush()
  }

  /** When the answer is whole: tells the receiver, and keeps or closes the connection. */
  #settle(): void {
    if (!this.#answerWhole || this.#state !== 'busy') return
    const receiver = this.#receiver
    const keep = this.#mayKeep && this.#requestWhole
    this.#receiver = null
    this.#answerWhole = false
    this.#requestBegun = false
    this.answersTotal++
    if (keep) {
      this.#state = 'idle'
      this.#becomeFree()
    } else {
      this.#close()
    }
    receiver?.onAnswerEnd()
  }

  #becomeFree(): void {
    if (this.socket.isPaused()) this.socket.resume()
    this.#surroundings.wheel.set(this.#timer, this.#idleMs)
    this.#keeper.onFree(this)
  }

  /** The one way to `closed`: tells the receiver, if it still waits, why nothing more will come. */
  #close(): void {
    if (this.#state === 'closed') return
    const was = this.#state
    this.#state = 'closed'
    this.#surroundings.wheel.cancel(this.#timer)
    const receiver = this.#receiver
    this.#receiver = null
    this.socket.destroy()
    if (receiver) receiver.onUpstreamFailure(this.#failure(was))
  }

  #failure(was: UpstreamState): UpstreamFailure {
    const reason = this.#cause?.code ?? this.#cause?.message
    const failure = { sent: this.#requestBegun, stale: false, exhausted: false, cause: this.#cause }
    if (this.#refusal) {
      return {
        ...failure,
        code: 'LB_ERR_UPSTREAM_INVALID',
        detail: `${this.#refusal.message} (${this.#refusal.code})`,
      }
    }
    if (was === 'connecting') {
      if (this.#connectTimedOut) {
        const detail = `No connection within ${this.#surroundings.connectMs} ms.`
        return { ...failure, sent: false, code: 'LB_ERR_UPSTREAM_CONNECT_TIMEOUT', detail }
      }
      const exhausted = reason !== undefined && EXHAUSTED.has(reason)
      return { ...failure, sent: false, exhausted, code: 'LB_ERR_UPSTREAM_CONNECT', detail: `${reason ?? 'closed'}.` }
    }
    const stale = this.answersTotal > 0 && !this.#answerBegun
    const when = this.#answerBegun ? 'In the middle of its answer' : 'Before it answered'
    return { ...failure, stale, code: 'LB_ERR_UPSTREAM_CLOSED', detail: `${when}${reason ? ` (${reason})` : ''}.` }
  }
}

/** Errors by which the system says that this machine has run out of something. */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])

/** How long the endpoint says that it keeps the connection, less a margin; Infinity if it doesn't say (RFC 2068, 19.7.1.1). */
function keptForMs(head: MessageHead): number {
  const index = head.find(HEADER.keepAlive)
  if (index === -1) return Infinity
  const seconds = /(?:^|,)\s*timeout\s*=\s*"?(\d{1,9})/i.exec(head.valueString(index))?.[1]
  return seconds === undefined ? Infinity : Number(seconds) * 1000 - KEEP_ALIVE_MARGIN_MS
}
