// Tells both sides of a WebSocket to leave: each gets a close frame 1001 at the end of a frame, and its answer is waited for.
//
//   client ◄──frames── ◄── 1001 │ dropped ◄── endpoint
//   client ──► dropped │ 1001 ──►  ──frames──► endpoint
//
//   each direction   passing ──leave()──► waiting ──a frame has ended──► due ──close frame──► told
//   the whole        over when both sides have sent their close frames, after one was told
//
// Invariants
// * Until `leave`, and in a direction that isn't told yet, every byte passes at once, as it is.
// * Our close frame stands between two frames, and is the last that this side gets (RFC 6455, 5.5.1): what the other side still sends
//   is read and dropped, up to its own close frame.
// * No direction gets two close frames. When a side has sent one before anybody was told, the two are closing by themselves: they're
//   left to it.
// * A direction whose frames can't be followed (websocket-boundary.ts) is never told; the other one still is.
//
// Who drives this bounds the time: from `onStreamTold` on for the answers, and by the drain's end for a frame that never ends.
import { WebSocketBoundary } from './websocket-boundary.ts'
import { GOING_AWAY, closeFrame, maskedCloseFrame } from './websocket-close.ts'
import type { StreamExits, StreamGoodbye } from './stream-goodbye.ts'

const REASON = 'draining'
const TO_CLIENT = closeFrame(GOING_AWAY, REASON)

export class WebSocketGoodbye implements StreamGoodbye {
  readonly kind = 'websocket'
  readonly #exits: StreamExits
  readonly #random: { next(): number }
  readonly #toClient = new Direction()
  readonly #toEndpoint = new Direction()
  #isLeaving = false
  #isOver = false

  /** `random.next()`: from 0 (included) to 1. */
  constructor(exits: StreamExits, random: { next(): number }) {
    this.#exits = exits
    this.#random = random
  }

  get isTold(): boolean {
    return this.#toClient.state === 'told'
  }

  /** Bytes have come from the endpoint. */
  fromEndpoint(buffer: Buffer, start: number, end: number): void {
    const to = this.#toClient.take(buffer, start, end)
    if (to > start) this.#exits.toClient(buffer, start, to)
    if (this.#isLeaving) this.#proceed()
  }

  /** Bytes have come from the client. */
  fromClient(buffer: Buffer, start: number, end: number): void {
    const to = this.#toEndpoint.take(buffer, start, end)
    if (to > start) this.#exits.toEndpoint(buffer, start, to)
    if (this.#isLeaving) this.#proceed()
  }

  leave(): void {
    if (this.#isLeaving || this.#isClosing()) return
    this.#isLeaving = true
    this.#toClient.leave()
    this.#toEndpoint.leave()
    this.#proceed()
  }

  #proceed(): void {
    if (this.#isOver) return
    if (!this.#toClient.isSettled && !this.#toEndpoint.isSettled && this.#isClosing()) {
      this.#isLeaving = false
      this.#toClient.stay()
      this.#toEndpoint.stay()
      return
    }
    if (this.#toEndpoint.state === 'due') {
      this.#toEndpoint.state = 'told'
      const frame = maskedCloseFrame(GOING_AWAY, REASON, Math.floor(this.#random.next() * 2 ** 32))
      this.#exits.toEndpoint(frame, 0, frame.length)
    }
    if (this.#toClient.state === 'due') {
      this.#toClient.state = 'told'
      this.#exits.toClient(TO_CLIENT, 0, TO_CLIENT.length)
      this.#exits.onStreamTold(this.kind)
    }
    if (!this.#toClient.frames.isClosed || !this.#toEndpoint.frames.isClosed) return
    this.#isOver = true
    this.#exits.onStreamOver(this.kind)
  }

  /** Whether a side has sent its close frame. */
  #isClosing(): boolean {
    return this.#toClient.frames.isClosed || this.#toEndpoint.frames.isClosed
  }
}

type DirectionState = 'passing' | 'waiting' | 'due' | 'told'

/** One direction: what still passes, and when its close frame is due. */
class Direction {
  readonly frames = new WebSocketBoundary()
  state: DirectionState = 'passing'

  /** Whether its side gets our close frame, and has been kept from what came behind it. */
  get isSettled(): boolean {
    return this.state === 'due' || this.state === 'told'
  }

  /** Returns up to where the bytes pass; the rest is dropped. */
  take(buffer: Buffer, start: number, end: number): number {
    const { frames } = this
    if (this.state === 'waiting') {
      const to = frames.feedToBoundary(buffer, start, end)
      if (!frames.isAtBoundary) return end
      this.state = 'due'
      frames.feed(buffer, to, end)
      return to
    }
    frames.feed(buffer, start, end)
    return this.state === 'passing' ? end : start
  }

  leave(): void {
    this.state = this.frames.isAtBoundary ? 'due' : 'waiting'
  }

  /** The stream goes on as if nobody had said anything. */
  stay(): void {
    this.state = 'passing'
  }
}
