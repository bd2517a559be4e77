// Bounds how much of the load may be retries: when everything fails, repeating everything multiplies the load on what is left.
//
// Invariant: retries within the last `WINDOW_S` seconds ≤ `ratio` × calls of the same time + `minPerSecond` × `WINDOW_S`, counted in whole seconds.
//
// An exact window, and not a bucket of tokens: a connection that dies fails all its calls at the same instant, and those are exactly what retries are for.
// A bucket small enough to stop a lasting storm is too small for that instant, and a large one saves up for ever.
//
//     second   s-9 s-8 ... s-1  s        one ring of 10 slots each for calls and retries, indexed by second mod 10
//     calls     12   9 ...  11  4        a slot is emptied when its second comes round again
// @hot

/** Seconds that are looked back on. */
const WINDOW_S = 10

export interface RetryBudgetOptions {
  /** Part of the calls that may be retries, 0 to 1. Default 0.1. 0: only the minimum. */
  readonly ratio?: number
  /** Retries per second that are allowed at any load, 0 and above: 10 % of few is nothing. Default 1. */
  readonly minPerSecond?: number
}

/** One per database, or per group of routes that share its load. */
export class RetryBudget {
  readonly #clock: { now(): number }
  readonly #ratio: number
  readonly #minimum: number
  readonly #calls = new Float64Array(WINDOW_S)
  readonly #retries = new Float64Array(WINDOW_S)
  #callsTotal = 0
  #retriesTotal = 0
  #second = 0
  /** Retries that were not made because of the budget, since the start. */
  refusedTotal = 0

  /** `clock.now()` in milliseconds; it may start anywhere and must not go back. */
  constructor(clock: { now(): number }, options: RetryBudgetOptions = {}) {
    this.#clock = clock
    this.#ratio = options.ratio ?? 0.1
    this.#minimum = (options.minPerSecond ?? 1) * WINDOW_S
    this.#second = this.#nowS()
  }

  /** A call begins; its retries aren't calls. */
  called(): void {
    const slot = this.#turnTo(this.#nowS())
    this.#calls[slot]! += 1
    this.#callsTotal += 1
  }

  /** Takes one retry; false when there's none left. */
  tryTake(): boolean {
    const slot = this.#turnTo(this.#nowS())
    if (this.#left() < 1) {
      this.refusedTotal += 1
      return false
    }
    this.#retries[slot]! += 1
    this.#retriesTotal += 1
    return true
  }

  /** Retries that would be allowed at this moment. */
  get left(): number {
    this.#turnTo(this.#nowS())
    return Math.max(0, Math.floor(this.#left()))
  }

  #left(): number {
    // Products like 0.1 × 30 come out just below a whole number.
    return this.#ratio * this.#callsTotal + this.#minimum - this.#retriesTotal + 1e-9
  }

  #nowS(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  /** Empties the slots of the seconds that have passed; gives the slot of this one. */
  #turnTo(second: number): number {
    const passed = Math.min(second - this.#second, WINDOW_S)
    for (let step = 1; step <= passed; step++) {
      const slot = (this.#second + step) % WINDOW_S
      this.#callsTotal -= this.#calls[slot]!
      this.#retriesTotal -= this.#retries[slot]!
      this.#calls[slot] = 0
      this.#retries[slot] = 0
    }
    if (second > this.#second) this.#second = second
    return this.#second % WINDOW_S
  }
}
