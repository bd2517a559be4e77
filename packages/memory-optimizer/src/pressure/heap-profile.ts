// A sampling heap profile in a file: what was allocated during some seconds and is still alive, by call stack. Cheap enough for a process under pressure, unlike a
// snapshot; what was allocated before it started isn't in it.
//
// Files hold names of functions and paths of source, no values; they're still only for their owner (0600). At most `maxFiles` stay, each at most `maxFileBytes`.
import { mkdir, readdir, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryError } from '../errors.ts'
import { createHeapSampler, type HeapSampler } from '../heap-sampler.ts'
import { numberOption } from '../number-option.ts'
import type { Clock } from '../timers.ts'
import type { PressureResponse } from './response.ts'

export interface HeapProfilerOptions {
  /** Where the files go; made with mode 0700 when it's missing. */
  readonly folder: string
  /** How long allocations are sampled, in ms, 100-600,000. Default 30,000. */
  readonly durationMs?: number
  /** One sample in so many allocated bytes on average, 1,024 at least. Default 131,072. */
  readonly samplingIntervalBytes?: number
  /** A larger profile isn't written. Default 32 MiB. */
  readonly maxFileBytes?: number
  /** The oldest are removed beyond so many, at least 1. Default 5. */
  readonly maxFiles?: number
  /** The one that all of this process share: V8 samples for one user at a time. Default: an own one, which is right where nobody else samples. */
  readonly sampler?: HeapSampler
  /** The wall clock, in ms since 1970, for the files' names. Default: `Date`. */
  readonly wallClock?: { now(): number }
}

export interface HeapProfiler {
  readonly isRunning: boolean
  /**
   * Waits until nobody else samples, samples, writes, gives the path; keeps no process alive meanwhile. It opens in Chrome's developer tools (Memory).
   * @throws MEMORY_ERR_PROFILE
   */
  profile(signal?: AbortSignal): Promise<string>
}

const NAME = /^heap-\d+-\d+\.heapprofile$/

/** @throws MEMORY_ERR_OPTION */
export function createHeapProfiler(options: HeapProfilerOptions): HeapProfiler {
  const { folder, durationMs = 30_000, samplingIntervalBytes = 131_072 } = options
  const { maxFileBytes = 32 * 1024 * 1024, maxFiles = 5, wallClock = Date } = options
  const { sampler = createHeapSampler() } = options
  numberOption('durationMs', durationMs, 100, 600_000)
  numberOption('samplingIntervalBytes', samplingIntervalBytes, 1024)
  numberOption('maxFileBytes', maxFileBytes, 1024)
  numberOption('maxFiles', maxFiles, 1)
  let isRunning = false

  const profile = async (signal?: AbortSignal): Promise<string> => {
    if (isRunning) throw new MemoryError('MEMORY_ERR_PROFILE', 'A heap profile is being taken already.')
    isRunning = true
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const sampled = await sampler.during(samplingIntervalBytes, () =>
        sleep(durationMs, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
      )
      const text = JSON.stringify(sampled)
      if (Buffer.byteLength(text) > maxFileBytes) {
        throw new MemoryError(
          'MEMORY_ERR_PROFILE',
          `The heap profile has ${Buffer.byteLength(text)} bytes, more than maxFileBytes, ${maxFileBytes}; it was dropped. Raise samplingIntervalBytes.`,
        )
      }
      const file = path.join(folder, `heap-${process.pid}-${Math.trunc(wallClock.now())}.heapprofile`)
      // Never into a file, or through a link, that somebody else has put there.
      await writeFile(file, text, { mode: 0o600, flag: 'wx' })
      await removeOldest(folder, maxFiles)
      return file
    } catch (cause) {
      if (cause instanceof MemoryError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new MemoryError('MEMORY_ERR_PROFILE', `No heap profile was written to ${folder}: ${reason}`, cause)
    } finally {
      isRunning = false
    }
  }

  return {
    get isRunning() {
      return isRunning
    },
    profile,
  }
}

export interface HeapProfileHooks {
  readonly onProfile: (file: string) => void
  readonly onError: (error: unknown) => void
  /** At most one profile in this time, in ms. Default 600,000. */
  readonly minIntervalMs?: number
  /** Default: `performance`. */
  readonly clock?: Clock
}

/** A response: a profile when the level reaches `warning`. It goes on beside the other responses. */
export function heapProfileResponse(profiler: HeapProfiler, hooks: HeapProfileHooks): PressureResponse {
  const { onProfile, onError, minIntervalMs = 600_000, clock = performance } = hooks
  let startedAtMs = Number.NEGATIVE_INFINITY
  return {
    name: 'heap-profile',
    order: 900,
    level: 'warning',
    // Nothing to undo, so nothing that later ones would have to wait for.
    holdMs: 0,
    apply: () => {
      const nowMs = clock.now()
      if (!profiler.isRunning && nowMs - startedAtMs >= minIntervalMs) {
        startedAtMs = nowMs
        void profiler.profile().then(onProfile, onError)
      }
      // It frees nothing.
      return 0
    },
  }
}

/** Names sort by process, then time; so by the time in them. */
async function removeOldest(folder: string, maxFiles: number): Promise<void> {
  const timeOf = (name: string): number => Number(/-(\d+)\.heapprofile$/.exec(name)?.[1])
  const names = (await readdir(folder)).filter(name => NAME.test(name)).toSorted((a, b) => timeOf(b) - timeOf(a))
  for (const name of names.slice(maxFiles)) await unlink(path.join(folder, name)).catch(() => undefined)
}
