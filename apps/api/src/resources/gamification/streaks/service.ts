// What streaks do, apart from HTTP and SQL.
import { foundUser } from '../users.ts'
import { dayOf } from './day.ts'
import type { StreaksRepository } from './repository.ts'
import type { StreakType, UserStreak } from './schema.ts'

export interface StreaksService {
  /**
   * Something was done now: today becomes part of the streak.
   * @throws API_ERR_USER_NOT_FOUND
   */
  record(userId: number, type: StreakType, signal?: AbortSignal): Promise<UserStreak>
}

export function createStreaksService(
  repository: StreaksRepository,
  { clock }: { readonly clock: { now(): number } },
): StreaksService {
  return {
    async record(userId, type, signal) {
      const streak = foundUser(await repository.count(userId, type, dayOf(clock.now()), signal))
      return { userId, ...streak }
    },
  }
}
