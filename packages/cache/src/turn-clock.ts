// Time for what may not cost a clock read: read once per turn of the event loop. A turn that blocks for long makes it late by as much.

export class TurnClock {
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
    setImmediate(this.#expire).unref()
    return this.#nowMs
  }
}
