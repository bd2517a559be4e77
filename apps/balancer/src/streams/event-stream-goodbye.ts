// Tells the client of a text/event-stream to leave: behind a whole event it's said when to come back, and the answer ends as it should.
//
//   passing ──leave()──► leaving ──first boundary──► over
//                                  retry: 1234
//
// An EventSource connects again by itself, after the time that was said last, with the id of the last event that it got (HTML Living
// Standard, 9.2.3). The time is drawn at random, so that those who leave together don't come back together. It stays with the client
// until the service says another one.
//
// Invariants
// * Until `leave` every byte passes at once, as it is. After it no event is torn, and nothing follows ours.
// * A piece costs one look at its last octets (event-stream-boundary.ts).
import { EventStreamBoundary } from './event-stream-boundary.ts'
import type { StreamExits, StreamGoodbye } from './stream-goodbye.ts'

/** Bounds of the time after which a client comes back. */
const MIN_RETRY_MS = 500
const MAX_RETRY_MS = 3000

type State = 'passing' | 'leaving' | 'over'

export class EventStreamGoodbye implements StreamGoodbye {
  readonly kind = 'event-stream'
  readonly #exits: StreamExits
  readonly #random: { next(): number }
  readonly #events = new EventStreamBoundary()
  #state: State = 'passing'

  /** `random.next()`: from 0 (included) to 1. */
  constructor(exits: StreamExits, random: { next(): number }) {
    this.#exits = exits
    this.#random = random
  }

  get isTold(): boolean {
    return this.#state === 'over'
  }

  /** A piece of the answer's body has come. */
  fromEndpoint(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'passing') {
      this.#events.feed(buffer, start, end)
      this.#exits.toClient(buffer, start, end)
    } else if (this.#state === 'leaving') {
      const to = this.#events.feedToBoundary(buffer, start, end)
      this.#exits.toClient(buffer, start, to)
      if (this.#events.isAtBoundary) this.#tell()
    }
  }

  leave(): void {
    if (this.#state !== 'passing') return
    this.#state = 'leaving'
    if (this.#events.isAtBoundary) this.#tell()
  }

  #tell(): void {
    this.#state = 'over'
    const retryMs = MIN_RETRY_MS + Math.floor(this.#random.next() * (MAX_RETRY_MS - MIN_RETRY_MS + 1))
    // An LF behind a CR belongs to it, and one that we have will not come any more: clients that look for CR LF CR LF see it whole.
    const rest = this.#events.isBehindCr ? '\n' : ''
    const bytes = Buffer.from(`${rest}retry: ${retryMs}\n\n`, 'latin1')
    this.#exits.toClient(bytes, 0, bytes.length)
    this.#exits.onStreamTold(this.kind)
    this.#exits.onStreamOver(this.kind)
  }
}
