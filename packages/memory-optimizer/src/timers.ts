// Time, as this package asks for it; tests give a fake of both.

/** Milliseconds since any fixed moment; never set back. */
export interface Clock {
  now(): number
}

/** Node's, or a fake. Every timer set here is unref'd: watching memory keeps no process alive. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): { unref(): unknown }
  clearTimeout(timer: unknown): void
}

/** Node's own. */
export const nodeTimers: Timers = {
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
