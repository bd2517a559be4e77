// Decides on one window of the live memory's past: is it flat, is it growing in the way a cache or a burst grows, or does it leak?
//
// A leak is growth that all of these hold for; each stands against one thing that isn't a leak:
//   1. certain     the slope's lower bound (99.9 %) is above zero: noise, also correlated noise
//   2. large       at that bound the window has grown by a tenth of the room there was, and by 1 MiB: whatever would take weeks to matter
//   3. lasting     the newer half rises by itself: a burst that left a plateau, a cache that is full
//   4. spread      each quarter lies above the one before, and no step between two makes up more than 60 % of the growth: one or two steps
//   5. unbending   the newer half's slope is over half of the older's, and the growth, were it to go on flattening as it has flattened from half to half,
//                  would still pass the limit: a cache that fills ever slower
//   6. near        at this slope the limit is less than the horizon away
// Growth that fulfils 1 and 2 alone is warming up.
import { medianOf, trendOf, type Series, type Trend } from './live-memory-slope.ts'

export type WindowKind = 'steady' | 'warming-up' | 'leak'

export interface WindowFinding {
  readonly kind: WindowKind
  readonly trend: Trend
  /** Length of the window. */
  readonly minutes: number
}

export interface RuleSettings {
  /** The share of the room below the limit, at the window's start, that must have been used up, 0-1. */
  readonly minGrowthShare: number
  readonly minGrowthMib: number
  /** Leaks that need longer than this to reach the limit aren't called leaks. */
  readonly horizonMinutes: number
}

/** Standard errors for 99.9 % (Student's distribution, 40-60 points). */
export const CERTAIN = 3.5
/** Standard errors for the newer half by itself: one-sided 99 %. */
const LASTING = 2.5
const LARGEST_STEP_SHARE = 0.6
const SMALLEST_SLOPE_RATIO = 0.5
/** Standard errors. */
const DOUBT = 1

/** Judges a window of at least 16 points below a limit in MiB. */
export function judgeWindow(series: Series, limitMib: number, settings: RuleSettings): WindowFinding {
  const count = series.times.length
  const minutes = (series.times[count - 1] as number) - (series.times[0] as number)
  const trend = trendOf(series, 0, count)
  const growthMib = trend.slope * minutes
  const roomMib = limitMib - trend.last
  const roomAtStartMib = Math.max(0, roomMib + growthMib)
  const leastGrowthMib = Math.max(settings.minGrowthMib, settings.minGrowthShare * roomAtStartMib)
  const lower = trend.slope - CERTAIN * trend.standardError
  const grows = lower > 0 && lower * minutes >= leastGrowthMib
  if (!grows) return { kind: 'steady', trend, minutes }
  const leaks =
    roomMib / trend.slope < settings.horizonMinutes && isSpread(series.values) && lastsToLimit(series, roomMib)
  return { kind: leaks ? 'leak' : 'warming-up', trend, minutes }
}

function isSpread(values: Float64Array): boolean {
  const quarter = values.length / 4
  const middles = [0, 1, 2, 3].map(index =>
    medianOf(values, Math.floor(index * quarter), Math.floor((index + 1) * quarter)),
  )
  const [first, second, third, fourth] = middles as [number, number, number, number]
  const steps = [second - first, third - second, fourth - third]
  const growth = fourth - first
  return steps.every(step => step > 0 && step < LARGEST_STEP_SHARE * growth)
}

function lastsToLimit(series: Series, roomMib: number): boolean {
  const count = series.times.length
  const half = count >> 1
  const older = trendOf(series, 0, half)
  const newer = trendOf(series, half, count)
  if (newer.slope <= LASTING * newer.standardError || newer.slope < SMALLEST_SLOPE_RATIO * older.slope) return false
  // Doubt counts for flattening: each slope is taken one standard error to the side that makes a leak look less like one.
  const ratio = (newer.slope - DOUBT * newer.standardError) / (older.slope + DOUBT * older.standardError)
  if (ratio >= 1 || older.slope <= 0) return true
  if (!(ratio > 0)) return false
  // Each half window from now on would add the share `ratio` of the one before: a geometric series.
  const halfMinutes = ((series.times[count - 1] as number) - (series.times[0] as number)) / 2
  return newer.slope * halfMinutes * (ratio / (1 - ratio)) >= roomMib
}
