// Rates over the last second without a timer: totals are marked whenever a report is made, and a rate is the difference to an earlier mark.
//
//   marks    |      |      |      |      now        the oldest mark within the window is what now is compared with
//            ^ windowMs ago or later
//   marks    |                           now        none within the window (an idle server): the newest there is
//
// So a busy server's rates are of the last second, an idle server's of the time since its last report: they fall to 0 instead of staying what
// they were. And the first requests after a long silence are measured over what has passed since, not over the silence.

/** Everything that only grows. */
export interface Totals {
  readonly atMs: number
  readonly activeMs: number
  readonly idleMs: number
  readonly ended: number
  readonly failed: number
  readonly gcPauseMs: number
}

export class RecentTotals {
  readonly #windowMs: number
  /** Oldest first; never empty. At most one per report within the window, and one before. */
  readonly #marks: Totals[]

  constructor(windowMs: number, first: Totals) {
    this.#windowMs = windowMs
    this.#marks = [first]
  }

  /** What was added since the mark that `now` is to be compared with, `atMs` being the time since then. Marks `now`. */
  advance(now: Totals): Totals {
    while (this.#marks.length > 1 && now.atMs - (this.#marks[0] as Totals).atMs > this.#windowMs) this.#marks.shift()
    const then = this.#marks[0] as Totals
    this.#marks.push(now)
    return {
      atMs: now.atMs - then.atMs,
      activeMs: now.activeMs - then.activeMs,
      idleMs: now.idleMs - then.idleMs,
      ended: now.ended - then.ended,
      failed: now.failed - then.failed,
      gcPauseMs: now.gcPauseMs - then.gcPauseMs,
    }
  }
}
