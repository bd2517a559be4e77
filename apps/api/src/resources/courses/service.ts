// What the courses resource does, apart from HTTP and SQL. This is also where a cache will meet the repository: each method is one cacheable answer.
import { ApiError } from '../../errors.ts'
import { decodeCursor, pageFrom, type Page } from '../keyset-page.ts'
import type { CoursesRepository } from './repository.ts'
import type { Course, CourseListQuery, CourseSummary, Lesson } from './schema.ts'

export interface CoursesService {
  /** @throws API_ERR_CURSOR */
  list(query: CourseListQuery, signal?: AbortSignal): Promise<Page<CourseSummary>>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  get(id: number, signal?: AbortSignal): Promise<Course>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  lessons(courseId: number, signal?: AbortSignal): Promise<{ items: Lesson[] }>
}

export function createCoursesService(repository: CoursesRepository): CoursesService {
  return {
    async list({ limit, cursor, category, level }, signal) {
      const filter = {
        ...(category === undefined ? {} : { category }),
        ...(level === undefined ? {} : { level }),
        ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
        limit: limit + 1,
      }
      const rows = await repository.list(filter, signal)
      return pageFrom(rows, limit, course => ({ atMs: Date.parse(course.publishedAt), id: course.id }))
    },

    async get(id, signal) {
      return found(await repository.find(id, signal))
    },

    async lessons(courseId, signal) {
      return { items: [...found(await repository.lessons(courseId, signal))] }
    },
  }
}

function found<Something>(something: Something | null): Something {
  if (something === null) throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No published course has this id.')
  return something
}
