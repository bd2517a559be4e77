// Which requests a worker still takes that's short of memory. The pressure responder sets it; the load-shedding plugin asks it.
import type { AdmittedPriority } from '@plimsoll/memory-optimizer'

const RANKS: Readonly<Record<AdmittedPriority, number>> = { low: 0, normal: 1, high: 2, critical: 3 }

export class Admission {
  #least = RANKS.low

  /** Whether anything is refused at all. */
  get isLimited(): boolean {
    return this.#least > RANKS.low
  }

  /** From now on nothing below `lowest` is taken. */
  admitFrom(lowest: AdmittedPriority): void {
    this.#least = RANKS[lowest]
  }

  /** @param priority as a trusted peer says it; what isn't a priority counts as normal */
  admits(priority: string | undefined): boolean {
    return (Object.hasOwn(RANKS, priority ?? '') ? RANKS[priority as AdmittedPriority] : RANKS.normal) >= this.#least
  }
}
