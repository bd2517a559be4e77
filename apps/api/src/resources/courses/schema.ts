// What clients send to and get from the courses resource. Types of the resource are made from these schemas, so neither can drift from the other.
import { Type, type Static } from 'typebox'
import { PageOf, pageParameters } from '../keyset-page.ts'

/** Identities are positive and stay exact in JavaScript. */
const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const Time = Type.String({ format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' })
const Category = Type.String({ pattern: '^[a-z][a-z-]{1,39}$', maxLength: 40, examples: ['programming'] })
const Level = Type.Enum(['beginner', 'intermediate', 'advanced'])

/** Exact, as text: JSON's numbers are binary floating point. */
const Price = Type.Object(
  {
    amount: Type.String({ examples: ['49.00'] }),
    currency: Type.String({ description: 'ISO 4217.', examples: ['EUR'] }),
  },
  { additionalProperties: false },
)

const courseFields = {
  id: Id,
  slug: Type.String(),
  title: Type.String(),
  summary: Type.String(),
  category: Category,
  level: Level,
  language: Type.String({ description: 'ISO 639-1.' }),
  price: Price,
  publishedAt: Time,
}

/** A course as lists show it. */
export const CourseSummary = Type.Object(courseFields, { additionalProperties: false })
export type CourseSummary = Static<typeof CourseSummary>

/** A course by itself. */
export const Course = Type.Object(
  {
    ...courseFields,
    description: Type.String(),
    instructor: Type.Object({ id: Id, name: Type.String() }, { additionalProperties: false }),
    lessonCount: Type.Integer({ minimum: 0 }),
    durationMinutes: Type.Integer({ minimum: 0, description: 'Of all lessons together.' }),
    updatedAt: Time,
  },
  { additionalProperties: false },
)
export type Course = Static<typeof Course>

/** A lesson as the table of contents shows it. */
export const Lesson = Type.Object(
  {
    id: Id,
    position: Type.Integer({ minimum: 1 }),
    title: Type.String(),
    summary: Type.String(),
    kind: Type.Enum(['video', 'reading', 'exercise', 'quiz']),
    durationMinutes: Type.Integer({ minimum: 1 }),
    isPreview: Type.Boolean({ description: 'Open to everybody before enrolment.' }),
  },
  { additionalProperties: false },
)
export type Lesson = Static<typeof Lesson>

export const CourseParams = Type.Object({ id: Id }, { additionalProperties: false })

export const CourseListQuery = Type.Object(
  { ...pageParameters, category: Type.Optional(Category), level: Type.Optional(Level) },
  { additionalProperties: false },
)
export type CourseListQuery = Static<typeof CourseListQuery>

export const CoursePage = PageOf(CourseSummary, 'Published courses, newest first.')
export const LessonList = Type.Object(
  { items: Type.Array(Lesson) },
  { additionalProperties: false, description: 'Lessons in the order of the course.' },
)
export type LessonList = Static<typeof LessonList>

/** For addresses that take no query: a parameter that changes nothing would only make more cache entries. */
export const NoQuery = Type.Object({}, { additionalProperties: false })
