// Two different candidates at random by weight, and the better of them: nearly as even as looking at all, at a price that doesn't
// grow with the fleet, and without all balancers running to the same least busy one (Mitzenmacher, The power of two choices, 1996).
//
// * Different: drawn with repetition, one of two candidates would be compared with itself every other time, and the busier one of two
//   gets a quarter of the requests.
// * By weight: drawn evenly, a light candidate would be half of every other pair, and at low load, where all are idle, get as much as a
//   heavy one.
// * Ties go to the one that has waited longest for its weight. At low load nearly all are ties, and a coin would leave runs.
// @hot
import type { Candidate } from './candidate.ts'
import type { Snapshot } from './snapshot.ts'
import { TurnCounter } from './turn-counter.ts'
import type { WeightedDraw } from './weighted-draw.ts'

export class TwoChoices<C extends Candidate> {
  readonly #draw: WeightedDraw<C>
  readonly #compare: (one: C, other: C) => number
  readonly #turns = new TurnCounter()

  /** `compare` gives a number below 0 when the first is better, above 0 when the second is, 0 for a tie. */
  constructor(draw: WeightedDraw<C>, compare: (one: C, other: C) => number) {
    this.#draw = draw
    this.#compare = compare
  }

  next(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    const one = this.#draw.next(snapshot, tried, null)
    if (one === null) return null
    const other = this.#draw.next(snapshot, tried, one)
    const better = other === null ? one : this.#better(one, other)
    this.#turns.take(better)
    return better
  }

  #better(one: C, other: C): C {
    const difference = this.#compare(one, other)
    if (difference !== 0) return difference < 0 ? one : other
    return this.#turns.isMoreOverdue(other, one) ? other : one
  }
}
