// A dashboard as one would write it without SQL: the tables read as they are, and everything else worked out here. What the statement answers is compared with it.
import type { TestDatabase } from '@plimsoll/testing'
import type { Dashboard } from '../../../src/resources/gamification/dashboard/schema.ts'

interface Tables {
  users: { id: number; username: string; display_name: string; user_type: string; created_at: Date }[]
  wallets: { user_id: number; balance: number }[]
  wallet_transactions: {
    user_id: number
    sequence: number
    kind: string
    amount: number
    balance_after: number
    reason: string
    created_at: Date
  }[]
  user_streaks: {
    user_id: number
    streak_type: string
    current_days: number
    longest_days: number
    last_active_on: string | null
  }[]
  badges: { id: number; code: string; name: string; description: string; tier: string; points: number }[]
  user_badges: { user_id: number; badge_id: number; awarded_at: Date }[]
  courses: { id: number; slug: string; title: string; status: string }[]
  lessons: { id: number; course_id: number; position: number; title: string; duration_minutes: number }[]
  enrolments: { user_id: number; course_id: number; enrolled_at: Date; completed_at: Date | null }[]
  progress: {
    user_id: number
    lesson_id: number
    percent: number
    started_at: Date
    updated_at: Date
    completed_at: Date | null
  }[]
}

const DAY_MS = 86_400_000

/** All rows; whole numbers as numbers, dates as text. */
export async function readTables(sql: TestDatabase['sql']): Promise<Tables> {
  const names = [
    'users',
    'wallets',
    'wallet_transactions',
    'user_streaks',
    'badges',
    'user_badges',
    'courses',
    'lessons',
    'enrolments',
    'progress',
  ]
  const entries = names.map(async name => {
    const rows = await sql<Record<string, unknown>[]>`select to_json(t) as row from ${sql(name)} t`
    return [name, rows.map(({ row }) => withDates(row as Record<string, unknown>))] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as unknown as Tables
}

function withDates(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      name.endsWith('_at') && typeof value === 'string' ? new Date(value) : value,
    ]),
  )
}

/** @param today `YYYY-MM-DD` */
export function plainDashboard(tables: Tables, userId: number, today: string): Dashboard {
  const mine = <Row extends { user_id: number }>(rows: readonly Row[]) => rows.filter(row => row.user_id === userId)
  const user = tables.users.find(({ id }) => id === userId)
  if (user === undefined) throw new Error('no such user')
  const lessons = new Map(tables.lessons.map(lesson => [lesson.id, lesson]))
  const progress = mine(tables.progress)
  const completed = progress.filter(({ completed_at }) => completed_at !== null)
  const earned = mine(tables.user_badges)
    .map(({ badge_id, awarded_at }) => ({ ...tables.badges.find(({ id }) => id === badge_id)!, awarded_at }))
    .toSorted((a, b) => b.awarded_at.getTime() - a.awarded_at.getTime() || b.id - a.id)
  const enrolments = mine(tables.enrolments)
  const begun = enrolments
    .filter(({ completed_at }) => completed_at === null)
    .map(enrolment => ({ enrolment, course: tables.courses.find(({ id }) => id === enrolment.course_id)! }))
    .filter(({ course }) => course.status === 'published')
    .map(({ enrolment, course }) => {
      const contents = tables.lessons
        .filter(({ course_id }) => course_id === course.id)
        .toSorted((a, b) => a.position - b.position)
      const studied = progress.filter(({ lesson_id }) => lessons.get(lesson_id)?.course_id === course.id)
      const isCompleted = (id: number) => completed.some(({ lesson_id }) => lesson_id === id)
      const next = contents.find(({ id }) => !isCompleted(id))
      const percents = studied.reduce((sum, { percent }) => sum + percent, 0)
      const lastActiveMs = Math.max(
        enrolment.enrolled_at.getTime(),
        ...studied.map(({ updated_at }) => updated_at.getTime()),
      )
      return {
        id: course.id,
        slug: course.slug,
        title: course.title,
        percent: contents.length === 0 ? 0 : Math.floor(percents / contents.length),
        lessonsCompleted: contents.filter(({ id }) => isCompleted(id)).length,
        lessonCount: contents.length,
        nextLesson:
          next === undefined
            ? null
            : { id: next.id, position: next.position, title: next.title, durationMinutes: next.duration_minutes },
        lastActiveAt: new Date(lastActiveMs).toISOString(),
      }
    })
    .toSorted((a, b) => Date.parse(b.lastActiveAt) - Date.parse(a.lastActiveAt) || b.id - a.id)
  const yesterday = new Date(Date.parse(today) - DAY_MS).toISOString().slice(0, 10)
  const days = progress.flatMap(({ started_at, updated_at, completed_at }) =>
    [started_at, updated_at, completed_at].flatMap(moment => moment?.toISOString().slice(0, 10) ?? []),
  )
  return {
    user: {
      id: user.id,
      username: user.username,
      displayName: user.display_name,
      userType: user.user_type as Dashboard['user']['userType'],
      memberSince: user.created_at.toISOString(),
    },
    wallet: {
      balance: mine(tables.wallets)[0]?.balance ?? 0,
      newest: mine(tables.wallet_transactions)
        .toSorted((a, b) => b.sequence - a.sequence)
        .slice(0, 5)
        .map(({ sequence, kind, amount, balance_after, reason, created_at }) => ({
          sequence,
          kind: kind as 'earn',
          amount,
          balanceAfter: balance_after,
          reason,
          createdAt: created_at.toISOString(),
        })),
    },
    streaks: ['login', 'learning', 'practice'].flatMap(type =>
      mine(tables.user_streaks)
        .filter(({ streak_type }) => streak_type === type)
        .map(({ current_days, longest_days, last_active_on }) => ({
          type: type as 'login',
          currentDays: last_active_on !== null && last_active_on >= yesterday ? current_days : 0,
          longestDays: longest_days,
          lastActiveOn: last_active_on,
        })),
    ),
    badges: {
      earned: earned.length,
      points: earned.reduce((sum, { points }) => sum + points, 0),
      newest: earned.slice(0, 5).map(({ code, name, tier, points, awarded_at }) => ({
        code,
        name,
        tier: tier as 'gold',
        points,
        awardedAt: awarded_at.toISOString(),
      })),
    },
    coursesInProgress: begun.slice(0, 10),
    totals: {
      lessonsCompleted: completed.length,
      minutesLearned: completed.reduce((sum, { lesson_id }) => sum + lessons.get(lesson_id)!.duration_minutes, 0),
      coursesCompleted: enrolments.filter(({ completed_at }) => completed_at !== null).length,
      coursesInProgress: begun.length,
      activeDays: new Set(days).size,
    },
  }
}
