// Time for what runs beside the requests (checks, discovery): given from outside, so that tests can drive it.

/** Timers as Node has them. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** The same, with monotonic milliseconds. */
export interface ClockedTimers extends Timers {
  now(): number
}

/** The process's own. */
export const SYSTEM_TIMERS: ClockedTimers = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
