// What of the blogs resource is cached, and under which keys. A key says all that an answer depends on, so that it can be loaded again from the key alone.
//
// Values are whole answers, in the shape that routes send: the same object each time while it's in memory, so that its text and its tag are made once.
import type { Cache } from '@plimsoll/cache'
import { KINDS } from '../../cache/kinds.ts'
import type { Caller } from '../../http/caller.ts'
import { pageFrom, type Page } from '../keyset-page.ts'
import type { BlogFilter } from './list-statement.ts'
import type { BlogsRepository } from './repository.ts'
import type { Blog, BlogSummary } from './schema.ts'
import { blogTags } from './tags.ts'

export interface BlogsCache {
  /** At most `filter.limit` blogs. */
  page(filter: BlogFilter, caller?: Caller): Promise<Page<BlogSummary>>
  find(id: number, caller?: Caller): Promise<Blog | null>
}

/** The repository's answers, from the nearest tier that has them. */
export function createBlogsCache(cache: Cache, repository: BlogsRepository): BlogsCache {
  const blogs = cache.namespace<Blog | null>('blogs', {
    ...KINDS.blogs,
    tags: (_blog, id) => [blogTags.one(Number(id))],
    load: ({ key, signal }) => repository.find(Number(key), signal),
  })
  const pages = cache.namespace<Page<BlogSummary>>('blogs.pages', {
    ...KINDS.blogs,
    tags: () => [blogTags.lists],
    load: async ({ key, signal }) => {
      const filter = JSON.parse(key) as BlogFilter
      const rows = await repository.list({ ...filter, limit: filter.limit + 1 }, signal)
      return pageFrom(rows, filter.limit, blog => ({ atMs: Date.parse(blog.createdAt), id: blog.id }))
    },
  })
  return {
    page: (filter, caller) => pages.getOrLoad(pageKey(filter), undefined, caller),
    find: (id, caller) => blogs.getOrLoad(String(id), undefined, caller),
  }
}

/** One text for each filter, whatever the order of its fields. */
function pageKey({ tag, author, after, limit }: BlogFilter): string {
  return JSON.stringify({
    ...(tag === undefined ? {} : { tag }),
    ...(author === undefined ? {} : { author }),
    ...(after === undefined ? {} : { after: { atMs: after.atMs, id: after.id } }),
    limit,
  })
}
