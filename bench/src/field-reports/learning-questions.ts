// What's asked about courses and lessons, and what of the answers is the data.
import { pathQuestion, type Question } from './question.ts'

interface CourseRow {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly description: string
  readonly category: string
  readonly level: string
  readonly language: string
  readonly price: string
  readonly currency: string
  readonly published_at: string
  readonly updated_at: string
}

interface LessonRow {
  readonly id: string
  readonly position: number
  readonly title: string
  readonly summary: string
  readonly kind: string
  readonly duration_minutes: number
  readonly is_preview: boolean
}

interface NaiveCourse {
  readonly course: CourseRow
  readonly instructor: { readonly id: string; readonly display_name: string }
  readonly lessons: { readonly count: number; readonly minutes: number }
}

/** The first page, of all courses or of one category. */
export function coursesQuestion(limit: number, category?: string): Question {
  const filter = category === undefined ? '' : `&category=${category}`
  return pathQuestion(
    `/api/courses?limit=${limit}${filter}`,
    ({ courses }: { courses: CourseRow[] }) => courses.map(summaryOf),
    itemsOf,
  )
}

export function courseQuestion(id: number): Question {
  return pathQuestion(
    `/api/courses/${id}`,
    ({ course, instructor, lessons }: NaiveCourse) => ({
      ...summaryOf(course),
      description: course.description,
      instructor: { id: Number(instructor.id), name: instructor.display_name },
      lessonCount: lessons.count,
      durationMinutes: lessons.minutes,
      updatedAt: course.updated_at,
    }),
    (course: object) => course,
  )
}

export function lessonsQuestion(courseId: number): Question {
  return pathQuestion(
    `/api/courses/${courseId}/lessons`,
    ({ lessons }: { lessons: LessonRow[] }) => lessons.map(lessonOf),
    itemsOf,
  )
}

function itemsOf({ items }: { readonly items: readonly unknown[] }): readonly unknown[] {
  return items
}

function summaryOf({ id, slug, title, summary, category, level, language, price, currency, published_at }: CourseRow) {
  return {
    id: Number(id),
    slug,
    title,
    summary,
    category,
    level,
    language,
    price: { amount: price, currency },
    publishedAt: published_at,
  }
}

function lessonOf({ id, position, title, summary, kind, duration_minutes, is_preview }: LessonRow) {
  return {
    id: Number(id),
    position,
    title,
    summary,
    kind,
    durationMinutes: duration_minutes,
    isPreview: is_preview,
  }
}
