// Turns by weight, evenly spaced: a a b a c a a for the weights 5, 1, 1.
//
// Each candidate has a credit in units of weight. Every pick adds its weight to each credit, and the one that's picked pays the sum of all
// weights W. So a credit is what the candidate is owed, and the credits' sum stays 0:
//
//   credit = picks × weight − W × times picked
//
// nginx's smooth round-robin picks the largest credit. Nobody gets ahead by more than one pick that way, but some fall further behind: by 1.21 picks
// with the weights 154, 97, 51, 14, 6, 6 and five of 1. Tijdeman's rule (The chairman assignment problem, Discrete
// Mathematics 32, 1980) gives the same a a b a c a a, and keeps everybody within 1 − 1/(2n − 2) of the exact share after every pick,
// which is the best that's possible. Of those who are owed at least d = W/(2n − 2) after the addition, it picks the one that would fall
// behind by W − d soonest: the least (W − d − credit) / weight. It takes a second pass over the list.
//
// Lists and weights change between two picks (limits, retries, slow start), and then the sum of credits of those that may be picked isn't 0, or a
// credit dates from weights long gone. Then credits are cut to one turn, ±W, and what the sum has too much is taken from all by weight.
// @hot
import { mayTake, type Candidate } from './candidate.ts'

/** Sums that differ by less, relatively, are the same sum with other roundings. */
const ROUNDING = 1e-9

export class SmoothTurns<C extends Candidate> {
  /** Sum of the weights at the last pick. */
  #total = 0

  /**
   * The next in turn among those that may take a request, and whose requests per weight are at most `mostActive / perWeight`
   * (Infinity and 1: whatever they have); null when there's none.
   */
  next(candidates: readonly C[], tried: readonly C[], mostActive: number, perWeight: number): C | null {
    let count = 0
    let total = 0
    let credits = 0
    let next: C | null = null
    for (const candidate of candidates) {
      if (!takesPart(candidate, tried, mostActive, perWeight)) continue
      const credit = candidate.pick.credit + candidate.weight
      candidate.pick.credit = credit
      count++
      total += candidate.weight
      credits += credit
      next = candidate
    }
    if (next === null) return null
    if (count > 1) {
      if (!same(total, this.#total) || !same(credits, total)) {
        this.#total = total
        rebalance(candidates, tried, mostActive, perWeight, total)
      }
      next = soonestBehind(candidates, tried, mostActive, perWeight, total, total / (2 * count - 2)) ?? next
    }
    next.pick.credit -= total
    return next
  }
}

/** Picks after which the candidate would be behind, as the next pick compares them; Infinity while it isn't owed enough. Changes nothing. */
export function picksLeft<C extends Candidate>(candidates: readonly C[], candidate: C): number {
  const taking = candidates.filter(other => mayTake(other, []))
  const total = taking.reduce((sum, { weight }) => sum + weight, 0)
  const owed = total / Math.max(1, 2 * taking.length - 2)
  const credit = candidate.pick.credit + candidate.weight
  return credit < owed - total * ROUNDING ? Infinity : (total - owed - credit) / candidate.weight
}

/** Of those that are owed `owed` at least, the one that would be behind by `total - owed` the soonest. */
function soonestBehind<C extends Candidate>(
  candidates: readonly C[],
  tried: readonly C[],
  mostActive: number,
  perWeight: number,
  total: number,
  owed: number,
): C | null {
  // Credits sum up to the total, but for roundings, so the largest is at least total / count, and somebody is owed enough.
  const least = owed - total * ROUNDING
  const most = total - owed
  let soonest: C | null = null
  let soonestLeft = 0
  let soonestWeight = 0
  for (const candidate of candidates) {
    const { credit } = candidate.pick
    if (credit < least || !takesPart(candidate, tried, mostActive, perWeight)) continue
    const left = most - credit
    if (soonest !== null) {
      // left / weight of both, multiplied out. At the same time: who is owed more.
      const difference = left * soonestWeight - soonestLeft * candidate.weight
      if (difference > 0 || (difference === 0 && left >= soonestLeft)) continue
    }
    soonest = candidate
    soonestLeft = left
    soonestWeight = candidate.weight
  }
  return soonest
}

/** Cuts the credits to one turn, and takes from all by weight what their sum has more than `total`, or gives what it lacks. */
function rebalance<C extends Candidate>(
  candidates: readonly C[],
  tried: readonly C[],
  mostActive: number,
  perWeight: number,
  total: number,
): void {
  let credits = 0
  for (const candidate of candidates) {
    if (!takesPart(candidate, tried, mostActive, perWeight)) continue
    const { pick } = candidate
    if (pick.credit > total) pick.credit = total
    else if (pick.credit < -total) pick.credit = -total
    credits += pick.credit
  }
  if (same(credits, total)) return
  const perWeightUnit = (total - credits) / total
  for (const candidate of candidates) {
    if (takesPart(candidate, tried, mostActive, perWeight)) candidate.pick.credit += perWeightUnit * candidate.weight
  }
}

function takesPart<C extends Candidate>(
  candidate: C,
  tried: readonly C[],
  mostActive: number,
  perWeight: number,
): boolean {
  return mayTake(candidate, tried) && candidate.activeRequests * perWeight <= mostActive * candidate.weight
}

function same(one: number, other: number): boolean {
  return Math.abs(one - other) <= ROUNDING * other
}
