// The courses resource's SQL, and nothing else: no cache, no HTTP. Only published courses exist for it.
//
// Rows leave in the shape of the resource's schemas; every method is one statement, and what's read by id shares it with others that come in meanwhile.
import type { Database } from '../../database/database.ts'
import type { Place } from '../keyset-page.ts'
import type { Course, CourseListQuery, CourseSummary, Lesson } from './schema.ts'

/** Which courses to list. */
export interface CourseFilter {
  readonly category?: CourseListQuery['category']
  readonly level?: CourseListQuery['level']
  /** Only courses that come after this place. */
  readonly after?: Place
  readonly limit: number
}

export interface CoursesRepository {
  /** At most `limit` courses, newest first. */
  list(filter: CourseFilter, signal?: AbortSignal): Promise<readonly CourseSummary[]>
  /** Null when there is no such course. */
  find(id: number, signal?: AbortSignal): Promise<Course | null>
  /** Lessons in order; null when there is no such course. */
  lessons(courseId: number, signal?: AbortSignal): Promise<readonly Lesson[] | null>
}

type SummaryRow = Omit<CourseSummary, 'price' | 'publishedAt'> & { amount: string; currency: string; publishedAt: Date }
type CourseRow = SummaryRow & {
  description: string
  instructorId: number
  instructorName: string
  lessonCount: number
  durationMinutes: number
  updatedAt: Date
}
/** All of a lesson, or all null for a course without lessons. */
type LessonRow = { courseId: number } & (Lesson | { [Field in keyof Lesson]: null })

export function createCoursesRepository(database: Database): CoursesRepository {
  const { sql } = database

  const courses = database.loader<CourseRow>({
    name: 'courses.find',
    idOf: row => row.id,
    query: ids => sql`
      select c.id, c.slug, c.title, c.summary, c.category, c.level, c.language, c.price as amount, c.currency,
             c.published_at as "publishedAt", c.description, c.updated_at as "updatedAt",
             u.id as "instructorId", u.display_name as "instructorName",
             l.count as "lessonCount", l.minutes as "durationMinutes"
      from courses c
      join users u on u.id = c.instructor_id
      cross join lateral (
        select count(*)::int as count, coalesce(sum(duration_minutes), 0)::int as minutes from lessons where course_id = c.id
      ) l
      where c.id = any(${ids}::bigint[]) and c.status = 'published'`,
  })

  // One statement for both questions: no row means no course, one row of nulls a course without lessons.
  const lessons = database.manyLoader<LessonRow>({
    name: 'courses.lessons',
    idOf: row => row.courseId,
    query: ids => sql`
      select c.id as "courseId", l.id, l.position, l.title, l.summary, l.kind, l.duration_minutes as "durationMinutes",
             l.is_preview as "isPreview"
      from courses c
      left join lessons l on l.course_id = c.id
      where c.id = any(${ids}::bigint[]) and c.status = 'published'
      order by l.position`,
  })

  return {
    async list({ category, level, after, limit }, signal) {
      // The row comparison is what the index on (published_at desc, id desc) answers without sorting.
      const query = sql<SummaryRow[]>`
        select id, slug, title, summary, category, level, language, price as amount, currency, published_at as "publishedAt"
        from courses
        where status = 'published'
          ${category === undefined ? sql`` : sql`and category = ${category}`}
          ${level === undefined ? sql`` : sql`and level = ${level}`}
          ${after === undefined ? sql`` : sql`and (published_at, id) < (${new Date(after.atMs)}, ${after.id})`}
        order by published_at desc, id desc
        limit ${limit}`
      return (await database.read('courses.list', query, signal)).map(toSummary)
    },

    async find(id, signal) {
      const row = await courses(id, signal)
      return row === null ? null : toCourse(row)
    },

    async lessons(courseId, signal) {
      const rows = await lessons(courseId, signal)
      return rows.length === 0 ? null : rows.filter(isLesson).map(toLesson)
    },
  }
}

function toSummary({ amount, currency, publishedAt, ...course }: SummaryRow): CourseSummary {
  return { ...course, price: { amount, currency }, publishedAt: publishedAt.toISOString() }
}

function toCourse({
  instructorId,
  instructorName,
  updatedAt,
  description,
  lessonCount,
  durationMinutes,
  ...summary
}: CourseRow): Course {
  return {
    ...toSummary(summary),
    description,
    instructor: { id: instructorId, name: instructorName },
    lessonCount,
    durationMinutes,
    updatedAt: updatedAt.toISOString(),
  }
}

function isLesson(row: LessonRow): row is { courseId: number } & Lesson {
  return row.id !== null
}

function toLesson({ id, position, title, summary, kind, durationMinutes, isPreview }: Lesson): Lesson {
  return { id, position, title, summary, kind, durationMinutes, isPreview }
}
