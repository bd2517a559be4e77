// How long answers of each kind may be served, and what of them is kept: the one place where that's decided. Resources take their namespace's options from here.
//
// * All but results of statements are bounded: a second after a change at the latest, every worker of the machine serves the new one (and the worker that made it at once).
// * The shared tiers keep more, and longer, than a worker; no longer than a value is fresh.
// * Stale windows are for outages: what's past its time is served while the database can't be asked, never after a change that's known.
import type { NamespaceOptions } from '@plimsoll/cache'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

/** What every kind has unless it says otherwise: 100 entries in a worker, 500 in the machine's memory, 1,000 in the far tier. */
const USUAL = {
  staleWhileRevalidateMs: 30 * SECOND_MS,
  staleIfErrorMs: 10 * MINUTE_MS,
  // With something older at hand, nobody waits longer for the database. It's shorter than it takes to find out that the database hangs.
  softTimeoutMs: 300,
  // Above the statements' own limits, so that the database's reason is what's told.
  hardTimeoutMs: 40 * SECOND_MS,
} satisfies NamespaceOptions<unknown>

/** What's read with each request of somebody who is signed in: one small entry for each who was active in its time, some 300 bytes. No tier further away: a query is as near. */
const OF_ALL_WHO_ARE_ACTIVE = {
  ...USUAL,
  kind: 'strict',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  memory: { maxEntries: 10_000 },
  machine: { maxEntries: 50_000 },
  far: false,
} as const satisfies NamespaceOptions<unknown>

/** By kind of data; the time is how long a value is fresh. */
export const KINDS = {
  courses: { ...USUAL, ttlMs: 15 * MINUTE_MS },
  lessons: { ...USUAL, ttlMs: 20 * MINUTE_MS },
  /** What belongs to one user: nobody's is served past a change for the sake of an outage. */
  userData: { ...USUAL, ttlMs: 5 * MINUTE_MS, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
  /** Who is signed in: a session that has ended is ended for every worker, and an outage doesn't prolong it. */
  sessions: { ...OF_ALL_WHO_ARE_ACTIVE, ttlMs: 5 * MINUTE_MS },
  /** What users see of themselves: after a change nobody may see the one before. */
  ownProfiles: { ...OF_ALL_WHO_ARE_ACTIVE, ttlMs: 5 * MINUTE_MS },
  userProfiles: { ...USUAL, ttlMs: 10 * MINUTE_MS },
  /** Trending, new and public pitches. */
  pitchLists: { ...USUAL, ttlMs: 5 * MINUTE_MS },
  pitchDetails: { ...USUAL, ttlMs: 10 * MINUTE_MS },
  search: { ...USUAL, ttlMs: 3 * MINUTE_MS, staleIfErrorMs: MINUTE_MS },
  notifications: { ...USUAL, ttlMs: 30 * SECOND_MS, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
  blogs: { ...USUAL, ttlMs: 10 * MINUTE_MS },
  /** Results of single statements (`sql.cached`): strict, since a service that reads what it has just written may do so in another worker. */
  queryResults: { ...USUAL, kind: 'strict', ttlMs: 5 * MINUTE_MS, staleWhileRevalidateMs: 0 },
} as const satisfies Record<string, NamespaceOptions<unknown>>
