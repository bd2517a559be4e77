// Random: one by weight. It knows nothing, needs nothing, and many balancers that use it don't run in step.
import type { Candidate } from './candidate.ts'
import { type RandomSource, UnlearningPicker } from './picker.ts'
import type { Snapshot } from './snapshot.ts'
import { WeightedDraw } from './weighted-draw.ts'

export class Random<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'random'
  readonly #draw: WeightedDraw<C>

  constructor(random: RandomSource) {
    super()
    this.#draw = new WeightedDraw(random, candidate => candidate.weight, 1)
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    return this.#draw.next(snapshot, tried, null)
  }

  /** One by weight: 1 / weight. */
  score(_snapshot: Snapshot<C>, candidate: C): number {
    return 1 / candidate.weight
  }
}
