// Few figures from noisy rounds: the middle, the least and how far they lie apart.

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** (max - min) / median, a ratio: 0.1 means that the rounds lie within 10 % of each other. */
  readonly spread: number
}

/** @throws RangeError without values. */
export function summarize(values: readonly number[]): Summary {
  const middle = median(values)
  const min = Math.min(...values)
  const max = Math.max(...values)
  return { median: middle, min, max, spread: middle === 0 ? 0 : (max - min) / middle }
}

/** The middle value; of an even number the mean of the two in the middle. @throws RangeError without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('a median needs at least one value')
  return (lower + upper) / 2
}
