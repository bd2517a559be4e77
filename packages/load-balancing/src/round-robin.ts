// Round-robin: each candidate in turn, in the order of the list.
//
// A position alone would be wrong after every rebuild of the list. So each candidate remembers the number of its last pick, and on a new
// snapshot the walk begins at the one that has waited longest. With a list whose order is stable that's the successor of the last one picked,
// whoever joined or left; with any other list nobody is forgotten.
// @hot
import { mayTake, type Candidate } from './candidate.ts'
import { UnlearningPicker } from './picker.ts'
import type { Snapshot } from './snapshot.ts'
import { TurnCounter } from './turn-counter.ts'

export class RoundRobin<C extends Candidate> extends UnlearningPicker<C> {
  readonly strategy = 'round-robin'
  readonly #turns = new TurnCounter()
  /** The list that `#position` is an index of. */
  #candidates: readonly C[] = []
  #position = 0

  pick({ candidates }: Snapshot<C>, tried: readonly C[]): C | null {
    if (candidates !== this.#candidates) {
      this.#candidates = candidates
      this.#position = this.#start(candidates)
    }
    const count = candidates.length
    let position = this.#position
    for (let step = 0; step < count; step++) {
      const candidate = candidates[position] as C
      if (++position === count) position = 0
      if (!mayTake(candidate, tried)) continue
      // A retry takes nobody's turn: else each failure of one candidate would send the next request there again.
      if (tried.length > 0) return candidate
      this.#position = position
      this.#turns.take(candidate)
      return candidate
    }
    return null
  }

  /** Candidates that come before it. */
  score({ candidates }: Snapshot<C>, candidate: C): number {
    const start = candidates === this.#candidates ? this.#position : this.#start(candidates)
    return (candidates.indexOf(candidate) - start + candidates.length) % candidates.length
  }

  /** Index of the one that has waited longest, the first of several. */
  #start(candidates: readonly C[]): number {
    let start = 0
    let earliest = Infinity
    for (const [index, candidate] of candidates.entries()) {
      this.#turns.see(candidate)
      if (candidate.pick.turn < earliest) {
        earliest = candidate.pick.turn
        start = index
      }
    }
    return start
  }
}
