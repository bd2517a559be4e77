// Finds endpoints that have stopped answering, long before a time-out does.
//
// An endpoint is stalled when two or more requests wait for the first byte of an answer and nothing at all has been heard of it for
// max(`minSilenceMs`, `factor` × its 99th percentile). One request alone may be a slow one; two with a silence ten times as long as
// nearly all its answers take are a hang: a blocked event loop, a stopped process, a lost network. It's ejected like an outlier; the
// first byte that comes from it after all makes it half-open.
//
// Invariant: silence that's ours isn't held against anybody. When this process itself was late, what has arrived has not been read yet,
// and that round is left out.
import type { Endpoint } from '../upstream/endpoint.ts'

export interface StallOptions {
  /** 0: stalls aren't looked for. */
  readonly minSilenceMs: number
  readonly factor: number
}

const LEAST_WAITING = 2
/** One that may not be ejected, because too many are, is told of again after so long. */
const REPEAT_MS = 1000

export class StallDetector {
  #options: StallOptions
  readonly #eject: (endpoint: Endpoint, silentMs: number) => void
  #lastRoundMs = Number.NaN
  readonly #toldAtMs = new WeakMap<Endpoint, number>()

  constructor(options: StallOptions, eject: (endpoint: Endpoint, silentMs: number) => void) {
    this.#options = options
    this.#eject = eject
  }

  configure(options: StallOptions): void {
    this.#options = options
  }

  /** One round over all. `periodMs`: time from one round to the next; a round three times as late is left out. */
  look(endpoints: readonly Endpoint[], nowMs: number, periodMs: number): void {
    const { minSilenceMs, factor } = this.#options
    const late = nowMs - this.#lastRoundMs > 3 * periodMs
    this.#lastRoundMs = nowMs
    if (minSilenceMs === 0 || late) return
    for (const endpoint of endpoints) {
      if (endpoint.waitingRequests < LEAST_WAITING || endpoint.circuit.state !== 'closed') continue
      const silentMs = nowMs - endpoint.silentSinceMs
      if (silentMs < minSilenceMs) continue
      const p99Ms = endpoint.firstByte.p99Ms(nowMs)
      // Of one that has hardly answered yet nobody knows what's slow for it.
      if (!(silentMs >= factor * p99Ms) || nowMs - (this.#toldAtMs.get(endpoint) ?? -REPEAT_MS) < REPEAT_MS) continue
      this.#toldAtMs.set(endpoint, nowMs)
      this.#eject(endpoint, silentMs)
    }
  }
}
