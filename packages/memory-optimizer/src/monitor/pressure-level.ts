// Levels, the thresholds between them, and the filter that turns a noisy ratio into one.
//
//     normal ──75 %──► warning ──85 %──► critical ──95 %──► emergency
//            ◄──72 %──         ◄──82 %──          ◄──92 %──
//
// A level is entered when 2 of the last 3 ratios are at or above its threshold, and left when 2 of the last 3 are below it by more than the margin. Two of three
// agree exactly when the median does, so the filter is a median of three followed by a Schmitt trigger: one outlier changes nothing, and noise narrower than the margin
// can't make it flap.
//
// A ratio that isn't known changes nothing, three times. Then it counts as gone (the limit was lifted, the files can't be read any more), and so does what it said.
import { MemoryError } from '../errors.ts'
import { numberOption } from '../number-option.ts'

/** From nothing to do to nothing left. */
export type PressureLevel = 'normal' | 'warning' | 'critical' | 'emergency'

/** Shares of the limit, 0-1, from which each level is entered; strictly ascending. */
export interface PressureThresholds {
  readonly warning: number
  readonly critical: number
  readonly emergency: number
}

/** The levels in order: a level's index is its rank, 0-3. */
export const PRESSURE_LEVELS = [
  'normal',
  'warning',
  'critical',
  'emergency',
] as const satisfies readonly PressureLevel[]

/** The default thresholds. */
export const PRESSURE_THRESHOLDS: PressureThresholds = Object.freeze({ warning: 0.75, critical: 0.85, emergency: 0.95 })

/** 0 for `normal` to 3 for `emergency`. */
export function pressureRank(level: PressureLevel): number {
  return PRESSURE_LEVELS.indexOf(level)
}

/** The level of a rank; ranks outside of 0-3 are the nearest one's. */
export function levelOfRank(rank: number): PressureLevel {
  return PRESSURE_LEVELS[Math.min(3, Math.max(0, rank))] ?? 'normal'
}

/** @throws MEMORY_ERR_OPTION when they aren't ascending, above 0 and at most 1, or closer to each other than the margin. */
export function checkThresholds(thresholds: PressureThresholds, leaveBelow: number): PressureThresholds {
  const { warning, critical, emergency } = thresholds
  numberOption('leaveBelow', leaveBelow, 0, 0.5)
  for (const [name, value] of Object.entries({ warning, critical, emergency })) {
    numberOption(`thresholds.${name}`, value, 0.01, 1)
  }
  if (!(warning < critical && critical < emergency)) {
    throw new MemoryError(
      'MEMORY_ERR_OPTION',
      `thresholds.warning ${warning}, .critical ${critical} and .emergency ${emergency} have to ascend.`,
    )
  }
  if (!(leaveBelow < warning)) {
    throw new MemoryError(
      'MEMORY_ERR_OPTION',
      `leaveBelow ${leaveBelow} has to be under thresholds.warning ${warning}: else no level is ever left.`,
    )
  }
  return Object.freeze({ warning, critical, emergency })
}

/** A signal is gone after so many samples without it. */
const GONE_AFTER = 3

/** The filter of one signal. */
export class LevelFilter {
  readonly #enterAt: readonly number[]
  readonly #leaveBelow: number
  #last: readonly [number, number] = [0, 0]
  #rank = 0
  /** Samples since one was known. */
  #missing = GONE_AFTER

  constructor(enterAt: readonly number[], leaveBelow: number) {
    this.#enterAt = enterAt
    this.#leaveBelow = leaveBelow
  }

  /** Whether one of the last three ratios was known. */
  get isKnown(): boolean {
    return this.#missing < GONE_AFTER
  }

  /** Takes the next ratio and gives the rank. NaN is "not known": nothing changes, until the third in a row takes all back. */
  next(ratio: number): number {
    if (Number.isNaN(ratio)) return this.#miss()
    this.#missing = 0
    const [before, beforeThat] = this.#last
    this.#last = [ratio, before]
    return this.#follow(median(ratio, before, beforeThat))
  }

  /** Takes a ratio that is certain: it counts at once, and for the samples before it too. */
  jump(ratio: number): number {
    this.#missing = 0
    this.#last = [ratio, ratio]
    return this.#follow(ratio)
  }

  #miss(): number {
    this.#missing++
    if (!this.isKnown) {
      this.#last = [0, 0]
      this.#rank = 0
    }
    return this.#rank
  }

  #follow(ratio: number): number {
    const entered = this.#rankAt(ratio, 0)
    const kept = this.#rankAt(ratio, this.#leaveBelow)
    this.#rank = Math.max(entered, Math.min(this.#rank, kept))
    return this.#rank
  }

  #rankAt(ratio: number, margin: number): number {
    let rank = 0
    while (rank < this.#enterAt.length && ratio >= (this.#enterAt[rank] ?? 0) - margin) rank++
    return rank
  }
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
