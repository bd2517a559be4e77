// Time and randomness as values, so that a test can hold five crashes and a minute of waiting in its hand.

/** Time as the supervisor sees it. */
export interface Clock {
  /** Milliseconds since the Unix epoch that never run backwards: durations are taken from it too. */
  now(): number
  /** Calls back once after `delayMs`; the returned function cancels that, and is harmless afterwards. */
  after(delayMs: number, callback: () => void): () => void
}

/** Randomness for the jitter of the back-off. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
}

// Date.now() would follow the wall clock when an operator or NTP sets it back, and a crash window of -40 s is none.
export const systemClock: Clock = Object.freeze({
  now: () => performance.timeOrigin + performance.now(),
  after(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
})

export const systemRandom: Random = Object.freeze({ next: Math.random })

/** Waits until the promise is settled in either way or the time is up, whichever comes first; never rejects. */
export async function settledWithin(clock: Clock, promise: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(limitMs, resolve)
  try {
    await Promise.race([promise, late])
  } catch {
    // The caller only wanted to know that it's over.
  } finally {
    cancel()
  }
}
