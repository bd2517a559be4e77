// What others register to be done when memory gets tight.
import { MemoryError } from '../errors.ts'
import type { PressureLevel } from '../monitor/pressure-level.ts'
import { numberOption } from '../number-option.ts'

/** A level at which something is done. */
export type ResponseLevel = Exclude<PressureLevel, 'normal'>

/** One response: done step by step as the level rises, undone in reverse when it falls. */
export interface PressureResponse {
  /** For logs and `state()`; one of a kind per responder. */
  readonly name: string
  /** The level at which it's applied; instead of `steps`. */
  readonly level?: ResponseLevel
  /** Several steps, mildest first: levels don't fall, shares don't rise. */
  readonly steps?: readonly ResponseStep[]
  /** Of two steps of one level the one with the lower order comes first; then the one registered first. Default 100. */
  readonly order?: number
  /** Does the step. Gives the bytes it has freed, if it knows. */
  readonly apply: (step: PressureStep) => unknown
  /** Undoes the step. Default: nothing to undo. Has to bear being called when `apply` failed half-way. */
  readonly revert?: (step: PressureStep) => unknown
  /** Longer than this and it counts as failed, in ms; its signal is aborted. At least 1. Default 5,000. */
  readonly timeoutMs?: number
  /** It isn't undone earlier than this after it was done, in ms. Default 10,000. */
  readonly holdMs?: number
  /** After a failure it's tried again so much later, while there's need, in ms. Default 30,000. */
  readonly retryMs?: number
}

export interface ResponseStep {
  readonly level: ResponseLevel
  /** What may be kept, or used, from then on: 0-1 of the normal. Default 0. */
  readonly share?: number
}

/** What a response is told. */
export interface PressureStep {
  /** 0 for the first step. */
  readonly index: number
  readonly level: ResponseLevel
  /** The share that holds from now on: the step's own when it's applied, that of the step before (or 1) when it's reverted. */
  readonly share: number
  /** Aborted when the time is up, or the responder is closed while the step is under way. */
  readonly signal: AbortSignal
}

export interface ResponseSettings {
  readonly name: string
  readonly steps: readonly Required<ResponseStep>[]
  readonly order: number
  readonly apply: (step: PressureStep) => unknown
  readonly revert: (step: PressureStep) => unknown
  readonly timeoutMs: number
  readonly holdMs: number
  readonly retryMs: number
}

const RANKS: Readonly<Record<ResponseLevel, number>> = { warning: 1, critical: 2, emergency: 3 }

/** @throws MEMORY_ERR_OPTION */
export function parseResponse(response: PressureResponse): ResponseSettings {
  const { name, level, order = 100, timeoutMs = 5000, holdMs = 10_000, retryMs = 30_000 } = response
  const at = `response "${name}"`
  if ((level === undefined) === (response.steps === undefined)) {
    throw new MemoryError('MEMORY_ERR_OPTION', `${at}: give either level or steps.`)
  }
  const steps = (response.steps ?? [{ level: level ?? 'warning' }]).map(step => ({ share: 0, ...step }))
  if (steps.length === 0) throw new MemoryError('MEMORY_ERR_OPTION', `${at}: steps is empty.`)
  let rank = 0
  let share = 1
  for (const [index, step] of steps.entries()) {
    numberOption(`${at}: steps[${index}].share`, step.share, 0, 1)
    const stepRank = RANKS[step.level]
    if (stepRank === undefined) {
      throw new MemoryError('MEMORY_ERR_OPTION', `${at}: level "${step.level}" isn't warning, critical or emergency.`)
    }
    if (stepRank < rank || step.share > share) {
      throw new MemoryError(
        'MEMORY_ERR_OPTION',
        `${at}: steps go from mild to hard: levels don't fall, shares don't rise.`,
      )
    }
    rank = stepRank
    share = step.share
  }
  return {
    name,
    steps,
    order: numberOption(`${at}: order`, order, Number.NEGATIVE_INFINITY),
    apply: response.apply,
    revert: response.revert ?? ((): undefined => undefined),
    timeoutMs: numberOption(`${at}: timeoutMs`, timeoutMs, 1),
    holdMs: numberOption(`${at}: holdMs`, holdMs, 0),
    retryMs: numberOption(`${at}: retryMs`, retryMs, 0),
  }
}
