// Takes away tokens and families that have expired, in small batches: each holds its locks and its transaction for milliseconds, and who is signing in isn't held up.
//
// Any number of workers may run it; rows that one of them holds the others pass over. It's enough that one does.
import type { Clock } from '../database/probe.ts'
import type { TokenFamiliesRepository } from './token-families-repository.ts'

export interface TokenCleanUpOptions {
  /** How long expired ones are kept, in ms. */
  readonly keepMs: number
  /** Rows of one batch. */
  readonly batchSize: number
  /** Between two batches, in ms, so that other work comes in between. */
  readonly pauseMs: number
  readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
}

/**
 * Until nothing is left.
 * @returns rows that were deleted
 * @throws the signal's reason; API_ERR_DATABASE_*: what's left is for the next time
 */
export async function removeExpiredTokens(
  families: Pick<TokenFamiliesRepository, 'removeExpired'>,
  { keepMs, batchSize, pauseMs, clock }: TokenCleanUpOptions,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0
  for (;;) {
    const removed = await families.removeExpired(keepMs, batchSize, signal)
    total += removed
    // A short batch is the last: there's no more, or others have the rest in hand.
    if (removed < batchSize) return total
    await pause(clock, pauseMs, signal)
  }
}

function pause(
  clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => {
    clock.clearTimeout(timer)
    reject(signal?.reason as Error)
  }
  const timer = clock.setTimeout(() => {
    signal?.removeEventListener('abort', onAbort)
    resolve()
  }, delayMs)
  signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}
