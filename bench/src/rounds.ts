// The order of measurements. A machine gets slower and faster over minutes, so candidates take turns instead of being measured one after the
// other; and who comes first changes from round to round, so that nobody always follows the same neighbour's heat.

export interface Turn<T> {
  /** Counted from 1. */
  readonly round: number
  readonly candidate: T
}

/** Every candidate once per round, each round begun by the next one: a b c, b c a, c a b. */
export function interleave<T>(candidates: readonly T[], rounds: number): Turn<T>[] {
  return Array.from({ length: rounds }, (_, i) => {
    const first = candidates.length === 0 ? 0 : i % candidates.length
    const order = [...candidates.slice(first), ...candidates.slice(0, first)]
    return order.map(candidate => ({ round: i + 1, candidate }))
  }).flat()
}
