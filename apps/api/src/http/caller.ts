// Who a request's work is done for: when to stop, and where it was found. Routes hand it to their service as `request.caller`, services to the cache, and what has to
// be loaded is given its signal.
//
// One request may read several things from the cache: what's told of the answer is the worst of them, the furthest place and the shortest freshness.
import type { CallOptions, ServedFrom } from '@plimsoll/cache'
import type { Deadline } from './request-deadline.ts'

/**
 * Handed on as it is: the cache takes it for its own options, and asks for the signal only when something has to be loaded. Don't spread it, its parts aren't own
 * properties; where the cache needs more of a call, `{ tags, signal: caller.signal, onServed: (from, ms) => caller.onServed?.(from, ms) }`.
 */
export interface Caller extends CallOptions {
  /** Aborts when nobody waits for the answer any more, or its time is up. */
  readonly signal: AbortSignal
}

/** From the nearest to the furthest. */
const PLACES = ['memory', 'machine', 'far', 'loaded'] as const satisfies readonly ServedFrom[]

export class RequestCaller implements Caller {
  readonly #deadline: Deadline
  readonly #onWait: () => void
  #waits = false
  #place = -1
  #freshLeftMs = Number.POSITIVE_INFINITY

  /** @param onWait - told once, when something has to be waited for */
  constructor(deadline: Deadline, onWait: () => void) {
    this.#deadline = deadline
    this.#onWait = onWait
  }

  /** Made when it's first asked for: a hit needs none. */
  get signal(): AbortSignal {
    if (!this.#waits) {
      this.#waits = true
      this.#onWait()
    }
    return this.#deadline.signal
  }

  onServed(from: ServedFrom, freshLeftMs: number): void {
    const place = PLACES.indexOf(from)
    if (place > this.#place) this.#place = place
    if (freshLeftMs < this.#freshLeftMs) this.#freshLeftMs = freshLeftMs
  }

  /** Where what was read came from; undefined: nothing was read through the cache. */
  get servedFrom(): ServedFrom | undefined {
    return PLACES[this.#place]
  }

  /** How long all of it stays fresh, in ms: below 0 when some of it is past its time, 0 when some of it isn't kept; infinite when nothing was read through the cache. */
  get freshLeftMs(): number {
    return this.#freshLeftMs
  }
}
