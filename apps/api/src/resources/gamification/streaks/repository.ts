// Streaks of a user: SQL, and nothing else.
//
// A day is counted by one upsert on (user_id, streak_type), whoever else counts it at the same moment:
//
//     last day seen          becomes                           written
//     none, or a gap         1                                 yes
//     yesterday              one more                          yes
//     today                  as it is                          no
//     later (the clock was   as it is                          no
//       set back)
//
// Whether there's anything to write is first seen in the statement's snapshot, which costs nothing; who comes too early for that, because another counts the day right
// now, waits for them in the upsert and finds the row as they left it.
import { tableTag } from '@plimsoll/db-optimizer'
import type { Database } from '../../../database/database.ts'
import { nullWhenDeleted, userTags } from '../users.ts'
import type { Streak, StreakType } from './schema.ts'

export interface StreaksRepository {
  /**
   * Counts a day, once however often it's asked to.
   * @param day `YYYY-MM-DD`
   * @returns the streak with that day in it; null when there is no such user
   */
  count(userId: number, type: StreakType, day: string, signal?: AbortSignal): Promise<Streak | null>
}

/** Told only when something was written, which the statement's text can't say. */
const STREAKS_TABLE = tableTag('public', 'user_streaks')

type Row = Streak & { changed: boolean }

export function createStreaksRepository(database: Database): StreaksRepository {
  return {
    count(userId, type, day, signal) {
      const work = database.transaction(
        'gamification.streak',
        async tx => {
          const query = tx<Row[]>`
            with counted as (
              select current_days, longest_days, last_active_on
              from user_streaks
              where user_id = ${userId} and streak_type = ${type} and last_active_on >= ${day}::date
            ), moved as (
              insert into user_streaks as s (user_id, streak_type, current_days, longest_days, last_active_on)
              select id, ${type}, 1, 1, ${day}::date
              from users
              where id = ${userId} and not exists (select from counted)
              on conflict (user_id, streak_type) do update
              set (current_days, longest_days, last_active_on, updated_at) = (
                select days, greatest(s.longest_days, days), greatest(s.last_active_on, excluded.last_active_on),
                       case when already then s.updated_at else now() end
                from (select s.last_active_on >= excluded.last_active_on) as seen (already)
                cross join lateral (
                  select case when already then s.current_days
                              when s.last_active_on = excluded.last_active_on - 1 then s.current_days + 1
                              else 1 end
                ) as now_at (days)
              )
              returning current_days, longest_days, last_active_on
            )
            select ${type}::text as type, current_days as "currentDays", longest_days as "longestDays",
                   last_active_on::text as "lastActiveOn", changed
            from (select *, false as changed from counted union all select *, true from moved) as either`
          const [row] = await query.with({ invalidates: [] })
          if (row === undefined) return null
          const { changed, ...streak } = row
          if (changed) tx.invalidates([userTags.one(userId), STREAKS_TABLE])
          return streak
        },
        // Counting the same day twice is counting it once, so it's also repeated when nobody knows what became of it.
        { isolation: 'read committed', idempotent: true, retries: 2, signal },
      )
      return nullWhenDeleted(work)
    },
  }
}
