// The demo data's tables as streams of rows, in the order in which they can be loaded. Nothing here reads a clock or touches a database.
//
// It holds the cases that reading code has to get right: courses published in the very same millisecond, drafts and an archived course that must not show,
// a course without lessons, names with letters outside ASCII, free courses.
import { createRandom, type Random } from './random.ts'
import { courseTexts, lessonTexts, personName, slugOf, type Level } from './texts.ts'

/** How much of it. */
export const DEMO_SIZES = {
  /** For tests. */
  small: { users: 60, courses: 40, lessons: 800, enrolments: 300 },
  full: { users: 1000, courses: 200, lessons: 4000, enrolments: 5000 },
} as const
export type DemoSize = keyof typeof DEMO_SIZES

export type Value = string | number | boolean | null
export type Row = readonly Value[]

export interface DemoTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly total: number
  rows(): Iterable<Row>
}

/** Every time lies before this one. */
const NOW_MS = Date.UTC(2026, 9, 1)
const DAY_MS = 86_400_000
const CATALOGUE_DAYS = 730
const ONE_INSTRUCTOR_IN = 12
/** Among this many courses, one is a draft, and one has the same time of publication as the one before it. */
const ONE_DRAFT_IN = 20
const ONE_TWIN_IN = 10
const LEVELS: readonly Level[] = ['beginner', 'intermediate', 'advanced']
const OTHER_TYPES = words('learner learner learner learner learner learner learner learner founder investor')
const PRICES = ['0.00', '0.00', '19.00', '29.00', '49.00', '49.00', '79.50', '129.00']

export function demoTables(size: DemoSize): readonly DemoTable[] {
  const totals = DEMO_SIZES[size]
  return [
    {
      name: 'users',
      columns: words('id email username display_name user_type created_at updated_at'),
      total: totals.users,
      rows: () => users(totals.users, createRandom(`${size} users`)),
    },
    {
      name: 'courses',
      columns: words(
        'id slug title summary description category level language price currency instructor_id status published_at created_at updated_at',
      ),
      total: totals.courses,
      rows: () => courses(totals.courses, totals.users, createRandom(`${size} courses`)),
    },
    {
      name: 'lessons',
      columns: words('course_id position title summary kind duration_minutes is_preview content created_at updated_at'),
      total: totals.lessons,
      rows: () => lessons(totals.courses, totals.lessons, createRandom(`${size} lessons`)),
    },
    {
      name: 'enrolments',
      columns: words('user_id course_id enrolled_at completed_at'),
      total: totals.enrolments,
      rows: () => enrolments(totals.users, totals.courses, totals.enrolments, createRandom(`${size} enrolments`)),
    },
  ]
}

function* users(total: number, random: Random): Iterable<Row> {
  for (let id = 1; id <= total; id += 1) {
    const { displayName, handle } = personName(random)
    const type = isInstructor(id) ? 'instructor' : id === 2 ? 'admin' : random.pick(OTHER_TYPES)
    const createdAt = time(NOW_MS - Math.floor((CATALOGUE_DAYS + 30 + random.next() * 365) * DAY_MS))
    yield [
      id,
      `${handle}.${id}@example.${random.pick(['com', 'org', 'net'])}`,
      `${handle}.${id}`,
      displayName,
      type,
      createdAt,
      createdAt,
    ]
  }
}

function* courses(total: number, userTotal: number, random: Random): Iterable<Row> {
  const instructors = Array.from({ length: userTotal }, (_, index) => index + 1).filter(isInstructor)
  let publishedMs = NOW_MS - CATALOGUE_DAYS * DAY_MS
  for (let id = 1; id <= total; id += 1) {
    const level = random.pick(LEVELS)
    const { category, title, summary, description } = courseTexts(id - 1, level, random)
    const stepMs = Math.floor(((0.5 + random.next()) * CATALOGUE_DAYS * DAY_MS) / total)
    if (id % ONE_TWIN_IN !== 0) publishedMs += stepMs
    const status = id % ONE_DRAFT_IN === 3 ? 'draft' : id === 5 ? 'archived' : 'published'
    const createdAt = time(publishedMs - random.integer(5, 60) * DAY_MS)
    yield [
      id,
      slugOf(title),
      title,
      summary,
      description,
      category,
      level,
      'en',
      random.pick(PRICES),
      'EUR',
      random.pick(instructors),
      status,
      status === 'draft' ? null : time(publishedMs),
      createdAt,
      time(publishedMs),
    ]
  }
}

function* lessons(courseTotal: number, total: number, random: Random): Iterable<Row> {
  let left = total
  for (let courseIndex = 0; courseIndex < courseTotal; courseIndex += 1) {
    const rest = courseTotal - courseIndex
    const count = lessonCount(courseIndex, rest, left, random)
    left -= count
    const createdAt = time(NOW_MS - (CATALOGUE_DAYS + rest) * DAY_MS)
    for (let position = 1; position <= count; position += 1) {
      const { title, summary, content } = lessonTexts(courseIndex, position, count, random)
      const kind =
        position === count
          ? 'exercise'
          : position % 6 === 0
            ? 'quiz'
            : random.pick(['video', 'video', 'reading', 'exercise'])
      const minutes = kind === 'quiz' ? 10 : random.integer(1, 9) * 5
      yield [courseIndex + 1, position, title, summary, kind, minutes, position <= 2, content, createdAt, createdAt]
    }
  }
}

/** Between half and one and a half times the mean, so that all together are the total; the second course has none yet. */
function lessonCount(courseIndex: number, rest: number, left: number, random: Random): number {
  if (courseIndex === 1) return 0
  const mean = left / rest
  return rest === 1 ? left : Math.round(mean * (0.5 + random.next()))
}

function* enrolments(userTotal: number, courseTotal: number, total: number, random: Random): Iterable<Row> {
  const perUser = total / userTotal
  for (let user = 1; user <= userTotal; user += 1) {
    const chosen = new Set<number>()
    // Squared: the first courses of the catalogue are the popular ones.
    while (chosen.size < perUser) chosen.add(1 + Math.floor(random.next() ** 2 * courseTotal))
    for (const course of chosen) {
      const enrolledMs = NOW_MS - random.integer(1, 300) * DAY_MS
      const completed = random.next() < 0.3
      yield [user, course, time(enrolledMs), completed ? time(enrolledMs + random.integer(3600, 80_000) * 1000) : null]
    }
  }
}

function words(text: string): readonly string[] {
  return text.split(' ')
}

function isInstructor(id: number): boolean {
  return id % ONE_INSTRUCTOR_IN === 1
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
