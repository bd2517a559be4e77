// Asks a route in the background whether it works: no request waits behind it, and no request's connection is used for it.
//
//     one probe at a time; the next one 60 s ± 10 % after the last, 5 s while the route is in doubt; at once when something looks wrong, which is still never
//     sooner than 5 s after the last
import type { RetryTimers } from '../retry/pause.ts'

export interface ProberOptions {
  readonly intervalMs: number
  /** While the route is in doubt, and the shortest time between two probes. */
  readonly doubtIntervalMs: number
}

export interface ProberTools {
  readonly timers: RetryTimers
  readonly random: { next(): number }
  /** Asks once; gives what's wrong, or null. Has a deadline of its own and never rejects. */
  readonly ask: () => Promise<string | null>
  /** Told of each answer; says whether the route is in doubt. */
  readonly answered: (problem: string | null, durationMs: number) => boolean
}

const JITTER = 0.1

export class Prober {
  readonly #options: ProberOptions
  readonly #tools: ProberTools
  #timer: unknown
  #dueAtMs = Infinity
  #lastMs = Number.NEGATIVE_INFINITY
  #asking = false
  #stopped = false

  constructor(options: ProberOptions, tools: ProberTools) {
    this.#options = options
    this.#tools = tools
  }

  /** The first probe comes after an interval: opening the pool has just said the same. */
  start(): void {
    this.#arm(this.#jittered(this.#options.intervalMs))
  }

  /** Something looks wrong: find out. */
  soon(): void {
    this.#within(Math.max(0, this.#lastMs + this.#options.doubtIntervalMs - this.#tools.timers.now()))
  }

  /** Something is wrong: look whether it has passed, but not at once. */
  later(): void {
    this.#within(this.#options.doubtIntervalMs)
  }

  #within(delayMs: number): void {
    if (!this.#asking && this.#tools.timers.now() + delayMs < this.#dueAtMs) this.#arm(delayMs)
  }

  stop(): void {
    this.#stopped = true
    this.#tools.timers.clearTimeout(this.#timer)
  }

  #arm(delayMs: number): void {
    if (this.#stopped) return
    const { timers } = this.#tools
    timers.clearTimeout(this.#timer)
    this.#dueAtMs = timers.now() + delayMs
    this.#timer = timers.setTimeout(() => void this.#probe(), delayMs)
  }

  async #probe(): Promise<void> {
    const { timers, ask, answered } = this.#tools
    this.#asking = true
    this.#dueAtMs = Infinity
    this.#lastMs = timers.now()
    const problem = await ask()
    this.#asking = false
    if (this.#stopped) return
    const inDoubt = answered(problem, timers.now() - this.#lastMs)
    this.#arm(this.#jittered(inDoubt ? this.#options.doubtIntervalMs : this.#options.intervalMs))
  }

  #jittered(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.#tools.random.next())
  }
}
