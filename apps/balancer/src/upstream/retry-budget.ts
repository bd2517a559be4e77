// Bounds how much of the load may be retries: when everything fails, repeating everything doubles the load on what is left.
//
// Invariant: retries of the last `WINDOW_MS` ≤ max(`minPerSecond` × the window in seconds, `ratio` × requests of the same time).
//
// Counted over time and not by what's under way: a process that dies fails all its requests at the same instant, and those are exactly what
// retries are for; a fault that lasts is what a budget is for.
import type { Clock } from '../transport/timer-wheel.ts'
import { OutcomeWindow } from './outcome-window.ts'

export interface RetryBudgetOptions {
  /** Part of the requests that may be retries, 0 and above. */
  readonly ratio: number
  /** So many per second are always allowed: at low load a part of few is nothing. */
  readonly minPerSecond: number
}

const WINDOW_MS = 10_000

export class RetryBudget {
  readonly #clock: Clock
  /** Requests are what went well, retries what failed. */
  readonly #counts = new OutcomeWindow(WINDOW_MS)
  #options: RetryBudgetOptions
  /** Retries that were not made because of the budget. */
  exhaustedTotal = 0

  constructor(options: RetryBudgetOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  configure(options: RetryBudgetOptions): void {
    this.#options = options
  }

  /** A request begins. @hot */
  requested(nowMs: number): void {
    this.#counts.add(true, nowMs)
  }

  /** Takes one retry; false when there's none left. */
  tryTake(): boolean {
    const nowMs = this.#clock.now()
    if (this.#left(nowMs) < 1) {
      this.exhaustedTotal++
      return false
    }
    this.#counts.add(false, nowMs)
    return true
  }

  /** Retries that would be allowed at this moment. */
  get left(): number {
    return Math.max(0, Math.floor(this.#left(this.#clock.now())))
  }

  #left(nowMs: number): number {
    const { ratio, minPerSecond } = this.#options
    const allowed = Math.max((minPerSecond * WINDOW_MS) / 1000, ratio * this.#counts.okCount(nowMs))
    return allowed - this.#counts.failedCount(nowMs)
  }
}
