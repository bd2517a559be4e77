// What clients get of a dashboard: all parts always there, lists bounded.
import { Type, type Static } from 'typebox'
import { EarnedBadge } from '../badges/schema.ts'
import { Streak } from '../streaks/schema.ts'
import { Time, UserId } from '../users.ts'
import { LedgerLine } from '../wallet/schema.ts'

/** Courses that are shown; a user may be in many more. */
export const MAX_COURSES = 10
/** Badges, and lines of the ledger, that are shown. */
export const MAX_NEWEST = 5

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const CatalogueId = Type.Integer({ minimum: 1 })

const NextLesson = Type.Object(
  {
    id: CatalogueId,
    position: Type.Integer({ minimum: 1 }),
    title: Type.String(),
    durationMinutes: Type.Integer({ minimum: 1 }),
  },
  closed,
)

const CourseInProgress = Type.Object(
  {
    id: CatalogueId,
    slug: Type.String(),
    title: Type.String(),
    percent: Type.Integer({ minimum: 0, maximum: 100, description: 'Mean of its lessons, rounded down.' }),
    lessonsCompleted: Count,
    lessonCount: Count,
    nextLesson: Type.Union([NextLesson, Type.Null()], {
      description: 'The first that is not completed; null when all are.',
    }),
    lastActiveAt: Time,
  },
  closed,
)

const Profile = Type.Object(
  {
    id: UserId,
    username: Type.String(),
    displayName: Type.String(),
    userType: Type.Enum(['learner', 'instructor', 'founder', 'investor', 'admin']),
    memberSince: Time,
  },
  closed,
)

const Totals = Type.Object(
  {
    lessonsCompleted: Count,
    minutesLearned: Type.Integer({ minimum: 0, description: 'Duration of the completed lessons.' }),
    coursesCompleted: Count,
    coursesInProgress: Count,
    activeDays: Type.Integer({
      minimum: 0,
      description: 'Days (UTC) on which a lesson was begun, last worked on, or completed.',
    }),
  },
  closed,
)

export const Dashboard = Type.Object(
  {
    user: Profile,
    wallet: Type.Object(
      { balance: Count, newest: Type.Array(LedgerLine, { description: 'Newest lines of the ledger.' }) },
      closed,
    ),
    streaks: Type.Array(Streak),
    badges: Type.Object({ earned: Count, points: Count, newest: Type.Array(EarnedBadge) }, closed),
    coursesInProgress: Type.Array(CourseInProgress, {
      description: `Published courses that were begun and not completed, the last active one first; at most ${MAX_COURSES}.`,
    }),
    totals: Totals,
  },
  { ...closed, description: 'All that a learner sees first.' },
)
export type Dashboard = Static<typeof Dashboard>
