// Slopes that outliers can't bend and that know how sure they are: Sen's slope (the median of the slopes of all pairs) with a standard error.
//
// Two corrections make the error usable on the live heap:
// * Neighbouring samples resemble each other (what is in flight at one collection is partly there at the next). Taken as independent they'd prove trends that
//   aren't there, so the variance is multiplied by (1 + r) / (1 - r), r being the lag-one correlation of what remains beside the line.
// * The live heap follows the load. Where the load is given, its share is subtracted, and the error is widened by how much time and load can't be told apart:
//   by 1 / sqrt(1 - c²), c being their correlation. While both only rise, nothing is certain.
//
// Tried and dropped: least squares (t > 3.3 calls 5-9 % of correlated series without a trend rising, and one burst moves the line); bounds by the ranks of the
// slopes and the Mann-Kendall test, which know no scale: a leak that follows the traffic bends, its distances from the line are correlated though tiny, and with
// the first correction no rise was ever certain.

/** Points of a series, oldest first; the three arrays have the same length. Times ascend and differ. */
export interface Series {
  /** In minutes. */
  readonly times: Float64Array
  /** In MiB. */
  readonly values: Float64Array
  /** Any unit; NaN where it isn't known, and then it isn't used at all. */
  readonly loads: Float64Array
}

export interface Trend {
  /** Sen's slope, in MiB per minute. */
  readonly slope: number
  /** Standard error of the slope. */
  readonly standardError: number
  /** The line's value at the last point, in MiB. */
  readonly last: number
}

/** A normal distribution's standard deviation by its mean absolute one; the latter minds outliers less. */
const NORMAL_FROM_MEAN_DEVIATION = Math.sqrt(Math.PI / 2)
/** More correlation than this is a trend by itself. */
const HIGHEST_CORRELATION = 0.95

/** The trend of points `from` (included) to `to` (excluded), at least four. */
export function trendOf(series: Series, from: number, to: number): Trend {
  const count = to - from
  const times = series.times.subarray(from, to)
  const { values, widening } = withoutLoad(times, series.values.subarray(from, to), series.loads.subarray(from, to))
  const slopes = new Float64Array((count * (count - 1)) / 2)
  let pair = 0
  for (let later = 1; later < count; later++) {
    const time = times[later] as number
    const value = values[later] as number
    for (let earlier = 0; earlier < later; earlier++) {
      slopes[pair++] = (value - (values[earlier] as number)) / (time - (times[earlier] as number))
    }
  }
  const slope = middleOf(slopes)
  const residuals = values.map((value, index) => value - slope * (times[index] as number))
  const offset = middleOf(residuals.slice())
  const meanTime = meanOf(times)
  let deviations = 0
  let timeSquares = 0
  for (let index = 0; index < count; index++) {
    deviations += Math.abs((residuals[index] as number) - offset)
    timeSquares += ((times[index] as number) - meanTime) ** 2
  }
  const deviation = (NORMAL_FROM_MEAN_DEVIATION * deviations) / (count - 2)
  return {
    slope,
    standardError: deviation * Math.sqrt(varianceInflation(residuals) / timeSquares) * widening,
    last: offset + slope * (times[count - 1] as number),
  }
}

/** The median of points `from` to `to`. */
export function medianOf(values: Float64Array, from: number, to: number): number {
  return middleOf(values.slice(from, to))
}

/** The median; reorders the numbers. Selecting takes a fifth of the time of sorting them. */
function middleOf(numbers: Float64Array): number {
  const middle = numbers.length >> 1
  const upper = select(numbers, middle)
  if (numbers.length % 2 === 1) return upper
  // What lies before the selected rank isn't larger.
  let lower = Number.NEGATIVE_INFINITY
  for (let index = 0; index < middle; index++) lower = Math.max(lower, numbers[index] as number)
  return (lower + upper) / 2
}

/** Hoare's selection: afterwards the number of that rank is at its place, none before it is larger, and none after it smaller. */
function select(numbers: Float64Array, rank: number): number {
  let low = 0
  let high = numbers.length - 1
  while (low < high) {
    const pivot = numbers[rank] as number
    let left = low
    let right = high
    while (left <= right) {
      while ((numbers[left] as number) < pivot) left++
      while ((numbers[right] as number) > pivot) right--
      if (left > right) break
      const swapped = numbers[left] as number
      numbers[left++] = numbers[right] as number
      numbers[right--] = swapped
    }
    if (right < rank) low = left
    if (rank < left) high = right
  }
  return numbers[rank] as number
}

/** (1 + r) / (1 - r) for the lag-one correlation r of the residuals, freed of its bias in short series. */
function varianceInflation(residuals: Float64Array): number {
  const count = residuals.length
  let sum = 0
  for (const residual of residuals) sum += residual
  const mean = sum / count
  let squares = 0
  let products = 0
  for (let index = 0; index < count; index++) {
    const distance = (residuals[index] as number) - mean
    squares += distance * distance
    if (index > 0) products += distance * ((residuals[index - 1] as number) - mean)
  }
  if (squares === 0) return 1
  const measured = products / squares
  // Kendall's correction: with a fitted trend the estimate is too small by about (1 + 4 r) / n.
  const correlation = Math.min(HIGHEST_CORRELATION, Math.max(0, measured + (1 + 4 * measured) / count))
  return (1 + correlation) / (1 - correlation)
}

interface WithoutLoad {
  readonly values: Float64Array
  readonly widening: number
}

/** Subtracts the load's share, found by regressing on time and load together. A load that lowers the heap is chance, and stays. */
function withoutLoad(times: Float64Array, values: Float64Array, loads: Float64Array): WithoutLoad {
  const meanTime = meanOf(times)
  const meanValue = meanOf(values)
  const meanLoad = meanOf(loads)
  let timeTime = 0
  let timeLoad = 0
  let timeValue = 0
  let loadLoad = 0
  let loadValue = 0
  for (let index = 0; index < times.length; index++) {
    const time = (times[index] as number) - meanTime
    const load = (loads[index] as number) - meanLoad
    const value = (values[index] as number) - meanValue
    timeTime += time * time
    timeLoad += time * load
    timeValue += time * value
    loadLoad += load * load
    loadValue += load * value
  }
  // NaN where a load isn't known; zero where it never changes.
  if (!(loadLoad > 0)) return { values, widening: 1 }
  const unshared = 1 - (timeLoad * timeLoad) / (timeTime * loadLoad)
  if (unshared < 1e-6) return { values, widening: Number.POSITIVE_INFINITY }
  const perLoad = Math.max(0, (loadValue - (timeLoad * timeValue) / timeTime) / (loadLoad * unshared))
  const adjusted = values.map((value, index) => value - perLoad * ((loads[index] as number) - meanLoad))
  return { values: adjusted, widening: 1 / Math.sqrt(unshared) }
}

function meanOf(numbers: Float64Array): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum / numbers.length
}
