// Follows one kind of memory (the heap, or what lies outside of it) and says what its trend is: gathering → steady ⇄ warming-up ⇄ leak.
//
// Each level of the history is judged when it gets a new point, so that the work per point is that of two windows at most on average; a level's finding holds
// until its next one. A leak on any level is a leak; of several the one whose slope is known best is told.
import { normalBelow } from '../normal-distribution.ts'
import { LevelHistory, WINDOW_POINTS } from './level-history.ts'
import { CERTAIN, judgeWindow, type RuleSettings, type WindowFinding } from './leak-rule.ts'

/** What is known of one kind of memory. */
export interface TrackVerdict {
  /**
   * `gathering`: too few collections, or too short a time. `steady`: no growth that is certain and large enough. `warming-up`: growth that flattens, came in
   * steps, or is too slow to matter. `leak`: growth that lasts and will reach the limit.
   */
  readonly kind: 'gathering' | 'warming-up' | 'steady' | 'leak'
  /** Robust slope (Sen), in MiB per minute; NaN while gathering. */
  readonly slopeMibPerMinute: number
  /** Its bounds at 99.9 %. */
  readonly slopeIntervalMibPerMinute: readonly [lower: number, upper: number]
  /** Time until the limit at this slope; Infinity when it doesn't rise, NaN while gathering. */
  readonly timeToLimitMs: number
  /** The same for the slope's bounds. */
  readonly timeToLimitIntervalMs: readonly [soonest: number, latest: number]
  /** How sure it is that there is a rise at all, 0-1, one-sided. It isn't the probability of a leak. */
  readonly confidence: number
  /** Live memory now by the trend, accounts subtracted; NaN while gathering. */
  readonly liveBytes: number
  readonly limitBytes: number
  /** Major collections seen. */
  readonly collections: number
  /** The time that the slope is taken over. */
  readonly windowMs: number
}

export interface TrackSettings extends RuleSettings {
  readonly minPoints: number
  readonly minWindowMinutes: number
}

export interface TrackSample {
  readonly atMs: number
  /** Live bytes, all of them. */
  readonly bytes: number
  /** Of these, what registered accounts hold. */
  readonly accountedBytes: number
  /** NaN when it isn't known. */
  readonly load: number
  readonly limitBytes: number
}

const BYTES_PER_MIB = 1_048_576
const MS_PER_MINUTE = 60_000

export class LeakTrack {
  readonly #settings: TrackSettings
  readonly #history: LevelHistory
  readonly #findings: (WindowFinding | undefined)[] = []
  #collections = 0
  #accountedBytes = 0
  #limitBytes = Number.POSITIVE_INFINITY

  constructor(settings: TrackSettings) {
    this.#settings = settings
    // A full window of the finest level is then as long as the shortest that may be judged.
    this.#history = new LevelHistory(settings.minWindowMinutes / WINDOW_POINTS)
  }

  /** Takes what one major collection has left; samples come in the order of time. Gives whether there is something new to tell. */
  add(sample: TrackSample): boolean {
    this.#collections++
    this.#accountedBytes = sample.accountedBytes
    this.#limitBytes = sample.limitBytes
    const levels = this.#history.add({
      minutes: sample.atMs / MS_PER_MINUTE,
      mib: (sample.bytes - sample.accountedBytes) / BYTES_PER_MIB,
      load: sample.load,
    })
    for (let level = 0; level < levels; level++) this.#judge(level)
    return levels > 0
  }

  verdict(): TrackVerdict {
    const finding = this.#foremost()
    const common = { limitBytes: this.#limitBytes, collections: this.#collections }
    if (finding === undefined) {
      return {
        kind: 'gathering',
        slopeMibPerMinute: Number.NaN,
        slopeIntervalMibPerMinute: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
        timeToLimitMs: Number.NaN,
        timeToLimitIntervalMs: [0, Number.POSITIVE_INFINITY],
        confidence: 0,
        liveBytes: Number.NaN,
        windowMs: 0,
        ...common,
      }
    }
    const { slope, standardError, last } = finding.trend
    const lower = slope - CERTAIN * standardError
    const upper = slope + CERTAIN * standardError
    const roomMib = Math.max(0, this.#limitMib() - last)
    const timeToLimitMs = (rate: number): number =>
      rate > 0 ? (roomMib / rate) * MS_PER_MINUTE : Number.POSITIVE_INFINITY
    return {
      kind: finding.kind,
      slopeMibPerMinute: slope,
      slopeIntervalMibPerMinute: [lower, upper],
      timeToLimitMs: timeToLimitMs(slope),
      timeToLimitIntervalMs: [timeToLimitMs(upper), timeToLimitMs(lower)],
      confidence: standardError > 0 ? normalBelow(slope / standardError) : Number(slope > 0),
      liveBytes: last * BYTES_PER_MIB,
      windowMs: finding.minutes * MS_PER_MINUTE,
      ...common,
    }
  }

  /** What accounts hold counts against the limit as well. */
  #limitMib(): number {
    return (this.#limitBytes - this.#accountedBytes) / BYTES_PER_MIB
  }

  #judge(level: number): void {
    const series = this.#history.series(level)
    const count = series.times.length
    // A level above 0 that isn't full sees nothing that the level below doesn't see better.
    if (count < (level === 0 ? this.#settings.minPoints : WINDOW_POINTS)) return
    const minutes = (series.times[count - 1] as number) - (series.times[0] as number)
    if (minutes < this.#settings.minWindowMinutes * (1 - 1 / WINDOW_POINTS)) return
    this.#findings[level] = judgeWindow(series, this.#limitMib(), this.#settings)
  }

  /** The leak whose slope is known best; else the longest window that grows; else the longest. */
  #foremost(): WindowFinding | undefined {
    let foremost: WindowFinding | undefined
    for (const finding of this.#findings) {
      if (finding === undefined) continue
      if (foremost === undefined || rank(finding) > rank(foremost)) foremost = finding
      else if (rank(finding) === rank(foremost)) {
        if (finding.kind !== 'leak' || blurOf(finding) <= blurOf(foremost)) {
          foremost = finding
        }
      }
    }
    return foremost
  }
}

/** The slope's standard error, relative. */
function blurOf({ trend }: WindowFinding): number {
  return trend.standardError / trend.slope
}

function rank(finding: WindowFinding): number {
  return finding.kind === 'leak' ? 2 : finding.kind === 'warming-up' ? 1 : 0
}
