// Waiting for a condition instead of sleeping for a while and hoping.
import { setTimeout as sleep } from 'node:timers/promises'
import { TestingError } from './errors.ts'

export interface UntilOptions {
  /** What is awaited, for the message: "the worker to be replaced". */
  readonly what: string
  /** Longest wait, in milliseconds. Default 5000. It bounds a failure; a success takes as long as it takes. */
  readonly timeoutMs?: number
  /** Pause between two looks, in milliseconds. Default 10. */
  readonly intervalMs?: number
}

/**
 * Calls `check` until it gives something truthy, and gives that. What `check` throws counts as "not yet".
 * @throws TESTING_ERR_TIMEOUT with the last value or error.
 */
export async function until<T>(
  check: () => T | Promise<T>,
  options: UntilOptions,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { what, timeoutMs = 5000, intervalMs = 10 } = options
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    let last: { value: T } | { error: unknown }
    try {
      const value = await check()
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>
      last = { value }
    } catch (error) {
      last = { error }
    }
    if (performance.now() > deadlineMs) {
      const seen =
        'error' in last ? `the last look threw ${String(last.error)}` : `the last look gave ${String(last.value)}`
      throw new TestingError(
        'TESTING_ERR_TIMEOUT',
        `Waited ${timeoutMs} ms for ${what}; ${seen}.`,
        'error' in last ? { cause: last.error } : undefined,
      )
    }
    await sleep(intervalMs)
  }
}
