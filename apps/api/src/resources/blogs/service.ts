// What the blogs resource does, apart from HTTP, SQL and caching.
import { ApiError } from '../../errors.ts'
import type { Caller } from '../../http/caller.ts'
import { decodeCursor, type Page } from '../keyset-page.ts'
import type { BlogsCache } from './cache.ts'
import type { BlogsRepository } from './repository.ts'
import type { IsExpected } from './revision.ts'
import type { Blog, BlogListQuery, BlogReplacement, BlogSummary, NewBlog } from './schema.ts'
import { slugCandidates } from './slug.ts'

/** In whose name something is written. */
export interface Writer {
  /** Null: an operator, who is no user. */
  readonly userId: number | null
  /** Operators and admins write in anybody's. */
  readonly mayNameOthers: boolean
}

/** What's read is the cache's own: frozen, and for all who ask. */
export interface BlogsService {
  /** @throws API_ERR_CURSOR */
  list(query: BlogListQuery, caller?: Caller): Promise<Page<BlogSummary>>
  /** @throws API_ERR_BLOG_NOT_FOUND */
  get(id: number, caller?: Caller): Promise<Blog>
  /**
   * @throws API_ERR_UNKNOWN_REFERENCE when there is no such author, API_ERR_VALIDATION when none was named, API_ERR_FORBIDDEN when it's another than the writer
   */
  create(blog: NewBlog, writer: Writer, caller?: Caller): Promise<Blog>
  /**
   * @throws API_ERR_BLOG_NOT_FOUND, also for what the writer can't see; API_ERR_FORBIDDEN, API_ERR_PRECONDITION_FAILED
   */
  replace(
    id: number,
    replacement: BlogReplacement,
    isExpected: IsExpected,
    writer: Writer,
    caller?: Caller,
  ): Promise<Blog>
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

    async create({ status = 'draft', authorId = null, ...blog }, writer, caller) {
      const { userId, mayNameOthers } = writer
      if (!mayNameOthers && authorId !== null && authorId !== userId)
        throw new ApiError('API_ERR_FORBIDDEN', 'Nobody writes in the name of another user.')
      const author = authorId ?? userId
      if (author === null)
        throw new ApiError('API_ERR_VALIDATION', 'Say in `authorId` whose blog it is.', {
          issues: [{ field: 'body.authorId', message: 'is missing: operators have no blogs of their own' }],
        })
      const slugs = slugCandidates(blog.title, random)
      const created = await repository.create({ ...blog, authorId: author, status }, slugs, caller?.signal)
      if (created === null)
        throw new ApiError('API_ERR_UNKNOWN_REFERENCE', 'There is no user with the id in `authorId`.', {
          issues: [{ field: 'body.authorId', message: 'must be the id of a user' }],
        })
      return created
    },

    async replace(id, replacement, isExpected, writer, caller) {
      const result = await repository.replace(
        id,
        replacement,
        { isExpected, writer: writer.mayNameOthers ? null : writer.userId },
        caller?.signal,
      )
      if (result === 'foreign') throw new ApiError('API_ERR_FORBIDDEN', 'This blog belongs to another user.')
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
