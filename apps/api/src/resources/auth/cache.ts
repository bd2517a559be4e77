// What of the auth resource is cached: each user's profile, for who is signed in and for who renews their tokens. Credentials never are.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../cache/kinds.ts'
import type { Caller } from '../../http/caller.ts'
import { userTags } from '../gamification/users.ts'
import type { AuthRepository } from './repository.ts'
import type { Profile } from './schema.ts'

export interface ProfileCache {
  /** Null when there is no such user. */
  find(userId: number, caller?: Caller): Promise<Profile | null>
}

/** The repository's answers, from the nearest tier that has them. Whoever changes or erases a user invalidates `userTags.one(id)`. */
export function createProfileCache(cache: Cache, repository: Pick<AuthRepository, 'profile'>): ProfileCache {
  const profiles = cache.namespace<Profile | null>('auth.profiles', {
    ...KINDS.ownProfiles,
    tags: (_profile, id) => [userTags.one(Number(id))],
    load: ({ key, signal }) => repository.profile(Number(key), signal),
  })
  return { find: (userId, caller) => profiles.getOrLoad(String(userId), undefined, caller) }
}
