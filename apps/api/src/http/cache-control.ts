// What answers say of their keeping (RFC 9111), by kind of data and environment: the one table of it. A route names its kind, `config: { caching: 'courses' }`.
//
// What's kept on the way can't be invalidated from here, so
// * nothing is kept longer than the value itself is fresh. An answer from the cache is told the rest of its time (`s-maxage`), and has no `Age`: it's this service
//   that answers, and whoever keeps it counts its age from here. With the whole time and an `Age`, a browser would find it past its `max-age` of a minute at once.
// * what is past its time already, or wasn't kept here, is asked for again each time (`no-cache`).
// * errors aren't kept: their bodies carry the id of one request, and what isn't there may be in a moment. An id that nobody has costs a look into memory.
//
// By the letter `s-maxage` forbids shared caches to serve anything past it (RFC 9111, 5.2.2.10); the caches that know RFC 5861 do it none the less, the others ask
// again, and lose nothing.
import { KINDS } from '../cache/kinds.ts'
import type { Environment } from '../plugins/security.ts'

interface Shared {
  readonly scope: 'shared'
  readonly freshS: number
  readonly staleWhileRevalidateS: number
  readonly staleIfErrorS: number
}

/** As long as the cache behind keeps it, so that an answer is never older than it might be here. */
function shared(kind: { ttlMs: number; staleWhileRevalidateMs: number; staleIfErrorMs: number }): Shared {
  return {
    scope: 'shared',
    freshS: kind.ttlMs / 1000,
    staleWhileRevalidateS: kind.staleWhileRevalidateMs / 1000,
    staleIfErrorS: kind.staleIfErrorMs / 1000,
  }
}

/** What belongs to one user: only their own browser keeps it, and asks each time whether it's still so. */
const OWN = { scope: 'own' } as const

const POLICIES = {
  courses: shared(KINDS.courses),
  lessons: shared(KINDS.lessons),
  blogs: shared(KINDS.blogs),
  pitchLists: shared(KINDS.pitchLists),
  pitchDetails: shared(KINDS.pitchDetails),
  search: shared(KINDS.search),
  userProfiles: shared(KINDS.userProfiles),
  user: OWN,
  /** What changes with a release only: documents, pictures. */
  static: { scope: 'static' },
} as const satisfies Record<string, Shared | typeof OWN | { readonly scope: 'static' }>

export type CachingKind = keyof typeof POLICIES

/** Browsers can't be told of a change either, and nobody can clear them: a minute. */
const BROWSER_S = 60
/** In staging what was changed is to be seen soon. */
const STAGING_S = 60
const STATIC_S = { development: 3600, staging: 86_400, production: 604_800 } as const satisfies Record<
  Environment,
  number
>

/** Makes the field's value for an answer that stays fresh for so long, in ms; infinite: as long as its kind does. */
export type CacheControl = (freshLeftMs: number) => string

/** For each answer of a kind. */
export function cacheControlOf(kind: CachingKind, environment: Environment): CacheControl {
  const policy = POLICIES[kind]
  switch (policy.scope) {
    case 'static': {
      const text = `public, max-age=${STATIC_S[environment]}`
      return () => text
    }
    case 'own':
      return () => 'private, no-cache'
    case 'shared':
      // What a developer changes is seen at once.
      return environment === 'development' ? () => 'no-cache' : sharedControl(policy, environment)
    default:
      return policy satisfies never
  }
}

function sharedControl(policy: Shared, environment: Environment): CacheControl {
  const longestS = environment === 'production' ? policy.freshS : Math.min(policy.freshS, STAGING_S)
  const stale = `stale-while-revalidate=${policy.staleWhileRevalidateS}, stale-if-error=${policy.staleIfErrorS}`
  // It changes once a second.
  let lastS = 0
  let last = 'no-cache'
  return freshLeftMs => {
    const freshS = Math.max(0, Math.min(longestS, Math.floor(freshLeftMs / 1000)))
    if (freshS !== lastS) {
      lastS = freshS
      last = freshS === 0 ? 'no-cache' : `public, max-age=${Math.min(BROWSER_S, freshS)}, s-maxage=${freshS}, ${stale}`
    }
    return last
  }
}
