// Whether there should be one worker more or one fewer, by how busy their event loops are.
//
//              mean > upAbove for upAfterMs                      ┌─────┐
//   watching ─────────────────────────────────────────────────►  │ add │ ──┐
//      ▲                                                         └─────┘   │
//      │       mean < downBelow for downAfterMs, and the others  ┌────────┐│
//      │ ────────────────────────────────────────────────────►   │ remove ││
//      │       could carry the load of one fewer                 └────────┘│
//      └──────────────────────────── cooldownMs ───────────────────────────┘
//
// Up is quick and down is slow: a worker too few costs requests, one too many costs memory. The two thresholds lie apart, and nothing is taken
// away that would have to be added again: the same load on one worker fewer has to stay below 80 % of `upAbove`.
// While the fleet is busy with itself (a replacement, a worker that's starting, in a crash loop or not ready) its figures say nothing about its
// size: both spans begin again afterwards.
// `mayAdd` is a stranger's code in the supervisor's timer: when it throws, that's a no and a line in the log.
// A pure decision otherwise: the caller brings time and figures. Event-loop utilisation and not CPU: it's what a request waits for, and it counts
// the time that a worker would have used on a core it didn't get.
import { messageOf } from './errors.ts'
import type { Logger } from './options.ts'

/** How the number of workers follows the load; only with `workers: { min, max }`. */
export interface ScalingOptions {
  /** Mean utilisation above which a worker is added, 0 to 1. Default 0.75. */
  readonly upAbove: number
  /** For this long without a break. Default 10,000. */
  readonly upAfterMs: number
  /** Mean utilisation below which a worker is taken away, 0 to 1. Default 0.35. */
  readonly downBelow: number
  /** For this long without a break. Default 120,000. */
  readonly downAfterMs: number
  /** From the end of one change to the next one. Default 30,000. */
  readonly cooldownMs: number
  /** Asked before a worker is added: `false` when there's no room for one, for example by memory. When it throws, that counts as `false`. Default always. */
  readonly mayAdd: () => boolean
}

export type ScalingDecision = 'add' | 'remove' | 'keep'

/** What a decision is made from. */
export interface FleetLoad {
  /** How many workers there are and should be. */
  readonly workers: number
  /** Mean utilisation of the ready workers; null when it isn't known. */
  readonly utilization: number | null
  /** The fleet is busy with itself: nothing is concluded and nothing is changed. */
  readonly isBusy: boolean
}

/** The load after one is gone stays below this share of `upAbove`. */
const DOWN_MARGIN = 0.8

export class Scaling {
  readonly #options: ScalingOptions
  readonly #min: number
  readonly #max: number
  readonly #logger: Logger
  /** `mayAdd` threw the last time: said once, not every second. */
  #isMayAddBroken = false
  #aboveSinceMs: number | null = null
  #belowSinceMs: number | null = null
  #quietUntilMs = -Infinity

  constructor(options: ScalingOptions, min: number, max: number, logger: Logger) {
    this.#options = options
    this.#logger = logger
    this.#min = min
    this.#max = max
  }

  /** To be asked about once a second. */
  decide(nowMs: number, { workers, utilization, isBusy }: FleetLoad): ScalingDecision {
    const { upAbove, upAfterMs, downBelow, downAfterMs } = this.#options
    if (isBusy || utilization === null) {
      this.#aboveSinceMs = null
      this.#belowSinceMs = null
      return 'keep'
    }
    const isAbove = utilization > upAbove
    const isBelow = utilization < downBelow && (utilization * workers) / (workers - 1) < upAbove * DOWN_MARGIN
    this.#aboveSinceMs = isAbove ? (this.#aboveSinceMs ?? nowMs) : null
    this.#belowSinceMs = isBelow ? (this.#belowSinceMs ?? nowMs) : null
    if (nowMs < this.#quietUntilMs) return 'keep'
    if (this.#aboveSinceMs !== null && nowMs - this.#aboveSinceMs >= upAfterMs) {
      return workers < this.#max && this.#mayAdd() ? 'add' : 'keep'
    }
    if (this.#belowSinceMs !== null && nowMs - this.#belowSinceMs >= downAfterMs) {
      return workers > this.#min ? 'remove' : 'keep'
    }
    return 'keep'
  }

  /** A change has been carried out, or has failed: the next one isn't before the cooldown. */
  changed(nowMs: number): void {
    this.#aboveSinceMs = null
    this.#belowSinceMs = null
    this.#quietUntilMs = nowMs + this.#options.cooldownMs
  }

  #mayAdd(): boolean {
    try {
      const mayAdd = this.#options.mayAdd()
      this.#isMayAddBroken = false
      return mayAdd
    } catch (error) {
      if (!this.#isMayAddBroken) {
        this.#logger.error(
          { error: messageOf(error) },
          "Option 'scaling.mayAdd' threw, which counts as false: no worker is added until it answers again.",
        )
      }
      this.#isMayAddBroken = true
      return false
    }
  }
}

/** What one worker said last. */
export interface UtilizationSample {
  /** Of its event loop, 0 to 1. */
  readonly utilization: number
  readonly atMs: number
}

/** A worker that reported and has been silent for this long can't: its event loop stands still. */
const SILENT_AFTER_MS = 5000

/**
 * Mean utilisation of workers by their last reports. One that has never reported is left out, one that fell silent counts as fully busy; null when
 * none has ever reported.
 */
export function meanUtilization(samples: readonly (UtilizationSample | null)[], nowMs: number): number | null {
  const known = samples.filter(sample => sample !== null)
  if (known.length === 0) return null
  return known.reduce((total, sample) => total + currentUtilization(sample, nowMs), 0) / known.length
}

/** How busy a worker that has to report is by its last report: fully, once it has fallen silent. */
export function currentUtilization({ utilization, atMs }: UtilizationSample, nowMs: number): number {
  return isSilent(nowMs - atMs) ? 1 : utilization
}

/** Whether a worker whose last report is so old stands still. */
export function isSilent(reportAgeMs: number): boolean {
  return reportAgeMs > SILENT_AFTER_MS
}
