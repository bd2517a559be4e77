// Timers that fire at once and move their clock on by the delay: pauses without waiting.
import type { RetryTimers } from '../../src/retry/pause.ts'

export interface InstantTimers extends RetryTimers {
  /** Delays asked for. */
  readonly delaysMs: number[]
  /** Lets time pass. */
  pass(byMs: number): void
}

export function instantTimers(startMs = 0): InstantTimers {
  let nowMs = startMs
  const delaysMs: number[] = []
  return {
    delaysMs,
    now: () => nowMs,
    pass: byMs => void (nowMs += byMs),
    setTimeout: (callback, delayMs) => {
      delaysMs.push(delayMs)
      nowMs += delayMs
      queueMicrotask(callback)
      return undefined
    },
    clearTimeout: () => {},
  }
}
