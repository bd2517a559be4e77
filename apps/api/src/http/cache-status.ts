// Where an answer came from, in the words of RFC 9211:
//
//     Cache-Status: plimsoll-api; hit; ttl=300; detail=memory      from the cache, fresh for five minutes more
//     Cache-Status: plimsoll-api; hit; ttl=-30; detail=machine     from the cache, half a minute past its time
//     Cache-Status: plimsoll-api; fwd=miss                         it had to be loaded
//
// It's a list of structured fields (RFC 9651): a token with parameters. `ttl` is a whole number of seconds, below 0 for what's stale; `detail` is the tier.
import type { ServedFrom } from '@plimsoll/cache'

/** Caches of a request are told apart by their names; one on the way puts its own behind this one. */
const CACHE = 'plimsoll-api'
const MISS = `${CACHE}; fwd=miss`

/** Makes the field's value. */
export function cacheStatus(from: ServedFrom, freshLeftMs: number): string {
  // Rounded down: what's past its time by a moment is stale, and says so.
  return from === 'loaded' ? MISS : `${CACHE}; hit; ttl=${Math.floor(freshLeftMs / 1000)}; detail=${from}`
}
