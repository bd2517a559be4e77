// What the courses resource does, apart from HTTP, SQL and caching.
import { ApiError } from '../../errors.ts'
import type { Caller } from '../../http/caller.ts'
import { decodeCursor, type Page } from '../keyset-page.ts'
import type { CoursesCache } from './cache.ts'
import type { Course, CourseListQuery, CourseSummary, LessonList } from './schema.ts'

/** Answers are the cache's own: frozen, and for all who ask. */
export interface CoursesService {
  /** @throws API_ERR_CURSOR */
  list(query: CourseListQuery, caller?: Caller): Promise<Page<CourseSummary>>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  get(id: number, caller?: Caller): Promise<Course>
  /** @throws API_ERR_COURSE_NOT_FOUND */
  lessons(courseId: number, caller?: Caller): Promise<LessonList>
}

export function createCoursesService(cache: CoursesCache): CoursesService {
  return {
    async list({ limit, cursor, category, level }, caller) {
      const filter = {
        ...(category === undefined ? {} : { category }),
        ...(level === undefined ? {} : { level }),
        ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
        limit,
      }
      return cache.page(filter, caller)
    },

    async get(id, caller) {
      return found(await cache.find(id, caller))
    },

    async lessons(courseId, caller) {
      return found(await cache.lessons(courseId, caller))
    },
  }
}

function found<Something>(something: Something | null): Something {
  if (something === null) throw new ApiError('API_ERR_COURSE_NOT_FOUND', 'No published course has this id.')
  return something
}
