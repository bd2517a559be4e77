// Counts picks, so that it can be said how long a candidate has waited for its turn.
//
// Invariant: the count is never below the turn of a candidate that was seen. Several pickers may share candidates (two routes to one
// server, or a strategy that was changed): each goes on from what the others have written, and nobody looks overdue for having been
// picked by another count.
// @hot
import type { Candidate } from './candidate.ts'

export class TurnCounter {
  #count = 0

  /** Takes note of what other pickers have counted. */
  see(candidate: Candidate): void {
    if (candidate.pick.turn > this.#count) this.#count = candidate.pick.turn
  }

  /** Marks the candidate as the last one picked. */
  take(candidate: Candidate): void {
    this.see(candidate)
    candidate.pick.turn = ++this.#count
  }

  /** True when `one` has waited longer for what it should get: picks since its last one, times its weight. */
  isMoreOverdue(one: Candidate, other: Candidate): boolean {
    this.see(one)
    this.see(other)
    return (this.#count - one.pick.turn) * one.weight > (this.#count - other.pick.turn) * other.weight
  }
}
