// How sure a statistic makes one of its sign: the normal distribution, which JavaScript's Math lacks. Both trends, of signals and of live memory, say it so.

/** The standard normal distribution function, 0-1, to 1e-7 (Abramowitz and Stegun, 26.2.17). */
export function normalBelow(z: number): number {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(z))
  const series =
    t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))))
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
  return z >= 0 ? 1 - tail : tail
}
