// What of the courses resource is cached, and under which keys. A key says all that an answer depends on, so that it can be loaded again from the key alone.
//
// Values are whole answers, in the shape that routes send: the same object each time while it's in memory, so that its text and its tag are made once.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../cache/kinds.ts'
import type { Caller } from '../../http/caller.ts'
import { pageFrom, type Page } from '../keyset-page.ts'
import type { CourseFilter, CoursesRepository } from './repository.ts'
import type { Course, CourseSummary, LessonList } from './schema.ts'

export interface CoursesCache {
  /** At most `filter.limit` courses. */
  page(filter: CourseFilter, caller?: Caller): Promise<Page<CourseSummary>>
  find(id: number, caller?: Caller): Promise<Course | null>
  lessons(courseId: number, caller?: Caller): Promise<LessonList | null>
}

/** Tags to invalidate after a change. */
export const courseTags = {
  /** A course, its lessons included. */
  one: (id: number): string => `course:${id}`,
  /** Every list of courses. */
  lists: 'courses',
} as const

/** The repository's answers, from the nearest tier that has them. */
export function createCoursesCache(cache: Cache, repository: CoursesRepository): CoursesCache {
  const courses = cache.namespace<Course | null>('courses', {
    ...KINDS.courses,
    tags: (_course, id) => [courseTags.one(Number(id))],
    load: ({ key, signal }) => repository.find(Number(key), signal),
  })
  const pages = cache.namespace<Page<CourseSummary>>('courses.pages', {
    ...KINDS.courses,
    tags: () => [courseTags.lists],
    load: async ({ key, signal }) => {
      const filter = JSON.parse(key) as CourseFilter
      const rows = await repository.list({ ...filter, limit: filter.limit + 1 }, signal)
      return pageFrom(rows, filter.limit, course => ({ atMs: Date.parse(course.publishedAt), id: course.id }))
    },
  })
  const lessons = cache.namespace<LessonList | null>('courses.lessons', {
    ...KINDS.lessons,
    tags: (_lessons, id) => [courseTags.one(Number(id))],
    load: async ({ key, signal }) => {
      const items = await repository.lessons(Number(key), signal)
      return items === null ? null : { items: [...items] }
    },
  })
  return {
    page: (filter, caller) => pages.getOrLoad(pageKey(filter), undefined, caller),
    find: (id, caller) => courses.getOrLoad(String(id), undefined, caller),
    lessons: (courseId, caller) => lessons.getOrLoad(String(courseId), undefined, caller),
  }
}

/** One text for each filter, whatever the order of its fields. */
function pageKey({ category, level, after, limit }: CourseFilter): string {
  return JSON.stringify({
    ...(category === undefined ? {} : { category }),
    ...(level === undefined ? {} : { level }),
    ...(after === undefined ? {} : { after: { atMs: after.atMs, id: after.id } }),
    limit,
  })
}
