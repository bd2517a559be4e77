// Time as discovery uses it: given from outside, so that tests can drive it.

export interface DiscoveryTimers {
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** The process's own. */
export const SYSTEM_TIMERS: DiscoveryTimers = {
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
