// A line that delivers what's put into it, in its order, some time later.
//
// Timers fire at milliseconds of the event loop's clock: one for 1 ms fires after 0 to 1. So what is due within half a millisecond goes along: a delivery is
// early or late by half a millisecond at most, and right in the mean.

export interface DelayTools {
  now(): number
  /** Calls back after so many milliseconds, at the next tick of the timers' clock. */
  later(callback: () => void, ms: number): void
}

const TIMER_STEP_MS = 1

export class DelayLine<Thing> {
  readonly #delayMs: number
  readonly #deliver: (thing: Thing) => void
  readonly #tools: DelayTools
  readonly #waiting: { readonly thing: Thing; readonly dueAtMs: number }[] = []
  #armed = false

  constructor(delayMs: number, deliver: (thing: Thing) => void, tools: DelayTools) {
    this.#delayMs = delayMs
    this.#deliver = deliver
    this.#tools = tools
  }

  put(thing: Thing): void {
    this.#waiting.push({ thing, dueAtMs: this.#tools.now() + this.#delayMs })
    this.#arm()
  }

  #arm(): void {
    const [first] = this.#waiting
    if (this.#armed || first === undefined) return
    this.#armed = true
    this.#tools.later(this.#tick, Math.max(TIMER_STEP_MS, Math.floor(first.dueAtMs - this.#tools.now())))
  }

  readonly #tick = (): void => {
    this.#armed = false
    const untilMs = this.#tools.now() + TIMER_STEP_MS / 2
    let count = 0
    while ((this.#waiting[count]?.dueAtMs ?? Infinity) <= untilMs) count++
    for (const { thing } of this.#waiting.splice(0, count)) this.#deliver(thing)
    this.#arm()
  }
}
