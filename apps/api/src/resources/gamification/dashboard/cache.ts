// What of dashboards is cached: each user's.
import { CacheError, type Cache } from '@plimsoll/cache'
import { KINDS } from '../../../cache/kinds.ts'
import type { Caller } from '../../../http/caller.ts'
import { dayOf } from '../streaks/day.ts'
import { userTags } from '../users.ts'
import type { DashboardRepository } from './repository.ts'
import type { Dashboard } from './schema.ts'
import { FIRST_TABLES } from './statement.ts'

export interface DashboardCache {
  read(userId: number, caller?: Caller): Promise<Dashboard | null>
}

/** The same answers as the repository's, from the nearest tier that has them. */
export function createDashboardCache(
  cache: Cache,
  repository: DashboardRepository,
  { clock }: { readonly clock: { now(): number } },
): DashboardCache {
  const dashboards = cache.namespace<Dashboard | null>('gamification.dashboards', {
    ...KINDS.userData,
    tags: (_dashboard, id) => [userTags.one(Number(id))],
    async load({ key, signal }) {
      const userId = Number(key)
      const read = await repository.read(userId, dayOf(clock.now()), signal)
      if (read === null) return null
      // Of a recent welcome again: the worker that gave it may have lost the answer, or been killed, before it could tell the others.
      if (read.initialised || read.recent)
        await cache.invalidateTags([userTags.badges(userId), ...FIRST_TABLES]).catch(ignoreWhatIsNotSpread)
      return read.dashboard
    },
  })
  return {
    read: (userId, caller) => dashboards.getOrLoad(String(userId), undefined, caller),
  }
}

/** The dashboard is there: others who can't be told of a welcome learn of it when their time is over. */
function ignoreWhatIsNotSpread(error: unknown): void {
  if (!(error instanceof CacheError)) throw error
}
