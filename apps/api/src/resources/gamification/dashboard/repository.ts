// Dashboards: SQL, and nothing else.
import type { Database } from '../../../database/database.ts'
import { ApiError } from '../../../errors.ts'
import { nullWhenDeleted } from '../users.ts'
import type { Dashboard } from './schema.ts'
import { dashboardStatement } from './statement.ts'

export interface DashboardRead {
  readonly dashboard: Dashboard
  /** The user came for the first time, and was given what every user has. */
  readonly initialised: boolean
  /** They were given it so lately that caches may not have been told: the answer to that may have been lost. */
  readonly recent: boolean
}

export interface DashboardRepository {
  /**
   * Null when there is no such user.
   * @param day today, `YYYY-MM-DD`
   */
  read(userId: number, day: string, signal?: AbortSignal): Promise<DashboardRead | null>
}

/** The first may have met another first request, whose rows the second sees. More can only be lost to somebody who deletes them. */
const MAX_READS = 3

export function createDashboardRepository(database: Database): DashboardRepository {
  return {
    async read(userId, day, signal) {
      let initialised = false
      for (let reads = 0; reads < MAX_READS; reads++) {
        // Run as a read, though it may insert: running it twice leaves what running it once leaves, so a lost answer is asked for again. And the cache isn't told
        // of a write, as it would be after each that's found in a text: for a user who has everything nothing was written. Who asked tells it otherwise.
        const statement = dashboardStatement(database.sql, userId, day).with({ invalidates: [] })
        const rows = await nullWhenDeleted(database.read('gamification.dashboard', statement, signal))
        const row = rows?.[0]
        if (row === undefined) return null
        initialised ||= row.initialised
        if (row.complete) return { dashboard: row.dashboard, initialised, recent: row.recent }
      }
      throw new ApiError('API_ERR_DATABASE_BUSY', 'Others are changing the same user; try again in a moment.', {
        retryAfterS: 1,
      })
    },
  }
}
