// Addresses of the courses resource: schema in, service call, schema out.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../plugins/openapi.ts'
import { Course, CourseListQuery, CoursePage, CourseParams, LessonList, NoQuery } from './schema.ts'
import type { CoursesService } from './service.ts'

export interface CoursesRoutesOptions {
  readonly service: CoursesService
}

const tags = ['courses']
const databaseProblems = ['API_ERR_DATABASE_UNAVAILABLE', 'API_ERR_DATABASE_BUSY', 'API_ERR_DATABASE_TIMEOUT'] as const

export const coursesRoutes: FastifyPluginCallbackTypebox<CoursesRoutesOptions> = (app, { service }, done) => {
  app.get(
    '/api/courses',
    {
      config: { access: 'public', caching: 'courses' },
      schema: {
        tags,
        summary: 'Published courses, newest first, page by page',
        querystring: CourseListQuery,
        response: { 200: CoursePage, ...problemResponses('API_ERR_VALIDATION', 'API_ERR_CURSOR', ...databaseProblems) },
      },
    },
    request => service.list(request.query, request.caller),
  )

  app.get(
    '/api/courses/:id',
    {
      config: { access: 'public', caching: 'courses' },
      schema: {
        tags,
        summary: 'One published course',
        params: CourseParams,
        querystring: NoQuery,
        response: {
          200: Course,
          ...problemResponses('API_ERR_VALIDATION', 'API_ERR_COURSE_NOT_FOUND', ...databaseProblems),
        },
      },
    },
    request => service.get(request.params.id, request.caller),
  )

  app.get(
    '/api/courses/:id/lessons',
    {
      config: { access: 'public', caching: 'lessons' },
      schema: {
        tags,
        summary: 'The lessons of a published course, in order',
        params: CourseParams,
        querystring: NoQuery,
        response: {
          200: LessonList,
          ...problemResponses('API_ERR_VALIDATION', 'API_ERR_COURSE_NOT_FOUND', ...databaseProblems),
        },
      },
    },
    request => service.lessons(request.params.id, request.caller),
  )

  done()
}
