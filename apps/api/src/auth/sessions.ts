// Which sessions are good now, asked with every request of a signed-in user: from the worker's memory, in a microsecond.
//
//     request ─► access token, verified ─► session by its id: memory ─► machine ─► database
//                                              ▲ invalidated by whoever revokes it, in the transaction that does
//
// Strict: a hit looks at what the machine has invalidated first, so that who is signed out is out with the next request, on every worker. What isn't there is kept too,
// or forged tokens of good keys would cost a query each; an id that has been given out never was there before.
//
// While the database is away, sessions that are kept go on until their time; others can't be told from revoked ones, and are refused as an outage, not as a failure to sign in.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../cache/kinds.ts'
import type { Caller } from '../http/caller.ts'
import { sessionTags } from './session-tags.ts'
import type { TokenFamiliesRepository } from './token-families-repository.ts'

export interface LiveSession {
  readonly userId: number
  readonly userType: string
  /** When it ends at the latest, in ms since the epoch. */
  readonly endsAtMs: number
}

export interface Sessions {
  /** Null when it has expired or was revoked, or there's none. */
  find(familyId: number, caller?: Caller): Promise<LiveSession | null>
}

/** @param cache undefined: each request asks the database. Where nothing is invalidated, nobody may be given what was loaded for somebody else before. */
export function createSessions(
  cache: Cache | undefined,
  families: Pick<TokenFamiliesRepository, 'find'>,
  clock: { now(): number },
): Sessions {
  const load = async (familyId: number, signal: AbortSignal | undefined): Promise<LiveSession | null> => {
    const found = await families.find(familyId, signal)
    if (found === null) return null
    return { userId: found.userId, userType: found.userType, endsAtMs: found.expiresAt.getTime() }
  }
  const kept = cache?.namespace<LiveSession | null>('auth.sessions', {
    ...KINDS.sessions,
    tags: (session, key) => [
      sessionTags.one(Number(key)),
      ...(session === null ? [] : [sessionTags.ofUser(session.userId)]),
    ],
    load: ({ key, signal }) => load(Number(key), signal),
  })
  // Where the answer was found isn't said by this: `Cache-Status` is about what was asked for.
  const find = (familyId: number, caller: Caller | undefined): Promise<LiveSession | null> =>
    kept === undefined
      ? load(familyId, caller?.signal)
      : kept.getOrLoad(String(familyId), undefined, caller === undefined ? undefined : new SignalOf(caller))
  return {
    async find(familyId, caller) {
      const session = await find(familyId, caller)
      return session !== null && session.endsAtMs > clock.now() ? session : null
    },
  }
}

/** The caller's signal and nothing else, still made only when it's asked for. */
class SignalOf {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  get signal(): AbortSignal {
    return this.#caller.signal
  }
}
