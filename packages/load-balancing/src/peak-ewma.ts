// Peak EWMA: the candidate with the lowest cost = expected latency × (requests in flight + 1) / weight.
//
// The form is Finagle's and Linkerd's; how the latency is expected, and what differs, stands in latency-estimate.ts. All candidates are
// compared up to `scanLimit`, two at random above it.
// @hot
import { mayTake, type Candidate } from './candidate.ts'
import { expectedMs, forgiveCommonPenalty, isMeasured, observeAnswer, observeFailure } from './latency-estimate.ts'
import type { PickerOptions } from './options.ts'
import type { Clock, LoadReport, Picker, RandomSource } from './picker.ts'
import type { Snapshot } from './snapshot.ts'
import { TurnCounter } from './turn-counter.ts'
import { TwoChoices } from './two-choices.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** Latency of all while nobody has answered yet: only that it's the same for all matters. */
const NOBODY_MEASURED_MS = 1

export class PeakEwma<C extends Candidate> implements Picker<C> {
  readonly strategy = 'peak-ewma'
  readonly #clock: Clock
  readonly #scanLimit: number
  readonly #decayMs: number
  readonly #choices: TwoChoices<C>
  readonly #turns = new TurnCounter()
  /** Time of the pick under way. */
  #nowMs = 0

  constructor(random: RandomSource, clock: Clock, options: PickerOptions) {
    this.#clock = clock
    this.#scanLimit = options.scanLimit
    this.#decayMs = options.latencyDecayMs
    const draw = new WeightedDraw<C>(random, candidate => candidate.weight, 1)
    this.#choices = new TwoChoices<C>(draw, (one, other) => this.#compare(one, other))
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    const { candidates } = snapshot
    this.#nowMs = this.#clock.now()
    const picked =
      candidates.length > this.#scanLimit ? this.#choices.next(snapshot, tried) : this.#scan(candidates, tried)
    if (picked !== null && picked.pick.penaltyMs > 0) forgiveCommonPenalty(candidates, this.#nowMs, this.#decayMs)
    return picked
  }

  /** Its cost in milliseconds. */
  score({ candidates }: Snapshot<C>, candidate: C): number {
    this.#nowMs = this.#clock.now()
    return this.#cost(candidate, this.#meanMs(candidates))
  }

  answered(candidate: C, latencyMs: number): void {
    observeAnswer(candidate.pick, latencyMs, this.#clock.now(), this.#decayMs)
  }

  failed(candidate: C, elapsedMs: number, retryAfterMs = 0): void {
    observeFailure(candidate.pick, elapsedMs, retryAfterMs, this.#clock.now(), this.#decayMs)
  }

  reported(_candidate: C, _report: LoadReport): void {}

  #scan(candidates: readonly C[], tried: readonly C[]): C | null {
    let best: C | null = null
    let bestCost = Infinity
    let meanMs = -1
    for (const candidate of candidates) {
      if (!mayTake(candidate, tried)) continue
      if (meanMs < 0 && !isMeasured(candidate.pick)) meanMs = this.#meanMs(candidates)
      const cost = this.#cost(candidate, meanMs)
      if (best === null || cost < bestCost || (cost === bestCost && this.#turns.isMoreOverdue(candidate, best))) {
        best = candidate
        bestCost = cost
      }
    }
    if (best !== null) this.#turns.take(best)
    return best
  }

  #cost(candidate: C, meanMs: number): number {
    const latencyMs = expectedMs(candidate.pick, this.#nowMs, this.#decayMs, meanMs)
    return (latencyMs * (candidate.activeRequests + 1)) / candidate.weight
  }

  /** An unmeasured one counts as fast as the one it's compared with. */
  #compare(one: C, other: C): number {
    const oneMs = this.#latencyOr(one, other)
    const otherMs = this.#latencyOr(other, one)
    return oneMs * (one.activeRequests + 1) * other.weight - otherMs * (other.activeRequests + 1) * one.weight
  }

  #latencyOr({ pick }: C, other: C): number {
    let unmeasuredMs = NOBODY_MEASURED_MS
    if (!isMeasured(pick) && isMeasured(other.pick))
      unmeasuredMs = expectedMs(other.pick, this.#nowMs, this.#decayMs, unmeasuredMs)
    return expectedMs(pick, this.#nowMs, this.#decayMs, unmeasuredMs)
  }

  /** Harmonic mean of the latencies, the mean of speeds: one candidate that's out of order doesn't move it. */
  #meanMs(candidates: readonly C[]): number {
    let speeds = 0
    let count = 0
    for (const { pick } of candidates) {
      if (!isMeasured(pick)) continue
      speeds += 1 / expectedMs(pick, this.#nowMs, this.#decayMs, NOBODY_MEASURED_MS)
      count++
    }
    return count === 0 ? NOBODY_MEASURED_MS : count / speeds
  }
}
