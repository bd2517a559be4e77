// Enrolments, and the progress that was made in them; each agrees with the other.
//
// * Who has progress in a lesson is enrolled in its course, and was so before.
// * An enrolment is completed exactly when every lesson of the course is, at the time of the last of them.
// Cases: enrolled and never begun, a lesson that was opened and left at 0 %, all lessons but one, a course that has no lessons.
import { DAY_MS, HOUR_MS, NOW_MS, between, time } from './calendar.ts'
import type { Catalogue, PlannedCourse } from './courses.ts'
import { words, type DemoTable } from './demo-table.ts'
import type { People } from './people.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface Learning {
  readonly tables: readonly DemoTable[]
  /** When each user finished lessons and courses, and last did anything. */
  readonly histories: ReadonlyMap<number, LearningHistory>
}

export interface LearningHistory {
  readonly lessonsMs: readonly number[]
  readonly coursesMs: readonly number[]
  readonly lastMs: number
}

interface PlannedEnrolment {
  readonly user: number
  readonly course: PlannedCourse
  readonly enrolledMs: number
}
interface Progress {
  readonly user: number
  readonly lesson: number
  readonly percent: number
  readonly startedMs: number
  readonly updatedMs: number
}

const MAX_COURSES_PER_USER = 12
const ENROLMENT_DAYS = 400
/** Nobody enrolled in the last two days, so that there was time for some progress. */
const LATEST_ENROLMENT_MS = NOW_MS - 2 * DAY_MS
/** Longest time for a lesson. */
const LESSON_MS = 3 * DAY_MS
const NEVER_BEGUN = 0.12
const COMPLETED = 0.04
const ALL_BUT_ONE = 0.01
/** Lessons that were begun in an enrolment that's neither. */
const MOST_BEGUN = 9

export function createLearning(size: DemoSize, totals: Totals, people: People, catalogue: Catalogue): Learning {
  const enrolments = planEnrolments(totals.enrolments, people, catalogue, createRandom(`${size} enrolments`))
  const random = createRandom(`${size} progress`)
  const begun = planBegun(enrolments, totals.progress, random)
  const progress = enrolments.map((enrolment, index) => planProgress(enrolment, begun[index] ?? 0, random))
  const completedMs = enrolments.map(({ course }, index) => completionOf(course, progress[index] ?? []))
  return {
    tables: [
      {
        name: 'enrolments',
        columns: words('user_id course_id enrolled_at completed_at'),
        total: totals.enrolments,
        rows: () =>
          enrolments.map(({ user, course, enrolledMs }, index) => {
            const ms = completedMs[index] ?? null
            return [user, course.id, time(enrolledMs), ms === null ? null : time(ms)]
          }),
      },
      {
        name: 'progress',
        columns: words('user_id lesson_id percent started_at updated_at completed_at'),
        total: totals.progress,
        *rows() {
          for (const { user, lesson, percent, startedMs, updatedMs } of progress.flat()) {
            const updatedAt = time(updatedMs)
            yield [user, lesson, percent, time(startedMs), updatedAt, percent === 100 ? updatedAt : null]
          }
        },
      },
    ],
    histories: historiesOf(enrolments, progress, completedMs),
  }
}

/** In the order of their times. */
function planEnrolments(total: number, people: People, catalogue: Catalogue, random: Random): PlannedEnrolment[] {
  const open = catalogue.courses.filter(
    ({ status, publishedMs }) => status !== 'draft' && publishedMs < LATEST_ENROLMENT_MS,
  )
  const chosen = new Map<number, Set<number>>()
  const enrolments: PlannedEnrolment[] = []
  while (enrolments.length < total) {
    const user = random.pickEarly(people.active)
    const course = random.pickEarly(open)
    const courses = chosen.get(user) ?? new Set<number>()
    if (courses.size === MAX_COURSES_PER_USER || courses.has(course.id)) continue
    chosen.set(user, courses.add(course.id))
    const fromMs = Math.max(course.publishedMs, NOW_MS - ENROLMENT_DAYS * DAY_MS)
    enrolments.push({ user, course, enrolledMs: between(fromMs, LATEST_ENROLMENT_MS, random) })
  }
  return enrolments.toSorted((a, b) => a.enrolledMs - b.enrolledMs || a.user - b.user || a.course.id - b.course.id)
}

/** How many lessons were begun in each enrolment; all together `total`. */
function planBegun(enrolments: readonly PlannedEnrolment[], total: number, random: Random): number[] {
  const begun = enrolments.map(({ course: { lessons } }) => {
    const kind = random.next()
    if (lessons.length === 0 || kind < NEVER_BEGUN) return 0
    if (kind < NEVER_BEGUN + COMPLETED) return lessons.length
    if (kind < NEVER_BEGUN + COMPLETED + ALL_BUT_ONE) return lessons.length - 1
    return Math.min(random.integer(1, MOST_BEGUN), lessons.length - 1)
  })
  // Those that are under way give or take one each, as often as it needs.
  let missing = total - begun.reduce((sum, count) => sum + count, 0)
  while (missing !== 0) {
    const before = missing
    const step = Math.sign(missing)
    for (const [index, { course }] of enrolments.entries()) {
      const count = begun[index] ?? 0
      const next = count + step
      const isUnderWay = count > 0 && count < course.lessons.length - 1
      if (missing === 0 || !isUnderWay || next < 1 || next > course.lessons.length - 2) continue
      begun[index] = next
      missing -= step
    }
    if (missing === before)
      throw new RangeError(`${total} rows of progress don't fit into ${enrolments.length} enrolments.`)
  }
  return begun
}

/** The first lessons of the course, one after the other. */
function planProgress({ user, course, enrolledMs }: PlannedEnrolment, begun: number, random: Random): Progress[] {
  const isWhole = begun === course.lessons.length
  const stepMs = Math.min(LESSON_MS, (NOW_MS - HOUR_MS - enrolledMs) / Math.max(begun, 1))
  return course.lessons.slice(0, begun).map((lesson, index) => {
    const startedMs = enrolledMs + Math.floor((index + random.next() * 0.4) * stepMs)
    const updatedMs = between(startedMs, enrolledMs + Math.floor((index + 0.9) * stepMs), random)
    const isLast = index === begun - 1
    const percent = isWhole || !isLast || random.chance(0.3) ? 100 : random.integer(0, 19) * 5
    return { user, lesson, percent, startedMs, updatedMs: percent === 0 ? startedMs : updatedMs }
  })
}

function completionOf({ lessons }: PlannedCourse, progress: readonly Progress[]): number | null {
  const isCompleted = lessons.length > 0 && progress.filter(({ percent }) => percent === 100).length === lessons.length
  return isCompleted ? Math.max(...progress.map(({ updatedMs }) => updatedMs)) : null
}

function historiesOf(
  enrolments: readonly PlannedEnrolment[],
  progress: readonly (readonly Progress[])[],
  completedMs: readonly (number | null)[],
): Learning['histories'] {
  const histories = new Map<number, { lessonsMs: number[]; coursesMs: number[]; lastMs: number }>()
  for (const [index, { user }] of enrolments.entries()) {
    const history = histories.get(user) ?? { lessonsMs: [], coursesMs: [], lastMs: 0 }
    histories.set(user, history)
    const courseMs = completedMs[index] ?? null
    if (courseMs !== null) history.coursesMs.push(courseMs)
    for (const { percent, updatedMs } of progress[index] ?? []) {
      if (percent === 100) history.lessonsMs.push(updatedMs)
      history.lastMs = Math.max(history.lastMs, updatedMs)
    }
  }
  for (const { lessonsMs, coursesMs } of histories.values()) {
    lessonsMs.sort((a, b) => a - b)
    coursesMs.sort((a, b) => a - b)
  }
  return histories
}
