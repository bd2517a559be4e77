// One candidate at random, in proportion to weights that may change at any time.
//
// A table of weights would have to be rebuilt with each change. Instead an index is drawn, all equally likely, and kept with a
// probability of weight / largest weight, else drawn again. What's kept is distributed exactly by weight as long as no weight is above the
// largest one known; one that's met corrects it at once. After a few misses (one heavy candidate among many light ones, or nearly all at
// their limit) one draw over the sum of weights decides, which has the same distribution, since misses don't depend on what's kept.
// @hot
import { mayTake, type Candidate } from './candidate.ts'
import type { RandomSource } from './picker.ts'
import type { Snapshot } from './snapshot.ts'

/** Up to so many candidates summing up costs no more than a draw or two. */
const SMALL = 4
/** About what summing up 64 candidates costs. */
const MAX_DRAWS = 16

export class WeightedDraw<C extends Candidate> {
  readonly #random: RandomSource
  readonly #weightOf: (candidate: C) => number
  readonly #largestFactor: number
  #candidates: readonly C[] = []
  #largest = 0

  /** `weightOf` gives at most `largestFactor` times the candidate's own weight. */
  constructor(random: RandomSource, weightOf: (candidate: C) => number, largestFactor: number) {
    this.#random = random
    this.#weightOf = weightOf
    this.#largestFactor = largestFactor
  }

  /** One that may take a request and isn't `other`, or null. */
  next(snapshot: Snapshot<C>, tried: readonly C[], other: C | null): C | null {
    const { candidates } = snapshot
    const count = candidates.length
    if (count <= SMALL) return this.#overSum(candidates, tried, other)
    if (candidates !== this.#candidates) {
      this.#candidates = candidates
      this.#largest = snapshot.maxWeight * this.#largestFactor
    }
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      // The whole part is the index; the fraction is as random as the number itself, and saves a second one.
      const drawn = this.#random.next() * count
      const index = Math.floor(drawn)
      const candidate = candidates[index]
      if (candidate === undefined || candidate === other || !mayTake(candidate, tried)) continue
      const weight = this.#weightOf(candidate)
      if (weight > this.#largest) this.#largest = weight
      if ((drawn - index) * this.#largest < weight) return candidate
    }
    return this.#overSum(candidates, tried, other)
  }

  #overSum(candidates: readonly C[], tried: readonly C[], other: C | null): C | null {
    let sum = 0
    let last: C | null = null
    for (const candidate of candidates) {
      if (candidate === other || !mayTake(candidate, tried)) continue
      sum += this.#weightOf(candidate)
      last = candidate
    }
    if (last === null) return null
    let left = this.#random.next() * sum
    for (const candidate of candidates) {
      if (candidate === other || !mayTake(candidate, tried)) continue
      left -= this.#weightOf(candidate)
      if (left < 0) return candidate
    }
    // Where rounding has left a crumb.
    return last
  }
}
