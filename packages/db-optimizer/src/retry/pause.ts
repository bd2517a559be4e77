// Waits between attempts, for as long as nobody wants to stop.

/** A timer as `setTimeout` gives it. */
export interface RetryTimers {
  /** Milliseconds, of a clock that doesn't go back. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

/** Node's own. The timers hold the process: an attempt that's to come is work that was promised. */
export const nodeTimers: RetryTimers = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}

/** Resolves after `delayMs`, or as soon as the signal is aborted; leaves no listener behind. */
export function pause(delayMs: number, timers: RetryTimers, signal?: AbortSignal): Promise<'passed' | 'aborted'> {
  if (signal?.aborted === true) return Promise.resolve('aborted')
  return new Promise(resolve => {
    const onAbort = (): void => {
      timers.clearTimeout(timer)
      resolve('aborted')
    }
    const timer = timers.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve('passed')
    }, delayMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
