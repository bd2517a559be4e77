// Weighted round-robin: each in turn by weight, evenly spaced. With equal weights it's a plain round-robin.
import type { Candidate } from './candidate.ts'
import { UnlearningPicker } from './picker.ts'
import { picksLeft, SmoothTurns } from './smooth-turns.ts'
import type { Snapshot } from './snapshot.ts'

export class WeightedRoundRobin<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'weighted-round-robin'
  readonly #turns = new SmoothTurns<C>()

  pick({ candidates }: Snapshot<C>, tried: readonly C[]): C | null {
    return this.#turns.next(candidates, tried, Infinity, 1)
  }

  /** Picks that may pass until it has to be picked; Infinity while its turn isn't due. */
  score({ candidates }: Snapshot<C>, candidate: C): number {
    return picksLeft(candidates, candidate)
  }
}
