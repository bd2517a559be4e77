// What of badges is cached: the answer for each user.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../../cache/kinds.ts'
import type { Caller } from '../../../http/caller.ts'
import { userTags } from '../users.ts'
import type { BadgesRepository } from './repository.ts'
import type { BadgeList } from './schema.ts'

export interface BadgesCache {
  list(userId: number, caller?: Caller): Promise<BadgeList | null>
}

/** The same answers as the repository's, from the nearest tier that has them. */
export function createBadgesCache(cache: Cache, repository: BadgesRepository): BadgesCache {
  const lists = cache.namespace<BadgeList | null>('gamification.badges', {
    ...KINDS.userData,
    tags: (_list, id) => [userTags.one(Number(id)), userTags.badges(Number(id))],
    load: ({ key, signal }) => repository.list(Number(key), signal),
  })
  return {
    list: (userId, caller) => lists.getOrLoad(String(userId), undefined, caller),
  }
}
