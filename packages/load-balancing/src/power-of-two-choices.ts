// Power of two choices: two at random by weight, the one with fewer requests in flight for its weight.
import type { Candidate } from './candidate.ts'
import { type RandomSource, UnlearningPicker } from './picker.ts'
import type { Snapshot } from './snapshot.ts'
import { TwoChoices } from './two-choices.ts'
import { WeightedDraw } from './weighted-draw.ts'

export class PowerOfTwoChoices<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'power-of-two-choices'
  readonly #choices: TwoChoices<C>

  constructor(random: RandomSource) {
    super()
    this.#choices = new TwoChoices(new WeightedDraw<C>(random, candidate => candidate.weight, 1), compareActive)
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    return this.#choices.next(snapshot, tried)
  }

  /** Requests in flight per weight. */
  score(_snapshot: Snapshot<C>, candidate: C): number {
    return candidate.activeRequests / candidate.weight
  }
}

/** Below 0 when the first has fewer requests in flight for its weight: active/weight of both, multiplied out. */
export function compareActive(one: Candidate, other: Candidate): number {
  return one.activeRequests * other.weight - other.activeRequests * one.weight
}
