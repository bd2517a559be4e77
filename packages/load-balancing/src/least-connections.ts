// Least connections: the candidate with the fewest requests in flight for its weight.
//
// * active/weight, not (active + 1)/weight: an idle candidate goes before a busy one whatever their weights, as in nginx. The other formula
//   sends a heavy one several requests while a light one idles, and answers none of them sooner.
// * Compared by multiplying out: a division costs more, and 1/3 and 2/6 have to be equal.
// * Ties, at low load nearly every pick, go by smooth turns, so that an idle fleet is used by weight instead of from the front of the list.
// * Above `scanLimit` candidates two at random are compared instead of all.
// @hot
import { mayTake, type Candidate } from './candidate.ts'
import { type RandomSource, UnlearningPicker } from './picker.ts'
import { compareActive, PowerOfTwoChoices } from './power-of-two-choices.ts'
import { SmoothTurns } from './smooth-turns.ts'
import type { Snapshot } from './snapshot.ts'

export class LeastConnections<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'least-connections'
  readonly #scanLimit: number
  readonly #turns = new SmoothTurns<C>()
  readonly #choices: PowerOfTwoChoices<C>

  constructor(random: RandomSource, scanLimit: number) {
    super()
    this.#scanLimit = scanLimit
    this.#choices = new PowerOfTwoChoices(random)
  }

  pick(snapshot: Snapshot<C>, tried: readonly C[]): C | null {
    const { candidates } = snapshot
    if (candidates.length > this.#scanLimit) return this.#choices.pick(snapshot, tried)
    let least: C | null = null
    let tied = false
    for (const candidate of candidates) {
      if (!mayTake(candidate, tried)) continue
      const difference = least === null ? -1 : compareActive(candidate, least)
      if (difference < 0) {
        least = candidate
        tied = false
      } else if (difference === 0) tied = true
    }
    if (least === null || !tied) return least
    return this.#turns.next(candidates, tried, least.activeRequests, least.weight)
  }

  /** Requests in flight per weight. */
  score(_snapshot: Snapshot<C>, candidate: C): number {
    return candidate.activeRequests / candidate.weight
  }
}
