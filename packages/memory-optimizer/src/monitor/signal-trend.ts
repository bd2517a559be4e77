// How fast a signal moves, and how sure that is: Sen's slope with its interval, and the Mann-Kendall test, over a bounded number of points.
//
// Sen's slope is the median of the slopes between all pairs of points; up to 29 % of them may be wild without effect, where least squares follows each one. 32 points
// are 496 pairs, sorted when somebody asks and not at each sample. Both take the points for independent, and successive readings of memory aren't quite: read a
// confidence of 0.95 as "likely". What tells a leak from a swing is the leak detector; this only says when a limit is met if things go on as they do now.
import { normalBelow } from '../normal-distribution.ts'

/** NaN for the figures while there are fewer than six points. */
export interface TrendEstimate {
  /** Change per millisecond. */
  readonly slope: number
  /** Its 90 % interval. */
  readonly slopeLow: number
  readonly slopeHigh: number
  /** The value that the trend gives for the time asked for. */
  readonly value: number
  /** Probability that the signal rises, 0-1; 0.5: no direction. */
  readonly confidence: number
  readonly points: number
}

const CAPACITY = 32
const FEWEST = 6
/** Standard normal quantile of a two-sided 90 % interval. */
const Z_90 = 1.6449

export class SignalTrend {
  readonly #timesMs = new Float64Array(CAPACITY)
  readonly #values = new Float64Array(CAPACITY)
  readonly #slopes = new Float64Array((CAPACITY * (CAPACITY - 1)) / 2)
  readonly #spacingMs: number
  readonly #maxAgeMs: number
  #count = 0
  /** Where the next point goes. */
  #next = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** Keeps the last 32 points that are at least `spacingMs` apart, none older than `maxAgeMs`. */
  constructor(spacingMs: number, maxAgeMs: number) {
    this.#spacingMs = spacingMs
    this.#maxAgeMs = maxAgeMs
  }

  add(atMs: number, value: number): void {
    if (Number.isNaN(value) || atMs - this.#lastMs < this.#spacingMs) return
    this.#lastMs = atMs
    this.#timesMs[this.#next] = atMs
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % CAPACITY
    this.#count = Math.min(this.#count + 1, CAPACITY)
  }

  estimate(nowMs: number): TrendEstimate {
    this.#dropOld(nowMs)
    const points = this.#count
    if (points < FEWEST) {
      const none = Number.NaN
      return { slope: none, slopeLow: none, slopeHigh: none, value: none, confidence: none, points }
    }
    const slopes = this.#slopes.subarray(0, (points * (points - 1)) / 2)
    let at = 0
    let concordance = 0
    for (let later = 1; later < points; later++) {
      for (let earlier = 0; earlier < later; earlier++) {
        const rise = this.#value(later) - this.#value(earlier)
        concordance += Math.sign(rise)
        slopes[at++] = rise / (this.#timeMs(later) - this.#timeMs(earlier))
      }
    }
    slopes.sort()
    const slope = quantile(slopes, slopes.length / 2)
    const deviation = Math.sqrt((points * (points - 1) * (2 * points + 5)) / 18)
    const halfWidth = (Z_90 * deviation) / 2
    const levels = Float64Array.from({ length: points }, (_, index) => this.#value(index) - slope * this.#timeMs(index))
    return {
      slope,
      slopeLow: quantile(slopes, slopes.length / 2 - halfWidth),
      slopeHigh: quantile(slopes, slopes.length / 2 + halfWidth),
      value: quantile(levels.toSorted(), points / 2) + slope * nowMs,
      // Continuity-corrected, as in Mann and Kendall.
      confidence: normalBelow((concordance - Math.sign(concordance)) / deviation),
      points,
    }
  }

  #dropOld(nowMs: number): void {
    while (this.#count > 0 && nowMs - this.#timeMs(0) > this.#maxAgeMs) this.#count--
  }

  /** Of the point `index`, the oldest being 0. */
  #timeMs(index: number): number {
    return this.#timesMs[this.#slot(index)] ?? Number.NaN
  }

  #value(index: number): number {
    return this.#values[this.#slot(index)] ?? Number.NaN
  }

  #slot(index: number): number {
    return (this.#next - this.#count + index + CAPACITY) % CAPACITY
  }
}

/** The value at a place of a sorted array, places counted as borders: n / 2 is the median. */
function quantile(sorted: Float64Array, place: number): number {
  const last = sorted.length - 1
  const position = Math.min(Math.max(place - 0.5, 0), last)
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}
