// A course of values as one line of text: each character is the mean of a part of the time.
const BARS = '▁▂▃▄▅▆▇█'

export interface SparklineOptions {
  /** Characters, at most. */
  readonly width: number
  /** What the height stands for, at least; a course with less up and down than this lies flatter. In the values' unit. */
  readonly leastRange: number
}

/** From the least of the means, at the bottom, to the largest; empty without values. */
export function sparkline(values: readonly number[], { width, leastRange }: SparklineOptions): string {
  const count = Math.min(width, values.length)
  const means = Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * values.length) / count)
    const part = values.slice(from, Math.floor(((index + 1) * values.length) / count))
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
  const least = Math.min(...means)
  const range = Math.max(leastRange, Math.max(...means) - least)
  return means
    .map(mean => {
      const level = range === 0 ? 0 : (mean - least) / range
      return BARS[Math.min(BARS.length - 1, Math.floor(level * BARS.length))] ?? ''
    })
    .join('')
}
