// What each try of a request teaches about its endpoint: counters, the picker's memory, the circuit, the stall detector.
//
//   picked ──► waiting (it has the request whole) ──► heard (first head) ──► verdict: well │ failed │ none
//
// Invariants
// * Each pick gets exactly one verdict. `none` is for a try that ended for reasons that aren't the endpoint's: its client left.
// * What's taken at the pick (a place among the active, a place for the probe) is given back with `release`, whatever became of it.
// * A status says failure at once; success is said when the answer is whole, since an answer that breaks off is none.
import type { OutlierDetector } from '../health/outlier-detector.ts'
import type { Clock } from '../transport/timer-wheel.ts'
import type { Endpoint } from './endpoint.ts'
import type { TryState } from './try-state.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** 501 and 505 say that a request can't be served by anybody; other 5xx that this endpoint failed. */
export function isFailure(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

export class TryReports {
  readonly #pool: UpstreamPool
  readonly #outliers: OutlierDetector
  readonly #clock: Clock

  constructor(pool: UpstreamPool, outliers: OutlierDetector, clock: Clock) {
    this.#pool = pool
    this.#outliers = outliers
    this.#clock = clock
  }

  /** The endpoint gets the request: the last pick of the pool, or a repeat of the same. */
  picked(attempt: TryState, endpoint: Endpoint, isProbe: boolean): void {
    endpoint.activeRequests++
    endpoint.requestsTotal++
    attempt.isProbe = isProbe
    attempt.awaitsVerdict = true
    attempt.pickedAtMs = this.#clock.now()
    attempt.firstByteAtMs = 0
  }

  /** The endpoint has the request whole: from now on its silence counts. */
  waits(attempt: TryState): void {
    if (attempt.isWaiting || attempt.endpoint === null) return
    attempt.isWaiting = true
    attempt.endpoint.beginWaiting(this.#clock.now())
  }

  /** The head of an answer has come, an interim one too. */
  heard(attempt: TryState, endpoint: Endpoint): void {
    endpoint.silentSinceMs = this.#clock.now()
    this.#endWaiting(attempt, endpoint)
    if (endpoint.circuit.state === 'open') this.#outliers.onHeard(endpoint)
  }

  /** Its final head has come. `retryAfterMs`: the pause that it asks for; 0 for none. */
  answered(attempt: TryState, endpoint: Endpoint, status: number, retryAfterMs: number): void {
    const ms = attempt.firstByteAtMs - attempt.sentAtMs
    endpoint.answersByClass[classOf(status)]++
    if (isFailure(status)) {
      this.#pool.picker.failed(endpoint, ms, retryAfterMs)
      this.#verdict(attempt, endpoint, `status ${status}`)
      return
    }
    endpoint.firstByte.record(ms, attempt.firstByteAtMs)
    endpoint.slowStart?.onAnswer(ms)
    // Too many requests: no ill health, but no speed to be drawn to either.
    if (status === 429) this.#pool.picker.failed(endpoint, ms, retryAfterMs)
    else this.#pool.picker.answered(endpoint, ms)
  }

  /** More of its answer has come. */
  moved(endpoint: Endpoint): void {
    if (endpoint.waitingRequests > 0) endpoint.silentSinceMs = this.#clock.now()
  }

  /** Its answer is whole, or has become a tunnel. */
  whole(attempt: TryState, endpoint: Endpoint): void {
    this.#verdict(attempt, endpoint, null)
  }

  /** It refused, broke off, answered what isn't HTTP, or took too long. */
  failed(attempt: TryState, endpoint: Endpoint, what: string): void {
    endpoint.failuresTotal++
    if (!attempt.awaitsVerdict) return
    this.#pool.picker.failed(endpoint, this.#clock.now() - attempt.pickedAtMs)
    this.#verdict(attempt, endpoint, what)
  }

  /** The try is over. */
  release(attempt: TryState, endpoint: Endpoint): void {
    endpoint.activeRequests--
    this.#endWaiting(attempt, endpoint)
    if (attempt.awaitsVerdict && attempt.isProbe) endpoint.circuit.probeGaveNoAnswer()
    attempt.awaitsVerdict = false
    attempt.isProbe = false
  }

  #endWaiting(attempt: TryState, endpoint: Endpoint): void {
    if (!attempt.isWaiting) return
    attempt.isWaiting = false
    endpoint.endWaiting()
  }

  #verdict(attempt: TryState, endpoint: Endpoint, failure: string | null): void {
    if (!attempt.awaitsVerdict) return
    attempt.awaitsVerdict = false
    if (attempt.isProbe) this.#outliers.onProbe(endpoint, failure)
    else this.#outliers.onOutcome(endpoint, failure, attempt.sentAtMs >= attempt.pickedAtMs)
  }
}

function classOf(status: number): 1 | 2 | 3 | 4 | 5 {
  return Math.min(5, Math.max(1, Math.floor(status / 100))) as 1 | 2 | 3 | 4 | 5
}
