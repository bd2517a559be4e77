// What clients send to and get from streaks. The dashboard shows the same ones.
import { Type, type Static } from 'typebox'
import { UserId } from '../users.ts'

/** The kinds that the table's constraint allows, in the order in which they're shown. */
export const STREAK_TYPES = ['login', 'learning', 'practice'] as const
export const StreakType = Type.Enum([...STREAK_TYPES])
export type StreakType = Static<typeof StreakType>

const streakFields = {
  type: StreakType,
  currentDays: Type.Integer({
    minimum: 0,
    description: 'Days in a row up to today or yesterday (UTC); 0 once a day was missed.',
  }),
  longestDays: Type.Integer({ minimum: 0, description: 'Most days in a row so far.' }),
  lastActiveOn: Type.Union([Type.String({ format: 'date' }), Type.Null()], {
    description: 'Last day that was counted, UTC; null before the first.',
  }),
}

export const Streak = Type.Object(streakFields, { additionalProperties: false })
export type Streak = Static<typeof Streak>

export const UserStreak = Type.Object(
  { userId: UserId, ...streakFields },
  { additionalProperties: false, description: 'The streak with today in it.' },
)
export type UserStreak = Static<typeof UserStreak>

export const Activity = Type.Object(
  { type: StreakType },
  { additionalProperties: false, description: 'Something that was done today.' },
)
