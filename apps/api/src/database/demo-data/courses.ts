// Courses and their lessons.
//
// Cases: courses published in the very same millisecond, drafts and an archived course that must not show, a published course without lessons, free courses.
import { CATALOGUE_DAYS, DAY_MS, NOW_MS, time } from './calendar.ts'
import { courseTexts, lessonTexts, type Level } from './course-texts.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import type { People } from './people.ts'
import { slugOf } from './phrasing.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface PlannedCourse {
  readonly id: number
  readonly instructor: number
  readonly status: 'draft' | 'published' | 'archived'
  readonly publishedMs: number
  /** Ids of its lessons, in order. */
  readonly lessons: readonly number[]
}

export interface Catalogue {
  readonly tables: readonly DemoTable[]
  readonly courses: readonly PlannedCourse[]
}

/** Among this many courses, one is a draft, and one has the same time of publication as the one before it. */
const ONE_DRAFT_IN = 20
const ONE_TWIN_IN = 10
const LEVELS: readonly Level[] = ['beginner', 'intermediate', 'advanced']
const PRICES = ['0.00', '0.00', '19.00', '29.00', '49.00', '49.00', '79.50', '129.00']

export function createCatalogue(size: DemoSize, totals: Totals, people: People): Catalogue {
  const courses = [...planCourses(totals.courses, people, createRandom(`${size} courses`))]
  const lessonRows = [...lessons(totals, createRandom(`${size} lessons`))]
  const lessonIds = new Map<number, number[]>(courses.map(({ id }) => [id, []]))
  for (const [id, course] of lessonRows) lessonIds.get(Number(course))?.push(Number(id))
  return {
    tables: [
      {
        name: 'courses',
        columns: words(
          'id slug title summary description category level language price currency instructor_id status published_at created_at updated_at',
        ),
        total: totals.courses,
        rows: () => courses.map(({ row }) => row),
      },
      {
        name: 'lessons',
        columns: words(
          'id course_id position title summary kind duration_minutes is_preview content created_at updated_at',
        ),
        total: totals.lessons,
        rows: () => lessonRows,
      },
    ],
    courses: courses.map(course => ({ ...course, lessons: lessonIds.get(course.id) ?? [] })),
  }
}

type CourseWithRow = Omit<PlannedCourse, 'lessons'> & { readonly row: Row }

function* planCourses(total: number, { instructors }: People, random: Random): Iterable<CourseWithRow> {
  let publishedMs = NOW_MS - CATALOGUE_DAYS * DAY_MS
  for (let id = 1; id <= total; id += 1) {
    const level = random.pick(LEVELS)
    const { category, title, summary, description } = courseTexts(id - 1, level, random)
    const stepMs = Math.floor(((0.5 + random.next()) * CATALOGUE_DAYS * DAY_MS) / total)
    if (id % ONE_TWIN_IN !== 0) publishedMs += stepMs
    const status = id % ONE_DRAFT_IN === 3 ? 'draft' : id === 5 ? 'archived' : 'published'
    const createdAt = time(publishedMs - random.integer(5, 60) * DAY_MS)
    const price = random.pick(PRICES)
    const instructor = random.pick(instructors)
    const publishedAt = status === 'draft' ? null : time(publishedMs)
    const texts = [slugOf(title), title, summary, description, category, level, 'en']
    const row = [id, ...texts, price, 'EUR', instructor, status, publishedAt, createdAt, time(publishedMs)]
    yield { id, instructor, status, publishedMs, row }
  }
}

function* lessons(totals: Totals, random: Random): Iterable<Row> {
  let id = 0
  for (let courseIndex = 0; courseIndex < totals.courses; courseIndex += 1) {
    const rest = totals.courses - courseIndex
    const count = lessonCount(courseIndex, rest, totals.lessons - id, random)
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
      id += 1
      yield [id, courseIndex + 1, position, title, summary, kind, minutes, position <= 2, content, createdAt, createdAt]
    }
  }
}

/** Between half and one and a half times the mean, so that all together are the total; the second course has none yet. */
function lessonCount(courseIndex: number, rest: number, left: number, random: Random): number {
  if (courseIndex === 1) return 0
  const mean = left / rest
  return rest === 1 ? left : Math.round(mean * (0.5 + random.next()))
}
