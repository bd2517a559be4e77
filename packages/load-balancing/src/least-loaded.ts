// Least loaded: the one that's least busy for what servers say they can do; of all up to `scanLimit`, of two at random above.
//
//   capacity = requests/s / (utilization + errors/s / requests/s × error penalty)          what it would do at full utilization
//   share    = capacity / the fleet's median, 0.1 to 2                                      multiplies the weight
//
// The formula is ORCA's (gRPC A58, Envoy's client_side_weighted_round_robin). What's added, and why:
// * A report is up to seconds old, and all balancers have the same one: who picks the least utilized sends everything there until the next
//   report. So reports only become shares, and what's compared is this balancer's own count of requests in flight.
// * All are compared in a small fleet: of three servers two at random leave out the least busy one every third time (simulated, one slow and
//   one collecting worker of three at 65 % load: p99 51 ms against 60, and 62 for least connections).
// * Median instead of mean, and bounds: one absurd report can't take the others' traffic.
// * The owner may have lowered a weight by the same reports already (reportRatio): both together leave it a tenth at least.
// * Reports count after `reportBlackoutMs` of steady reporting, and until they're `reportExpiryMs` old. Who has none counts as the median.
//   With fewer than two that have, it's least connections.
// @hot
import { mayTake, type Candidate, type PickState } from './candidate.ts'
import type { LeastConnections } from './least-connections.ts'
import type { PickerOptions } from './options.ts'
import type { Clock, LoadReport, Picker, RandomSource } from './picker.ts'
import type { Snapshot } from './snapshot.ts'
import { TwoChoices } from './two-choices.ts'
import { WeightedDraw } from './weighted-draw.ts'

const LEAST_SHARE = 0.1
const MOST_SHARE = 2
/** Reports come with every answer, some ms apart; one alone is noise. */
const SMOOTHING_MS = 1000
/** Until one of the least busy is drawn; seldom more than two. */
const MOST_DRAWS = 4

export class LeastLoaded<C extends Candidate> implements Picker<C> {
  readonly strategy = 'least-loaded'
  readonly #clock: Clock
  readonly #options: PickerOptions
  readonly #withoutReports: LeastConnections<C>
  readonly #draw: WeightedDraw<C>
  readonly #choices: TwoChoices<C>
  /** The whole list whose shares were computed, and until when they hold. A part of it has the same shares. */
  #whole: readonly C[] = []
  #holdsUntilMs = Number.NEGATIVE_INFINITY
  #hasShares = false

  constructor(random: RandomSource, clock: Clock, withoutReports: LeastConnections<C>, options: PickerOptions) {
    this.#clock = clock
    this.#options = options
    this.#withoutReports = withoutReports
    this.#draw = new WeightedDraw<C>(random, shareOf, MOST_SHARE)
    this.#choices = new TwoChoices(this.#draw, compareLoad)
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    const nowMs = this.#clock.now()
    if (nowMs >= this.#holdsUntilMs || snapshot.whole !== this.#whole) this.#update(snapshot.whole, nowMs)
    if (!this.#hasShares) return this.#withoutReports.pick(snapshot, tried)
    return snapshot.candidates.length > this.#options.scanLimit
      ? this.#choices.next(snapshot, tried)
      : this.#scan(snapshot, tried)
  }

  /** The least busy of all. Of several that are, as in an idle fleet, one at random by their shares: turns would give all the same. */
  #scan(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    let least: C | null = null
    let tied = false
    for (const candidate of snapshot.candidates) {
      if (!mayTake(candidate, tried)) continue
      const difference = least === null ? -1 : compareLoad(candidate, least)
      if (difference < 0) {
        least = candidate
        tied = false
      } else if (difference === 0) tied = true
    }
    if (least === null || !tied) return least
    for (let draws = 0; draws < MOST_DRAWS; draws++) {
      const drawn = this.#draw.next(snapshot, tried, null)
      if (drawn !== null && compareLoad(drawn, least) === 0) return drawn
    }
    return least
  }

  /** Requests in flight per weight and share. */
  score(_snapshot: Snapshot<C>, candidate: C): number {
    return candidate.activeRequests / shareOf(candidate)
  }

  answered(_candidate: C, _latencyMs: number): void {}
  failed(_candidate: C, _elapsedMs: number, _retryAfterMs?: number): void {}

  reported({ pick }: C, { utilization, requestsPerSecond, errorsPerSecond }: LoadReport): void {
    if (!(utilization >= 0 && requestsPerSecond >= 0 && errorsPerSecond >= 0)) return
    const nowMs = this.#clock.now()
    if (nowMs - pick.reportedAtMs > this.#options.reportExpiryMs) {
      pick.reportingSinceMs = nowMs
      pick.capacity = Number.NaN
    }
    const ageMs = nowMs - pick.reportedAtMs
    pick.reportedAtMs = nowMs
    const errorRatio = requestsPerSecond === 0 ? 0 : errorsPerSecond / requestsPerSecond
    const capacity = requestsPerSecond / (utilization + errorRatio * this.#options.reportErrorPenalty)
    // An idle server can't tell what it could do: it's heard, and what was known of it stands.
    if (!(capacity > 0 && capacity < Infinity)) return
    pick.capacity = Number.isNaN(pick.capacity)
      ? capacity
      : pick.capacity + (capacity - pick.capacity) * (1 - Math.exp(-ageMs / SMOOTHING_MS))
  }

  /** At most once per `reportUpdateMs`, so it may allocate. */
  #update(candidates: readonly C[], nowMs: number): void {
    this.#whole = candidates
    this.#holdsUntilMs = nowMs + this.#options.reportUpdateMs
    const known = candidates.filter(({ pick }) => this.#counts(pick, nowMs)).map(({ pick }) => pick.capacity)
    this.#hasShares = known.length >= 2
    if (!this.#hasShares) return
    const middle = median(known)
    for (const { pick, reportRatio = 1 } of candidates) {
      const share = this.#counts(pick, nowMs) ? pick.capacity / middle : 1
      pick.share = Math.min(Math.max(share, LEAST_SHARE / reportRatio), MOST_SHARE)
    }
  }

  #counts(pick: PickState, nowMs: number): boolean {
    const { reportBlackoutMs, reportExpiryMs } = this.#options
    return (
      nowMs - pick.reportedAtMs <= reportExpiryMs &&
      nowMs - pick.reportingSinceMs >= reportBlackoutMs &&
      !Number.isNaN(pick.capacity)
    )
  }
}

function shareOf(candidate: Candidate): number {
  return candidate.weight * candidate.pick.share
}

function compareLoad(one: Candidate, other: Candidate): number {
  return one.activeRequests * shareOf(other) - other.activeRequests * shareOf(one)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] as number
  const lower = sorted[(sorted.length - 1) >> 1] as number
  return (lower + upper) / 2
}
