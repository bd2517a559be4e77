// Time for what may not cost a clock read: read once per millisecond. A turn of the event loop that blocks for long makes it late by as much.
//
// A timer, and not setImmediate: that cost more than it saved where a turn has few reads (1.66 × lru-cache's `get` with ten).

export class CoarseClock {
  readonly #clock: { now(): number }
  #nowMs = 0
  #isFresh = false
  readonly #expire = () => {
    this.#isFresh = false
  }

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  /** @hot */
  now(): number {
    if (this.#isFresh) return this.#nowMs
    this.#isFresh = true
    this.#nowMs = this.#clock.now()
    setTimeout(this.#expire, 1).unref()
    return this.#nowMs
  }
}
