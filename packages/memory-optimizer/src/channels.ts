// Names and messages of this package's diagnostics channels; without a subscriber they cost one test.
//
//     import { subscribe } from 'node:diagnostics_channel'
//     subscribe('memory:level:changed', message => ...)
import { channel } from 'node:diagnostics_channel'
import type { MemorySample } from './monitor/memory-sample.ts'
import type { PressurePrediction } from './monitor/prediction.ts'
import type { PressureLevel } from './monitor/pressure-level.ts'

/** `memory:level:changed`. */
export interface LevelChanged {
  readonly from: PressureLevel
  readonly to: PressureLevel
  readonly sample: MemorySample
  readonly prediction: PressurePrediction
}

/** `memory:response:applied`, `memory:response:reverted`. */
export interface ResponseChanged {
  readonly name: string
  /** Step of the response, 0 for its first. */
  readonly step: number
  /** The level that the step belongs to. */
  readonly level: PressureLevel
  readonly tookMs: number
  /** What it says that it freed, in bytes; NaN when it doesn't, and always at a revert. */
  readonly freedBytes: number
}

/** `memory:response:failed`. */
export interface ResponseFailed {
  readonly name: string
  readonly step: number
  readonly level: PressureLevel
  readonly phase: 'apply' | 'revert'
  /** MEMORY_ERR_RESPONSE with the reason as its cause. */
  readonly error: Error
}

export const channels = {
  /** `memory:sample:taken`: the message is the MemorySample. */
  sampleTaken: channel('memory:sample:taken'),
  levelChanged: channel('memory:level:changed'),
  responseApplied: channel('memory:response:applied'),
  responseReverted: channel('memory:response:reverted'),
  responseFailed: channel('memory:response:failed'),
}
