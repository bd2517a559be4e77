// How late the event loop is, over the last seconds: a histogram of Node's, emptied once per window.
//
// The value is the worse of the current window and the one before, so that it doesn't jump to 0 at the change, and a stall is seen at once and
// forgotten after two windows. Windows change when somebody asks: nobody asks an idle server, whose window just grows.
//
// Node's histogram is of the time between two ticks of a timer, which includes the tick itself. That's subtracted.
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20
/** 100 ticks: the least that has a 99th percentile. */
const WINDOW_MS = 2000
const NANOSECONDS_PER_MS = 1e6

/** What's used of Node's histogram; in nanoseconds. */
export type DelayHistogram = Pick<
  ReturnType<typeof monitorEventLoopDelay>,
  'count' | 'percentile' | 'reset' | 'enable' | 'disable'
>

export class LoopDelay {
  readonly #histogram: DelayHistogram
  #windowStartMs: number
  #previousMs = Number.NaN

  /** The histogram ticks 50 times a second until `close()`; that keeps no process alive. */
  constructor(nowMs: number, histogram: DelayHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })) {
    this.#windowStartMs = nowMs
    this.#histogram = histogram
    histogram.enable()
  }

  /** Milliseconds; NaN before the first tick. */
  p99Ms(nowMs: number): number {
    const current = this.#current()
    const worse = Number.isNaN(current) || this.#previousMs > current ? this.#previousMs : current
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#previousMs = current
      this.#windowStartMs = nowMs
      this.#histogram.reset()
    }
    return worse
  }

  close(): void {
    this.#histogram.disable()
  }

  #current(): number {
    if (this.#histogram.count === 0) return Number.NaN
    return Math.max(0, this.#histogram.percentile(99) / NANOSECONDS_PER_MS - RESOLUTION_MS)
  }
}
