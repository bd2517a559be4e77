// When a batch is sent: the rule that loaders and writers have in common.
//
//     fewer than `openBelow` in flight   at the end of this turn of the event loop: whatever came in the same turn goes along
//     otherwise                          when one returns, or when `maxSize` wait
//     `maxInFlight` in flight            only when one returns
//
// Gated by what's in flight rather than by the turn alone: under load the turns are short, and a rule by turns sends many small batches. Measured with 2 ms of
// added round trip and 8,000 loads/s: 7,109 statements unbatched, 2,678 by turns, 392 by this rule, at nearly the same median latency.

export interface BatchGateOptions {
  /** Largest batch. */
  readonly maxSize: number
  /** Below so many in flight nobody waits for longer than the turn. */
  readonly openBelow: number
  /** Never more than this in flight. */
  readonly maxInFlight: number
}

/** What the gate asks of its owner. */
export interface BatchSource {
  /** How much waits to be sent. */
  waiting(): number
  /** Takes a batch and begins to send it; false when there's nothing that may be sent now. The owner calls `ended` when it's over, never synchronously. */
  start(): boolean
  /** Calls back at the end of the turn: `setImmediate`. */
  schedule(callback: () => void): void
}

export class BatchGate {
  readonly #options: BatchGateOptions
  readonly #source: BatchSource
  #scheduled = false
  inFlight = 0

  constructor(options: BatchGateOptions, source: BatchSource) {
    this.#options = options
    this.#source = source
  }

  /** Something was added to what waits. */
  added(): void {
    if (this.#source.waiting() >= this.#options.maxSize) {
      this.#start()
    } else if (!this.#scheduled && this.inFlight < this.#options.openBelow) {
      this.#scheduled = true
      this.#source.schedule(this.#turnEnded)
    }
  }

  /** A batch has its answer, or failed. */
  ended(): void {
    this.inFlight -= 1
    if (this.#source.waiting() > 0) this.#start()
  }

  /** Sends what waits without waiting for more, as far as the gate lets it; the rest follows as batches return. */
  release(): void {
    while (this.#source.waiting() > 0 && this.#start());
  }

  readonly #turnEnded = (): void => {
    this.#scheduled = false
    if (this.#source.waiting() > 0) this.#start()
  }

  #start(): boolean {
    if (this.inFlight >= this.#options.maxInFlight) return false
    this.inFlight += 1
    if (this.#source.start()) return true
    this.inFlight -= 1
    return false
  }
}
