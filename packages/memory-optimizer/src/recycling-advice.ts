// When a process had better be replaced:
//
// * leak: the leak detector advises it, as long as it does.
// * emergency: it lasts for 10 s, responses included, or it's the third within an hour. One that passes is what the responses are for.
// * fragmentation: for 5 minutes over 40 % of the private memory is explained by neither heap nor buffers (beyond what it was in the first minute), while share or
//   container are at least half full. A process that hoards and has room does no harm.
//
// Each reason is given at most once in 10 minutes: who replaces processes has limits of its own, and has heard it, but may not have been able to act.
import type { LeakVerdict } from './leak/leak-detector.ts'
import type { MemorySample } from './monitor/memory-sample.ts'

/** Why. */
export type RecyclingReason = 'leak' | 'emergency' | 'fragmentation'

export interface RecyclingAdvice {
  readonly reason: RecyclingReason
  /** In words, with figures. */
  readonly detail: string
}

const EMERGENCY_MS = 10_000
const EMERGENCIES = 3
const HOUR_MS = 3_600_000
const FRAGMENTATION = 0.4
const FRAGMENTATION_MS = 300_000
const HALF_FULL = 0.5
const REPEAT_MS = 600_000

export class RecyclingAdviser {
  #emergencySinceMs = Number.NaN
  #emergenciesAtMs: number[] = []
  #fragmentedSinceMs = Number.NaN
  readonly #givenAtMs: Record<RecyclingReason, number> = {
    leak: Number.NEGATIVE_INFINITY,
    emergency: Number.NEGATIVE_INFINITY,
    fragmentation: Number.NEGATIVE_INFINITY,
  }

  /** Takes every sample, in order, with the leak detector's verdict at that time where there is one. */
  next(sample: MemorySample, leak?: LeakVerdict): RecyclingAdvice | undefined {
    return this.#emergency(sample) ?? this.#leak(sample, leak) ?? this.#fragmentation(sample)
  }

  #leak({ atMs }: MemorySample, leak: LeakVerdict | undefined): RecyclingAdvice | undefined {
    return leak?.advice === 'recycle' ? this.#give('leak', atMs, describeLeak(leak)) : undefined
  }

  #emergency({
    atMs,
    level,
    signal,
    heapRatio,
    containerRatio,
    shareRatio,
  }: MemorySample): RecyclingAdvice | undefined {
    if (level !== 'emergency') {
      this.#emergencySinceMs = Number.NaN
      return undefined
    }
    if (Number.isNaN(this.#emergencySinceMs)) {
      this.#emergencySinceMs = atMs
      this.#emergenciesAtMs = [...this.#emergenciesAtMs.filter(time => atMs - time < HOUR_MS), atMs].slice(-EMERGENCIES)
    }
    const lastedMs = atMs - this.#emergencySinceMs
    const count = this.#emergenciesAtMs.length
    if (lastedMs < EMERGENCY_MS && count < EMERGENCIES) return undefined
    const ratio = { heap: heapRatio, container: containerRatio, share: shareRatio }[signal]
    const why = lastedMs >= EMERGENCY_MS ? `for ${Math.round(lastedMs / 1000)} s` : `for the ${count}rd time in an hour`
    return this.#give('emergency', atMs, `${signal} at ${percent(ratio)} of its limit ${why}`)
  }

  #fragmentation({
    atMs,
    fragmentation,
    shareRatio,
    containerRatio,
    privateBytes,
  }: MemorySample): RecyclingAdvice | undefined {
    const isHalfFull = shareRatio >= HALF_FULL || containerRatio >= HALF_FULL
    if (!(fragmentation > FRAGMENTATION && isHalfFull)) {
      this.#fragmentedSinceMs = Number.NaN
      return undefined
    }
    if (Number.isNaN(this.#fragmentedSinceMs)) this.#fragmentedSinceMs = atMs
    if (atMs - this.#fragmentedSinceMs < FRAGMENTATION_MS) return undefined
    const mib = Math.round(privateBytes / (1024 * 1024))
    return this.#give('fragmentation', atMs, `neither heap nor buffers explain ${percent(fragmentation)} of ${mib} MiB`)
  }

  #give(reason: RecyclingReason, atMs: number, detail: string): RecyclingAdvice | undefined {
    if (atMs - this.#givenAtMs[reason] < REPEAT_MS) return undefined
    this.#givenAtMs[reason] = atMs
    return { reason, detail }
  }
}

function describeLeak({ memory, slopeMibPerMinute, timeToLimitMs, confidence }: LeakVerdict): string {
  const hours = (timeToLimitMs / HOUR_MS).toFixed(1)
  return `${memory} memory grows by ${slopeMibPerMinute.toFixed(2)} MiB a minute (${percent(confidence)} sure that it does), and is full in ${hours} h`
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}
