// Pauses before a lost connection is tried again: growing, since a server that's starting needs its breath, and different from process to process, since all of
// them lost it at the same moment.

const FIRST_MS = 50
const LAST_MS = 1000

/**
 * Milliseconds before the next attempt: between half of 50, 100, 200 ... 5000 and the whole of it.
 * @param failures attempts that failed in a row before; 0 right after a loss
 */
export function reconnectPauseMs(failures: number, random: { next(): number }): number {
  const limitMs = Math.min(LAST_MS, FIRST_MS * 2 ** failures)
  return limitMs * (0.5 + random.next() / 2)
}
