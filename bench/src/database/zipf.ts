// Keys as they're asked for in life: a few all the time, most of them seldom. Rank r is drawn with a probability in proportion to 1 / r (Zipf's law, exponent 1).

/** Ranks from 1 to `ranks`. They're drawn beforehand, so that the draw isn't part of what is measured. */
export function zipfRanks(ranks: number, count: number, random: { next(): number }): Uint32Array {
  const cumulated = new Float64Array(ranks)
  let sum = 0
  for (let rank = 1; rank <= ranks; rank++) cumulated[rank - 1] = sum += 1 / rank
  return Uint32Array.from({ length: count }, () => firstAtLeast(cumulated, random.next() * sum) + 1)
}

/** Index of the first value that's at least `wanted`; the last one when there's none. */
function firstAtLeast(ascending: Float64Array, wanted: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
