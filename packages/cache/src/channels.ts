// Names and messages of this package's diagnostics channels; without a subscriber they cost one test.
//
//     import { subscribe } from 'node:diagnostics_channel'
//     subscribe('cache:load:finished', message => ...)
import { channel } from 'node:diagnostics_channel'

/** `cache:load:finished`: a loader has answered, or failed. */
export interface LoadFinished {
  readonly namespace: string
  readonly key: string
  readonly durationMs: number
  /** `stored`; `overtaken` by an invalidation, and not kept; `failed`; `timeout`. */
  readonly result: 'stored' | 'overtaken' | 'failed' | 'timeout'
  readonly error?: unknown
}

/** `cache:invalidated`: by this process. */
export interface Invalidated {
  readonly subjects: readonly string[]
  readonly durationMs: number
}

/** `cache:contact:changed`: whether invalidations of others are known. */
export interface ContactChanged {
  readonly inTouch: boolean
  readonly reason: string
}

/** `cache:value:unshareable`: a value has no serialised form, and is kept in this process only. */
export interface ValueUnshareable {
  readonly namespace: string
  readonly key: string
  readonly error: unknown
}

export const channels = {
  loadFinished: channel('cache:load:finished'),
  invalidated: channel('cache:invalidated'),
  contactChanged: channel('cache:contact:changed'),
  valueUnshareable: channel('cache:value:unshareable'),
} as const
