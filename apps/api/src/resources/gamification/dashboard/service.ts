// What dashboards do, apart from HTTP, SQL and caching.
import type { Caller } from '../../../http/caller.ts'
import { foundUser } from '../users.ts'
import type { DashboardCache } from './cache.ts'
import type { Dashboard } from './schema.ts'

export interface DashboardService {
  /** @throws API_ERR_USER_NOT_FOUND */
  read(userId: number, caller?: Caller): Promise<Dashboard>
}

export function createDashboardService(cache: DashboardCache): DashboardService {
  return {
    async read(userId, caller) {
      return foundUser(await cache.read(userId, caller))
    },
  }
}
