// What the courses resource does, apart from HTTP, SQL and caching.
import { ApiError } from '../../errors.ts'
import { decodeCursor, pageFrom, type Page } from '../keyset-page.ts'
import type { CoursesCache } from './cache.ts'
import type { Course, CourseListQuery, CourseSummary, Lesson } from './schema.ts'

export interface CoursesService {
  /** @throws API_ERR_CURSOR */
  list(query: CourseListQuery, signal?: AbortSignal): Promise<Page<CourseSummary>>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  get(id: number, signal?: AbortSignal): Promise<Course>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  lessons(courseId: number, signal?: AbortSignal): Promise<{ items: Lesson[] }>
}

export function createCoursesService(cache: CoursesCache): CoursesService {
  return {
    async list({ limit, cursor, category, level }, signal) {
      const filter = {
        ...(category === undefined ? {} : { category }),
        ...(level === undefined ? {} : { level }),
        ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
        limit: limit + 1,
      }
      const rows = await cache.list(filter, signal)
      return pageFrom(rows, limit, course => ({ atMs: Date.parse(course.publishedAt), id: course.id }))
    },

    async get(id, signal) {
      return found(await cache.find(id, signal))
    },

    async lessons(courseId, signal) {
      return { items: [...found(await cache.lessons(courseId, signal))] }
    },
  }
}

function found<Something>(something: Something | null): Something {
  if (something === null) throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No published course has this id.')
  return something
}
