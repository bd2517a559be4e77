// Ratios of figures that were taken side by side: of each round for itself, so that what slows a whole round down isn't in them. And how far they can be believed.
import { number } from './report.ts'
import { median } from './statistics.ts'

/** Ratios of several rounds. The median of endlessly many rounds lies between `low` and `high` with 95 % confidence; of fewer than 6 rounds they're the extremes. */
export interface PairedRatio {
  readonly median: number
  readonly low: number
  readonly high: number
}

export type Verdict = 'met' | 'NOT MET' | 'unclear'

const TAIL = 0.025

/** @throws RangeError for lists that are empty or don't belong together */
export function pairedRatio(values: readonly number[], references: readonly number[]): PairedRatio {
  if (values.length !== references.length) {
    throw new RangeError(`${values.length} values and ${references.length} to compare them with`)
  }
  const ratios = values.map((value, round) => value / (references[round] as number)).toSorted((a, b) => a - b)
  const middle = median(ratios)
  const outside = Math.max(1, rankOfInterval(ratios.length))
  return { median: middle, low: ratios[outside - 1] ?? middle, high: ratios[ratios.length - outside] ?? middle }
}

/** What `low` and `high` of so many rounds are, for who reads them. */
export function intervalName(rounds: number): string {
  return rankOfInterval(rounds) === 0 ? 'least to most' : '95 % interval'
}

/** "0.93 (0.91-0.96)" */
export function renderRatio({ median, low, high }: PairedRatio, decimals = 2): string {
  return `${number(median, decimals)} (${number(low, decimals)}-${number(high, decimals)})`
}

/** Whether a ratio is what it should be; unclear when the goal lies within what can't be told apart. */
export function judge(
  { low, high }: PairedRatio,
  goal: { readonly atLeast: number } | { readonly atMost: number },
): Verdict {
  if ('atLeast' in goal) return low >= goal.atLeast ? 'met' : high < goal.atLeast ? 'NOT MET' : 'unclear'
  return high <= goal.atMost ? 'met' : low > goal.atMost ? 'NOT MET' : 'unclear'
}

/**
 * The sign test turned round: the k-th least and the k-th largest of n values hold the true median between them unless fewer than k values fell on one side of
 * it, whose probability is that of fewer than k heads in n tosses.
 */
function rankOfInterval(n: number): number {
  let probability = 0.5 ** n
  let cumulated = probability
  let rank = 0
  while (cumulated <= TAIL) {
    rank++
    probability *= (n - rank + 1) / rank
    cumulated += probability
  }
  return rank
}
