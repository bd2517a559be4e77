// What badges do, apart from HTTP, SQL and caching.
import type { Caller } from '../../../http/caller.ts'
import { foundUser } from '../users.ts'
import type { BadgesCache } from './cache.ts'
import type { BadgeList } from './schema.ts'

export interface BadgesService {
  /** @throws API_ERR_USER_NOT_FOUND */
  list(userId: number, caller?: Caller): Promise<BadgeList>
}

export function createBadgesService(cache: BadgesCache): BadgesService {
  return {
    async list(userId, caller) {
      return foundUser(await cache.list(userId, caller))
    },
  }
}
