// Addresses of the blogs resource: schema in, service call, schema out.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { actingUser } from '../../plugins/access.ts'
import { problemResponses } from '../../plugins/openapi.ts'
import { entityTag, expectedBy } from './revision.ts'
import {
  Blog,
  BlogListQuery,
  BlogPage,
  BlogParams,
  BlogReplacement,
  NewBlog,
  NoQuery,
  ReplaceHeaders,
} from './schema.ts'
import type { BlogsService } from './service.ts'

export interface BlogsRoutesOptions {
  readonly service: BlogsService
}

const tags = ['blogs']
const databaseProblems = ['API_ERR_DATABASE_UNAVAILABLE', 'API_ERR_DATABASE_BUSY', 'API_ERR_DATABASE_TIMEOUT'] as const
const writeProblems = [
  'API_ERR_VALIDATION',
  'API_ERR_MALFORMED_JSON',
  'API_ERR_FORBIDDEN',
  'API_ERR_BODY_TOO_LARGE',
  'API_ERR_MEDIA_TYPE',
  'API_ERR_DATABASE_OUTCOME_UNKNOWN',
  ...databaseProblems,
] as const

/** Whatever is valid fits, however it's spelt: 50,000 characters that are two escapes each (`\ud83d\ude00`), and the rest. */
const MAX_BODY_BYTES = 640 * 1024

export const blogsRoutes: FastifyPluginCallbackTypebox<BlogsRoutesOptions> = (app, { service }, done) => {
  app.get(
    '/api/blogs',
    {
      config: { access: 'public', caching: 'blogs' },
      schema: {
        tags,
        summary: 'Published blogs, newest first, page by page; by tag, by author, or both',
        querystring: BlogListQuery,
        response: { 200: BlogPage, ...problemResponses('API_ERR_VALIDATION', 'API_ERR_CURSOR', ...databaseProblems) },
      },
    },
    request => service.list(request.query, request.caller),
  )

  app.get(
    '/api/blogs/:id',
    {
      config: { access: 'public', caching: 'blogs' },
      schema: {
        tags,
        summary: 'One published blog with its whole text',
        params: BlogParams,
        querystring: NoQuery,
        response: {
          200: Blog,
          ...problemResponses('API_ERR_VALIDATION', 'API_ERR_BLOG_NOT_FOUND', ...databaseProblems),
        },
      },
    },
    async (request, reply) => {
      const blog = await service.get(request.params.id, request.caller)
      void reply.header('etag', entityTag(blog))
      return blog
    },
  )

  app.post(
    '/api/blogs',
    {
      config: { access: 'author' },
      bodyLimit: MAX_BODY_BYTES,
      // The tag is that of these bytes.
      compress: false,
      schema: {
        tags,
        summary: 'Write a blog',
        querystring: NoQuery,
        body: NewBlog,
        response: { 201: Blog, ...problemResponses('API_ERR_UNKNOWN_REFERENCE', ...writeProblems) },
      },
    },
    async (request, reply) => {
      const blog = await service.create(request.body, actingUser(request), request.caller)
      void reply.code(201).header('location', `/api/blogs/${blog.id}`).header('etag', entityTag(blog))
      return blog
    },
  )

  app.put(
    '/api/blogs/:id',
    {
      config: { access: 'author' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'Replace title, text, tags and status of a blog that was read before',
        params: BlogParams,
        querystring: NoQuery,
        headers: ReplaceHeaders,
        body: BlogReplacement,
        response: {
          200: Blog,
          ...problemResponses(
            'API_ERR_BLOG_NOT_FOUND',
            'API_ERR_PRECONDITION_FAILED',
            'API_ERR_PRECONDITION_REQUIRED',
            ...writeProblems,
          ),
        },
      },
    },
    request =>
      service.replace(
        request.params.id,
        request.body,
        expectedBy(request.headers['if-match']),
        actingUser(request),
        request.caller,
      ),
  )

  done()
}
