// The past of one kind of memory at ten resolutions, in bounded space: the last 64 points, the last 64 pairs, the last 64 fours, ...
//
//   level 0   ····································· one point per spacing (or per major collection, where these are rarer)
//   level 1   ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ ∙ each the lower of two of level 0
//   level 9   •       •       •       •       •     each the lowest of 512
//
// A fast leak shows in the short windows minutes after its start, whatever the days before were like; a slow one in the long windows. One long window finds a
// leak that starts late only when half of it is leak.
//
// Merging keeps the lower point whole, with its time: what is in flight only ever adds to what is retained, so the low water mark is the better measure, and
// sawtooths shorter than a merged point vanish.
import type { Series } from './live-memory-slope.ts'

/** Points of a window. 64 give 2016 pairs: a trend costs about a tenth of a millisecond. */
export const WINDOW_POINTS = 64
/** 64 x 512 points: three and a half days at the default spacing. */
const LEVELS = 10

export interface HistoryPoint {
  readonly minutes: number
  readonly mib: number
  /** NaN when it isn't known. */
  readonly load: number
}

interface Level {
  /** Oldest first, at most 64. */
  readonly points: HistoryPoint[]
  /** The first of a pair that waits for its second. */
  waiting: HistoryPoint | undefined
}

export class LevelHistory {
  readonly #levels: readonly Level[] = Array.from({ length: LEVELS }, () => ({ points: [], waiting: undefined }))
  readonly #spacingMinutes: number
  #open: { readonly startMinutes: number; lowest: HistoryPoint } | undefined

  /** Points closer than `spacingMinutes` become one. */
  constructor(spacingMinutes: number) {
    this.#spacingMinutes = spacingMinutes
  }

  /** Adds a point, not older than the last; gives how many levels, from 0 up, got a new point by it. */
  add(point: HistoryPoint): number {
    const open = this.#open
    if (open !== undefined && point.minutes - open.startMinutes < this.#spacingMinutes) {
      if (point.mib < open.lowest.mib) open.lowest = point
      return 0
    }
    this.#open = { startMinutes: point.minutes, lowest: point }
    return open === undefined ? 0 : this.#store(open.lowest)
  }

  /** The window of a level. */
  series(level: number): Series {
    const points = this.#levels[level]?.points ?? []
    const times = new Float64Array(points.length)
    const values = new Float64Array(points.length)
    const loads = new Float64Array(points.length)
    for (const [index, point] of points.entries()) {
      times[index] = point.minutes
      values[index] = point.mib
      loads[index] = point.load
    }
    return { times, values, loads }
  }

  #store(point: HistoryPoint): number {
    let rising = point
    for (const [index, level] of this.#levels.entries()) {
      level.points.push(rising)
      if (level.points.length > WINDOW_POINTS) level.points.shift()
      const first = level.waiting
      if (first === undefined) {
        level.waiting = rising
        return index + 1
      }
      level.waiting = undefined
      rising = rising.mib < first.mib ? rising : first
    }
    return LEVELS
  }
}
