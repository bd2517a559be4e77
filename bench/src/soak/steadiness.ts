// Whether memory stays where it was: the time after the warm-up is cut into windows, and each window's median is compared with the first one's.
import { median } from '../statistics.ts'

export interface TimedValue {
  /** Of any clock. */
  readonly atMs: number
  readonly value: number
}

export interface SteadinessOptions {
  /** End of the warm-up. */
  readonly fromMs: number
  readonly toMs: number
  readonly windows: number
  /** How far a window's median may be from the first one's, as a ratio of it. */
  readonly tolerance: number
  /** Smaller differences than this are noise, in the values' unit. */
  readonly floor: number
}

export interface Steadiness {
  /** One per window; NaN for a window without values. */
  readonly medians: readonly number[]
  /** The largest difference from the first window, as a ratio of it, with its sign. */
  readonly drift: number
  /** unknown: there was a window without values. */
  readonly verdict: 'steady' | 'drifts' | 'unknown'
}

export function judgeSteadiness(values: readonly TimedValue[], options: SteadinessOptions): Steadiness {
  const { fromMs, toMs, windows, tolerance, floor } = options
  const lengthMs = (toMs - fromMs) / windows
  const medians = Array.from({ length: windows }, (_, index) => {
    const [beginMs, endMs] = [fromMs + index * lengthMs, fromMs + (index + 1) * lengthMs]
    const inside = values.filter(({ atMs }) => atMs >= beginMs && atMs < endMs)
    return inside.length === 0 ? Number.NaN : median(inside.map(({ value }) => value))
  })
  const first = medians[0] ?? Number.NaN
  const differences = medians.map(value => value - first)
  if (differences.some(Number.isNaN)) return { medians, drift: Number.NaN, verdict: 'unknown' }
  const largest = differences.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
  const isSteady = Math.abs(largest) <= Math.max(tolerance * first, floor)
  return { medians, drift: largest / first, verdict: isSteady ? 'steady' : 'drifts' }
}
