// The steps of all responses in the order in which they're applied, each with its state.
//
//     idle ──► applying ──► applied ──► reverting ──► idle
//               ▲ │ ▲                       │ ▲
//               │ ▼ │ after retryMs         ▼ │ after retryMs
//               │ failed ──► reverting     stuck
//               └──── when the level rises ────┘
//
// `failed` and `stuck` count as applied: nobody knows how far they got, so they're reverted as well.
//
// Within one response the step that was done last says what holds. So a failed step isn't tried again while a later one of the response is in force, and no step is
// undone while a later one is stuck: when that one came to be tried again, it would bring back a share that's long outdated, for good.
import { pressureRank } from '../monitor/pressure-level.ts'
import type { ResponseSettings, ResponseLevel } from './response.ts'

/** @see the drawing above. */
export type StepStatus = 'idle' | 'applying' | 'applied' | 'failed' | 'reverting' | 'stuck'

export interface QueuedStep {
  readonly response: ResponseSettings
  readonly index: number
  readonly level: ResponseLevel
  readonly rank: number
  readonly share: number
  /** What holds when it's reverted. */
  readonly shareBefore: number
  status: StepStatus
  /** When it was last applied, or that failed. */
  appliedAtMs: number
  failedAtMs: number
  tookMs: number
  failures: number
  lastError: Error | undefined
  /** NaN: not known. */
  freedBytes: number
  freedBy: 'reported' | 'measured' | 'unknown'
}

export class StepQueue {
  #steps: QueuedStep[] = []

  get steps(): readonly QueuedStep[] {
    return this.#steps
  }

  has(name: string): boolean {
    return this.#steps.some(step => step.response.name === name)
  }

  add(response: ResponseSettings): void {
    for (const [index, { level, share }] of response.steps.entries()) {
      this.#steps.push({
        response,
        index,
        level,
        rank: pressureRank(level),
        share,
        shareBefore: response.steps[index - 1]?.share ?? 1,
        status: 'idle',
        appliedAtMs: Number.NaN,
        failedAtMs: Number.NaN,
        tookMs: Number.NaN,
        failures: 0,
        lastError: undefined,
        freedBytes: Number.NaN,
        freedBy: 'unknown',
      })
    }
    // Stable: steps of one response, and responses of one order, keep their sequence.
    this.#steps.sort((one, other) => one.rank - other.rank || one.response.order - other.response.order)
  }

  remove(response: ResponseSettings): void {
    this.#steps = this.#steps.filter(step => step.response !== response)
  }

  /** The first step that the level calls for and that isn't done. */
  nextToApply(rank: number, nowMs: number): QueuedStep | undefined {
    return this.#steps.find(step => {
      if (step.rank > rank) return false
      // A revert that failed is moot when the level calls for the step again; how far it got isn't known, so the step is applied anew.
      if (step.status === 'idle' || step.status === 'stuck') return true
      return step.status === 'failed' && isDue(step, nowMs) && !this.#isOvertaken(step)
    })
  }

  /** The last step that's done and that the level no longer calls for, once it was held for long enough. */
  nextToRevert(rank: number, nowMs: number): QueuedStep | undefined {
    const stuck = new Set<ResponseSettings>()
    for (const step of this.#steps.toReversed()) {
      if (step.rank <= rank) return undefined
      if (stuck.has(step.response)) continue
      // Not past a step that's held to an earlier one: they're undone in reverse order.
      if (step.status === 'applied' || step.status === 'failed') {
        return nowMs - step.appliedAtMs >= step.response.holdMs ? step : undefined
      }
      if (step.status !== 'stuck') continue
      if (isDue(step, nowMs)) return step
      stuck.add(step.response)
    }
    return undefined
  }

  #isOvertaken({ response, index }: QueuedStep): boolean {
    return this.#steps.some(step => step.response === response && step.index > index && step.status !== 'idle')
  }
}

function isDue(step: QueuedStep, nowMs: number): boolean {
  return nowMs - step.failedAtMs >= step.response.retryMs
}
