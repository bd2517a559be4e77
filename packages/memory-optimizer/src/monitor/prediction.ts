// When each level is reached if the signals go on as they do now.
import type { PressureSignal } from './level-decision.ts'
import type { PressureThresholds } from './pressure-level.ts'
import type { TrendEstimate } from './signal-trend.ts'

/** Time until a ratio is reached, in milliseconds: 0 when it's reached already, Infinity when the signal doesn't rise. */
export interface TimeUntil {
  readonly inMs: number
  /** At the ends of the slope's 90 % interval. */
  readonly earliestMs: number
  readonly latestMs: number
}

/** What comes next, of the signal that reaches its limit first. */
export interface PressurePrediction {
  readonly signal: PressureSignal
  /** Points of the ratio (0-1) per minute; NaN while fewer than six are known. */
  readonly slopePerMinute: number
  /** Probability that the signal rises, 0-1. NaN while nothing is known; under 0.9 take the times for noise. */
  readonly confidence: number
  /** Points that it rests on, 0-32. */
  readonly points: number
  readonly warning: TimeUntil
  readonly critical: TimeUntil
  readonly emergency: TimeUntil
  readonly limit: TimeUntil
}

/** A prediction that's less sure than this isn't chosen over one that's surer, and isn't shown as a figure. */
export const SURE_ENOUGH = 0.9

/** Of several signals' predictions the one with the soonest end; those that are sure first, `preferred` where none ends. */
export function firstPrediction(
  trends: readonly (readonly [signal: PressureSignal, trend: TrendEstimate])[],
  thresholds: PressureThresholds,
  preferred: PressureSignal,
): PressurePrediction {
  const all = trends.map(([signal, trend]) => predict(signal, trend, thresholds))
  const order = (one: PressurePrediction): [number, number, number] => [
    one.confidence >= SURE_ENOUGH ? 0 : 1,
    one.limit.inMs,
    one.signal === preferred ? 0 : 1,
  ]
  const [first] = all.toSorted((one, other) => compare(order(one), order(other)))
  if (first === undefined) throw new RangeError('A prediction needs a signal.')
  return first
}

function predict(signal: PressureSignal, trend: TrendEstimate, thresholds: PressureThresholds): PressurePrediction {
  const until = (ratio: number): TimeUntil => ({
    inMs: timeTo(ratio, trend.value, trend.slope),
    earliestMs: timeTo(ratio, trend.value, trend.slopeHigh),
    latestMs: timeTo(ratio, trend.value, trend.slopeLow),
  })
  return {
    signal,
    slopePerMinute: trend.slope * 60_000,
    confidence: trend.confidence,
    points: trend.points,
    warning: until(thresholds.warning),
    critical: until(thresholds.critical),
    emergency: until(thresholds.emergency),
    limit: until(1),
  }
}

function timeTo(ratio: number, value: number, slope: number): number {
  if (value >= ratio) return 0
  return slope > 0 ? (ratio - value) / slope : Number.POSITIVE_INFINITY
}

/** Infinity minus Infinity is NaN, so no subtraction. */
function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, a] of one.entries()) {
    const b = other[index] ?? 0
    if (a < b) return -1
    if (a > b) return 1
  }
  return 0
}
