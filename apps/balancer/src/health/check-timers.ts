// Time as checks use it: given from outside, so that tests can drive it.

/** Monotonic milliseconds, and timers as Node has them. */
export interface CheckTimers {
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** The process's own. */
export const SYSTEM_TIMERS: CheckTimers = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
