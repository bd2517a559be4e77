// Which executions are worth a line in the log, and what the line says: the normalised text, waiting and running apart, and never a value.
//
// Bounded three ways: only what's at least as slow as the threshold, only a sample of that, and no more than so many lines a second; what was left out is counted in
// the next line.
import { describeParameters, type ParameterDescription } from './describe-parameters.ts'
import type { PlanSource } from './plan-on-demand.ts'

export interface SlowQueryLogOptions {
  /** Waiting and running together, in milliseconds, from which on an execution is slow. 0: all are. */
  readonly thresholdMs: number
  /** Part of the slow ones to log, 0 to 1. Default 1. */
  readonly sampleRatio?: number
  /** Most lines per second. Default 10. */
  readonly maxPerSecond?: number
}

export interface SlowQueryTools {
  readonly clock: { now(): number }
  /** `next()` in [0, 1). */
  readonly random: { next(): number }
  /** Takes a line: a logger's `warn`. */
  readonly write: (entry: SlowQuery) => void
  /** Fetches plans, where they're wanted. */
  readonly plans?: PlanSource
}

/** One execution, as it was seen. */
export interface ObservedExecution {
  /** As sent; not logged. */
  readonly text: string
  readonly normalized: string
  readonly name?: string | undefined
  readonly waitMs: number
  readonly executionMs: number
  readonly rows: number | null
  /** SQLSTATE or a DB_ERR_ code of a failure. */
  readonly errorCode?: string | undefined
  readonly parameters?: readonly unknown[] | undefined
}

export interface SlowQuery {
  readonly name: string | undefined
  readonly text: string
  readonly waitMs: number
  readonly executionMs: number
  readonly rows: number | null
  readonly errorCode: string | undefined
  readonly parameters: readonly ParameterDescription[]
  /** Slow ones that weren't logged since the last line. */
  readonly leftOut: number
  /** The plan without values (GENERIC_PLAN); undefined where there's none, or none was wanted. */
  readonly plan: unknown
}

export class SlowQueryLog {
  readonly #options: Required<SlowQueryLogOptions>
  readonly #tools: SlowQueryTools
  #second = Number.NEGATIVE_INFINITY
  #written = 0
  #leftOut = 0

  constructor(options: SlowQueryLogOptions, tools: SlowQueryTools) {
    this.#options = { sampleRatio: 1, maxPerSecond: 10, ...options }
    this.#tools = tools
  }

  /** Whether `observe` would do anything: lets the caller leave out what it takes to describe the execution. @hot */
  isSlow(waitMs: number, executionMs: number): boolean {
    return waitMs + executionMs >= this.#options.thresholdMs
  }

  /** Logs a slow execution, unless it's left out; the line comes later where a plan is fetched for it. Never throws. */
  observe(execution: ObservedExecution): void {
    if (!this.isSlow(execution.waitMs, execution.executionMs)) return
    if (!this.#admits()) {
      this.#leftOut += 1
      return
    }
    const leftOut = this.#leftOut
    this.#leftOut = 0
    const { name, normalized, waitMs, executionMs, rows, errorCode, parameters = [] } = execution
    const entry = { name, text: normalized, waitMs, executionMs, rows, errorCode, leftOut }
    const line = { ...entry, parameters: describeParameters(parameters) }
    const planning = this.#tools.plans?.request(execution.text, normalized)
    if (planning === undefined) return this.#tools.write({ ...line, plan: undefined })
    void planning.then(plan => this.#tools.write({ ...line, plan }))
  }

  #admits(): boolean {
    const { sampleRatio, maxPerSecond } = this.#options
    if (sampleRatio < 1 && this.#tools.random.next() >= sampleRatio) return false
    const second = Math.floor(this.#tools.clock.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#written = 0
    }
    if (this.#written >= maxPerSecond) return false
    this.#written += 1
    return true
  }
}
