// What's asked about dashboards, badges, wallets and health, and what of the answers is the data.
import { operatorQuestion, pathQuestion, type Question } from './question.ts'

interface LineRow {
  readonly sequence: string
  readonly kind: string
  readonly amount: string
  readonly balance_after: string
  readonly reason: string
  readonly created_at: string
}

interface BadgeRow {
  readonly code: string
  readonly name: string
  readonly description: string
  readonly tier: string
  readonly points: number
  readonly awarded_at: string
}

type CatalogueRow = Omit<BadgeRow, 'awarded_at'> & { readonly award: { readonly awarded_at: string } | null }

interface NaiveWallet {
  readonly wallet: { readonly balance: string }
  readonly transactions: readonly LineRow[]
}

interface StreakRow {
  readonly streak_type: string
  readonly current_days: number
  readonly longest_days: number
  readonly last_active_on: string | null
  readonly is_broken: boolean
}

interface CourseRow {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly percent: number
  readonly lessons_completed: number
  readonly lesson_count: number
  readonly next_lesson: {
    readonly id: string
    readonly position: number
    readonly title: string
    readonly duration_minutes: number
  } | null
  readonly last_active_at: string
}

interface NaiveDashboard {
  readonly user: {
    readonly id: string
    readonly username: string
    readonly display_name: string
    readonly user_type: string
    readonly created_at: string
  }
  readonly wallet: { readonly balance: string }
  readonly transactions: readonly LineRow[]
  readonly streaks: readonly StreakRow[]
  readonly badges: readonly BadgeRow[]
  readonly badge_count: number
  readonly badge_points: number
  readonly courses: readonly CourseRow[]
  readonly totals: {
    readonly lessons_completed: number
    readonly minutes_learned: number
    readonly courses_completed: number
    readonly courses_in_progress: number
    readonly active_days: number
  }
}

interface EarnedBadge {
  readonly code: string
  readonly awardedAt: string
}

interface OurDashboard {
  readonly streaks: readonly { readonly type: string }[]
  readonly badges: { readonly newest: readonly EarnedBadge[] }
}

export const healthQuestion: Question = pathQuestion('/health', statusOf, statusOf)

export function dashboardQuestion(user: number): Question {
  return operatorQuestion(pathOf('dashboard', user), dashboardOf, (dashboard: OurDashboard) => ({
    ...dashboard,
    streaks: byType(dashboard.streaks),
  }))
}

/** Of somebody who never came before: the first badge is given by the question itself, at another time on each side. */
export function newDashboardQuestion(user: number): Question {
  const timeless = (badges: readonly EarnedBadge[]) => badges.map(badge => ({ ...badge, awardedAt: undefined }))
  return operatorQuestion(
    pathOf('dashboard', user),
    (row: NaiveDashboard) => {
      const dashboard = dashboardOf(row)
      return { ...dashboard, badges: { ...dashboard.badges, newest: timeless(dashboard.badges.newest) } }
    },
    ({ streaks, badges, ...dashboard }: OurDashboard) => ({
      ...dashboard,
      streaks: byType(streaks),
      badges: { ...badges, newest: timeless(badges.newest) },
    }),
  )
}

export function badgesQuestion(user: number): Question {
  return operatorQuestion(
    pathOf('badges', user),
    ({ badges }: { badges: CatalogueRow[] }) =>
      badges.map(({ code, name, tier, points, description, award }) => ({
        code,
        name,
        tier,
        points,
        description,
        earned: award !== null,
        awardedAt: award?.awarded_at ?? null,
      })),
    ({ items }: { items: unknown[] }) => items,
  )
}

export function walletQuestion(user: number): Question {
  return operatorQuestion(
    pathOf('wallet', user),
    ({ wallet, transactions }: NaiveWallet) => ({ balance: Number(wallet.balance), items: transactions.map(lineOf) }),
    ({ balance, items }: { balance: number; items: unknown[] }) => ({ balance, items }),
  )
}

function statusOf({ status }: { readonly status: string }): string {
  return status
}

function pathOf(part: string, user: number): string {
  return `/api/gamification/${part}/${user}`
}

function dashboardOf({
  user,
  wallet,
  transactions,
  streaks,
  badges,
  badge_count,
  badge_points,
  courses,
  totals,
}: NaiveDashboard) {
  return {
    user: {
      id: Number(user.id),
      username: user.username,
      displayName: user.display_name,
      userType: user.user_type,
      memberSince: user.created_at,
    },
    wallet: { balance: Number(wallet.balance), newest: transactions.map(lineOf) },
    streaks: byType(streaks.map(streakOf)),
    badges: {
      earned: badge_count,
      points: badge_points,
      newest: badges.map(({ code, name, tier, points, awarded_at }) => ({
        code,
        name,
        tier,
        points,
        awardedAt: awarded_at,
      })),
    },
    coursesInProgress: courses.map(courseOf),
    totals: {
      lessonsCompleted: totals.lessons_completed,
      minutesLearned: totals.minutes_learned,
      coursesCompleted: totals.courses_completed,
      coursesInProgress: totals.courses_in_progress,
      activeDays: totals.active_days,
    },
  }
}

function lineOf({ sequence, kind, amount, balance_after, reason, created_at }: LineRow) {
  return {
    sequence: Number(sequence),
    kind,
    amount: Number(amount),
    balanceAfter: Number(balance_after),
    reason,
    createdAt: created_at,
  }
}

function streakOf({ streak_type, current_days, longest_days, last_active_on, is_broken }: StreakRow) {
  return {
    type: streak_type,
    currentDays: is_broken ? 0 : current_days,
    longestDays: longest_days,
    lastActiveOn: last_active_on?.slice(0, 'YYYY-MM-DD'.length) ?? null,
  }
}

function courseOf({
  id,
  slug,
  title,
  percent,
  lessons_completed,
  lesson_count,
  next_lesson,
  last_active_at,
}: CourseRow) {
  return {
    id: Number(id),
    slug,
    title,
    percent,
    lessonsCompleted: lessons_completed,
    lessonCount: lesson_count,
    nextLesson:
      next_lesson === null
        ? null
        : {
            id: Number(next_lesson.id),
            position: next_lesson.position,
            title: next_lesson.title,
            durationMinutes: next_lesson.duration_minutes,
          },
    lastActiveAt: last_active_at,
  }
}

/** The naive service has no order for them. */
function byType<Streak extends { readonly type: string }>(streaks: readonly Streak[]): Streak[] {
  return streaks.toSorted((a, b) => a.type.localeCompare(b.type))
}
