// What the blogs resource does, apart from HTTP, SQL and caching.
import { ApiError } from '../../errors.ts'
import type { Caller } from '../../http/caller.ts'
import { decodeCursor, type Page } from '../keyset-page.ts'
import type { BlogsCache } from './cache.ts'
import type { BlogsRepository } from './repository.ts'
import type { IsExpected } from './revision.ts'
import type { Blog, BlogListQuery, BlogReplacement, BlogSummary, NewBlog } from './schema.ts'
import { slugCandidates } from './slug.ts'

/** What's read is the cache's own: frozen, and for all who ask. */
export interface BlogsService {
  /** @throws API_ERR_CURSOR */
  list(query: BlogListQuery, caller?: Caller): Promise<Page<BlogSummary>>
  /** @throws API_ERR_BLOG_NOT_FOUND */
  get(id: number, caller?: Caller): Promise<Blog>
  /** @throws API_ERR_UNKNOWN_REFERENCE when there is no such author */
  create(blog: NewBlog, caller?: Caller): Promise<Blog>
  /** @throws API_ERR_BLOG_NOT_FOUND, API_ERR_PRECONDITION_FAILED */
  replace(id: number, replacement: BlogReplacement, isExpected: IsExpected, caller?: Caller): Promise<Blog>
}

export interface BlogsServiceParts {
  readonly cache: BlogsCache
  readonly repository: BlogsRepository
  /** For slugs that are taken. */
  readonly random: { next(): number }
}

export function createBlogsService({ cache, repository, random }: BlogsServiceParts): BlogsService {
  return {
    async list({ limit, cursor, tag, author }, caller) {
      const filter = {
        ...(tag === undefined ? {} : { tag }),
        ...(author === undefined ? {} : { author }),
        ...(cursor === undefined ? {} : { after: decodeCursor(cursor) }),
        limit,
      }
      return cache.page(filter, caller)
    },

    async get(id, caller) {
      const blog = await cache.find(id, caller)
      if (blog === null) throw new ApiError('API_ERR_BLOG_NOT_FOUND', 'No published blog has this id.')
      return blog
    },

    async create({ status = 'draft', ...blog }, caller) {
      const slugs = slugCandidates(blog.title, random)
      const created = await repository.create({ ...blog, status }, slugs, caller?.signal)
      if (created === null)
        throw new ApiError('API_ERR_UNKNOWN_REFERENCE', 'There is no user with the id in `authorId`.', {
          issues: [{ field: 'body.authorId', message: 'must be the id of a user' }],
        })
      return created
    },

    async replace(id, replacement, isExpected, caller) {
      const result = await repository.replace(id, replacement, isExpected, caller?.signal)
      if (result === 'absent') throw new ApiError('API_ERR_BLOG_NOT_FOUND', 'No blog has this id.')
      if (result === 'changed')
        throw new ApiError(
          'API_ERR_PRECONDITION_FAILED',
          'The blog is not the one that `If-Match` names: somebody has changed it. Read it again, and decide anew.',
        )
      return result
    },
  }
}
