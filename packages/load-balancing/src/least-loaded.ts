// Least loaded: two at random by what servers say they can do, the less busy of them for that.
//
//   capacity = requests/s / (utilization + errors/s / requests/s × error penalty)          what it would do at full utilization
//   share    = capacity / the fleet's median, 0.1 to 2                                      multiplies the weight
//
// The formula is ORCA's (gRPC A58, Envoy's client_side_weighted_round_robin). What's added, and why:
// * A report is up to seconds old, and all balancers have the same one: who picks the least utilized sends everything there until the next
//   report. So reports only become shares, and what's compared is this balancer's own count of requests in flight, of two at random.
// * Median instead of mean, and bounds: one absurd report can't take the others' traffic.
// * Reports count after `reportBlackoutMs` of steady reporting, and until they're `reportExpiryMs` old. Who has none counts as the median.
//   With fewer than two that have, it's least connections.
// @hot
import type { Candidate, PickState } from './candidate.ts'
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

export class LeastLoaded<C extends Candidate> implements Picker<C> {
  readonly strategy = 'least-loaded'
  readonly #clock: Clock
  readonly #options: PickerOptions
  readonly #withoutReports: LeastConnections<C>
  readonly #choices: TwoChoices<C>
  /** The list whose shares were computed, and until when they hold. */
  #candidates: readonly C[] = []
  #holdsUntilMs = Number.NEGATIVE_INFINITY
  #hasShares = false

  constructor(random: RandomSource, clock: Clock, withoutReports: LeastConnections<C>, options: PickerOptions) {
    this.#clock = clock
    this.#options = options
    this.#withoutReports = withoutReports
    this.#choices = new TwoChoices(new WeightedDraw<C>(random, shareOf, MOST_SHARE), compareLoad)
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    const nowMs = this.#clock.now()
    if (nowMs >= this.#holdsUntilMs || snapshot.candidates !== this.#candidates)
      this.#update(snapshot.candidates, nowMs)
    return this.#hasShares ? this.#choices.next(snapshot, tried) : this.#withoutReports.pick(snapshot, tried)
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
    this.#candidates = candidates
    this.#holdsUntilMs = nowMs + this.#options.reportUpdateMs
    const known = candidates.filter(({ pick }) => this.#counts(pick, nowMs)).map(({ pick }) => pick.capacity)
    this.#hasShares = known.length >= 2
    if (!this.#hasShares) return
    const middle = median(known)
    for (const { pick } of candidates) {
      const share = this.#counts(pick, nowMs) ? pick.capacity / middle : 1
      pick.share = Math.min(Math.max(share, LEAST_SHARE), MOST_SHARE)
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
