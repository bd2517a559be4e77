// Streaks: days in a row on which somebody signed in, learned or practised.
//
// Cases: none at all, one that never began (no days, no date), one that ended long ago and still says how long it was, one that's its longest, practice
// without learning. Who learned last on a day has that day in the learning streak.
import { DAY_MS, NOW_MS, between, day, time } from './calendar.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import type { Learning } from './enrolments.ts'
import type { People } from './people.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize } from './sizes.ts'
import { hasWallet } from './wallets.ts'

export interface Streaks {
  readonly table: DemoTable
  /** Users who learned for so many days in a row, each with the time. */
  reached(days: number): readonly { readonly user: number; readonly ms: number }[]
}

interface PlannedStreak {
  readonly user: number
  readonly type: 'login' | 'learning' | 'practice'
  readonly currentDays: number
  readonly longestDays: number
  /** Null: it never began. */
  readonly lastMs: number | null
  readonly createdMs: number
}

/** Nobody's last visit is further back. */
const VISIT_DAYS = 200

export function createStreaks(size: DemoSize, people: People, { histories }: Learning): Streaks {
  const streaks = [...planStreaks(people, histories, createRandom(`${size} streaks`))]
  return {
    table: {
      name: 'user_streaks',
      columns: words('id user_id streak_type current_days longest_days last_active_on created_at updated_at'),
      total: streaks.length,
      rows: () => streaks.map(rowOf),
    },
    reached: days =>
      streaks.flatMap(({ user, type, longestDays, lastMs, createdMs }) =>
        type === 'learning' && lastMs !== null && longestDays >= days ? [{ user, ms: createdMs + days * DAY_MS }] : [],
      ),
  }
}

function* planStreaks({ active }: People, histories: Learning['histories'], random: Random): Iterable<PlannedStreak> {
  for (const user of active) {
    const isWarm = hasWallet(user)
    const learnedMs = histories.get(user)?.lastMs || null
    const ago = random.next()
    const visitMs = Math.max(learnedMs ?? 0, NOW_MS - Math.floor(ago * ago * VISIT_DAYS * DAY_MS) - 1)
    if (isWarm || random.chance(0.6)) yield planStreak(user, 'login', visitMs, random)
    if (isWarm || (learnedMs !== null && random.chance(0.8))) yield planStreak(user, 'learning', learnedMs, random)
    if (random.chance(0.2)) yield planStreak(user, 'practice', between(visitMs - 20 * DAY_MS, visitMs, random), random)
  }
}

function planStreak(user: number, type: PlannedStreak['type'], lastMs: number | null, random: Random): PlannedStreak {
  const length = random.next()
  const past = random.integer(0, 1) * random.integer(1, 60)
  if (lastMs === null) {
    const createdMs = between(NOW_MS - VISIT_DAYS * DAY_MS, NOW_MS, random)
    return { user, type, currentDays: 0, longestDays: 0, lastMs, createdMs }
  }
  const currentDays = 1 + Math.floor(length * length * length * 60)
  const longestDays = Math.max(currentDays, past)
  const createdMs = lastMs - (longestDays + currentDays) * DAY_MS
  return { user, type, currentDays, longestDays, lastMs, createdMs }
}

function rowOf({ user, type, currentDays, longestDays, lastMs, createdMs }: PlannedStreak, index: number): Row {
  const activeOn = lastMs === null ? null : day(lastMs)
  return [index + 1, user, type, currentDays, longestDays, activeOn, time(createdMs), time(lastMs ?? createdMs)]
}
