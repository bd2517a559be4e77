// Looks at all endpoints every `PERIOD_MS`: finds stalled ones, ends ejections whose time is over, raises those in slow start, follows reports.
import { TimerEntry, type Clock, type TimerOwner, type TimerWheel } from '../transport/timer-wheel.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import type { OutlierDetector } from './outlier-detector.ts'
import type { StallDetector } from './stall-detector.ts'

const PERIOD_MS = 50
/** Shares grow in steps of this: often enough for a smooth rise, seldom enough to rebuild the snapshot. */
const STEP_MS = 250

/** Changes shares by what endpoints report. */
export interface ShareStep {
  /** True when the pool has to be rebuilt. */
  step(): boolean
}

export class EndpointWatch implements TimerOwner {
  readonly #pool: UpstreamPool
  readonly #outliers: OutlierDetector
  readonly #stalls: StallDetector
  readonly #shares: ShareStep
  readonly #wheel: TimerWheel
  readonly #clock: Clock
  readonly #timer = new TimerEntry(this)
  #steppedAtMs = 0

  constructor(
    pool: UpstreamPool,
    outliers: OutlierDetector,
    stalls: StallDetector,
    shares: ShareStep,
    wheel: TimerWheel,
    clock: Clock,
  ) {
    this.#pool = pool
    this.#outliers = outliers
    this.#stalls = stalls
    this.#shares = shares
    this.#wheel = wheel
    this.#clock = clock
  }

  start(): void {
    this.#wheel.set(this.#timer, PERIOD_MS)
  }

  stop(): void {
    this.#wheel.cancel(this.#timer)
  }

  onTimer(): void {
    this.#wheel.set(this.#timer, PERIOD_MS)
    const nowMs = this.#clock.now()
    this.#stalls.look(this.#pool.endpoints, nowMs, PERIOD_MS)
    this.#outliers.tick()
    if (nowMs - this.#steppedAtMs < STEP_MS) return
    this.#steppedAtMs = nowMs
    this.#raise(nowMs)
  }

  #raise(nowMs: number): void {
    let changed = this.#shares.step()
    for (const endpoint of this.#pool.endpoints) {
      if (endpoint.slowStart === null) continue
      changed = true
      // Alone it has to take everything, cold or not.
      if (!this.#pool.candidates.some(other => other !== endpoint)) {
        endpoint.setStartRatio(1)
        continue
      }
      let sum = 0
      let count = 0
      for (const other of this.#pool.candidates) {
        if (other.slowStart !== null || Number.isNaN(other.firstByte.meanMs)) continue
        sum += other.firstByte.meanMs
        count++
      }
      endpoint.setStartRatio(endpoint.slowStart.ratio(nowMs, count === 0 ? Number.NaN : sum / count))
    }
    if (changed) this.#pool.rebuild()
  }
}
