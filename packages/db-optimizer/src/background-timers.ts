// Timers of what runs beside the queries: they don't keep the process alive.
import type { RetryTimers } from './retry/pause.ts'

/** As Node's, unreferenced. */
export const backgroundTimers: RetryTimers = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
