// What of the courses resource is cached, and under which keys. A key says all that an answer depends on, so that it can be loaded again from the key alone.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../cache/kinds.ts'
import type { CourseFilter, CoursesRepository } from './repository.ts'
import type { Course, CourseSummary, Lesson } from './schema.ts'

export interface CoursesCache {
  list(filter: CourseFilter, signal?: AbortSignal): Promise<readonly CourseSummary[]>
  find(id: number, signal?: AbortSignal): Promise<Course | null>
  lessons(courseId: number, signal?: AbortSignal): Promise<readonly Lesson[] | null>
}

/** Tags to invalidate after a change. */
export const courseTags = {
  /** A course, its lessons included. */
  one: (id: number): string => `course:${id}`,
  /** Every list of courses. */
  lists: 'courses',
} as const

/** The same answers as the repository's, from the nearest tier that has them. */
export function createCoursesCache(cache: Cache, repository: CoursesRepository): CoursesCache {
  const courses = cache.namespace<Course | null>('courses', {
    ...KINDS.courses,
    tags: (_course, id) => [courseTags.one(Number(id))],
    load: ({ key, signal }) => repository.find(Number(key), signal),
  })
  const lists = cache.namespace<readonly CourseSummary[]>('courses.lists', {
    ...KINDS.courses,
    tags: () => [courseTags.lists],
    load: ({ key, signal }) => repository.list(JSON.parse(key) as CourseFilter, signal),
  })
  const lessons = cache.namespace<readonly Lesson[] | null>('lessons', {
    ...KINDS.lessons,
    tags: (_lessons, id) => [courseTags.one(Number(id))],
    load: ({ key, signal }) => repository.lessons(Number(key), signal),
  })
  const waiting = (signal: AbortSignal | undefined) => (signal === undefined ? undefined : { signal })
  return {
    list: (filter, signal) => lists.getOrLoad(listKey(filter), undefined, waiting(signal)),
    find: (id, signal) => courses.getOrLoad(String(id), undefined, waiting(signal)),
    lessons: (courseId, signal) => lessons.getOrLoad(String(courseId), undefined, waiting(signal)),
  }
}

/** One text for each filter, whatever the order of its fields. */
function listKey({ category, level, after, limit }: CourseFilter): string {
  return JSON.stringify({
    ...(category === undefined ? {} : { category }),
    ...(level === undefined ? {} : { level }),
    ...(after === undefined ? {} : { after: { atMs: after.atMs, id: after.id } }),
    limit,
  })
}
