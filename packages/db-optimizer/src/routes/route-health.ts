// Whether a route is to be used, from what is known of it.
//
//                 no connection could be opened and none lives, circuit opened, two failed probes in a row
//     available ───────────────────────────────────────────────────────────────────────────────────► away
//          ▲                                                                                           │
//          └──────── 3 good probes in a row, and away for 30 s at least ───────────────────────────────┘
//
// Invariant: what goes home has been seen to work, several times, and not just after a moment's quiet: a route that flaps stays away.

export type RouteState = 'available' | 'away'

/** Why a route isn't used; bounded, fit for a metric's label. */
export type AwayReason = 'unreachable' | 'circuit-open' | 'probes-failed'

export interface RouteHealthOptions {
  /** Good probes in a row before it's used again. */
  readonly goodProbes: number
  /** Shortest time away, in milliseconds. */
  readonly minAwayMs: number
}

export interface ProbeFigures {
  readonly ok: number
  readonly failed: number
  /** Of the last 100 probes, 0 to 1; null before the first. */
  readonly recentSuccessRatio: number | null
  readonly lastFailure: string | null
  readonly lastDurationMs: number | null
}

/** Probes in a row after which a route that seemed well is given up. */
const FAILED_PROBES = 2
const REMEMBERED_PROBES = 100

export class RouteHealth {
  readonly #options: RouteHealthOptions
  readonly #clock: { now(): number }
  readonly #recent: boolean[] = []
  #state: RouteState = 'available'
  #reason: AwayReason | undefined
  #sinceMs: number
  #goodInRow = 0
  #failedInRow = 0
  #ok = 0
  #failed = 0
  #lastFailure: string | null = null
  #lastDurationMs: number | null = null

  constructor(options: RouteHealthOptions, clock: { now(): number }) {
    this.#options = options
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  get state(): RouteState {
    return this.#state
  }

  get reason(): AwayReason | undefined {
    return this.#reason
  }

  /** Milliseconds in this state. */
  get forMs(): number {
    return this.#clock.now() - this.#sinceMs
  }

  /** Whether the next probe should come soon. */
  get inDoubt(): boolean {
    return this.#state === 'away' || this.#failedInRow > 0
  }

  get probes(): ProbeFigures {
    const good = this.#recent.filter(Boolean).length
    return {
      ok: this.#ok,
      failed: this.#failed,
      recentSuccessRatio: this.#recent.length === 0 ? null : good / this.#recent.length,
      lastFailure: this.#lastFailure,
      lastDurationMs: this.#lastDurationMs,
    }
  }

  /** It isn't to be used. True when that's new. */
  leave(reason: AwayReason): boolean {
    this.#goodInRow = 0
    if (this.#state === 'away') return false
    this.#state = 'away'
    this.#reason = reason
    this.#sinceMs = this.#clock.now()
    return true
  }

  /** A probe was answered. True when the state has changed by that. */
  probeSucceeded(durationMs: number): boolean {
    this.#ok += 1
    this.#lastDurationMs = durationMs
    this.#remember(true)
    this.#failedInRow = 0
    this.#goodInRow += 1
    const { goodProbes, minAwayMs } = this.#options
    if (this.#state === 'available' || this.#goodInRow < goodProbes || this.forMs < minAwayMs) return false
    this.#state = 'available'
    this.#reason = undefined
    this.#sinceMs = this.#clock.now()
    return true
  }

  /** A probe failed. True when the state has changed by that. */
  probeFailed(why: string): boolean {
    this.#failed += 1
    this.#lastFailure = why
    this.#remember(false)
    this.#goodInRow = 0
    this.#failedInRow += 1
    return this.#failedInRow >= FAILED_PROBES && this.leave('probes-failed')
  }

  #remember(good: boolean): void {
    this.#recent.push(good)
    if (this.#recent.length > REMEMBERED_PROBES) this.#recent.shift()
  }
}
