// What's asked about blogs, and what of the answers is the data.
import { pathQuestion, type Question } from './question.ts'

interface BlogRow {
  readonly id: string
  readonly slug: string
  readonly title: string
  readonly content: string
  readonly tags: readonly string[]
  readonly status: string
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  readonly author: { readonly id: string; readonly display_name: string }
}

export interface BlogFilter {
  readonly tag?: string
  readonly author?: number
}

const EXCERPT_CHARACTERS = 200

/** The first page, of all blogs or of some. */
export function blogsQuestion(limit: number, filter: BlogFilter = {}): Question {
  const search = new URLSearchParams({
    limit: String(limit),
    ...(filter.tag === undefined ? {} : { tag: filter.tag }),
    ...(filter.author === undefined ? {} : { author: String(filter.author) }),
  })
  return pathQuestion(
    `/api/blogs?${search.toString()}`,
    ({ blogs }: { blogs: BlogRow[] }) => blogs.map(blog => ({ ...summaryOf(blog), ...excerptOf(blog.content) })),
    ({ items }: { items: unknown[] }) => items,
  )
}

export function blogQuestion(id: number): Question {
  return pathQuestion(
    `/api/blogs/${id}`,
    ({ blog }: { blog: BlogRow }) => ({
      ...summaryOf(blog),
      content: blog.content,
      status: blog.status,
      version: blog.version,
      updatedAt: blog.updated_at,
    }),
    (blog: object) => blog,
  )
}

function summaryOf({ id, slug, title, tags, author, created_at }: BlogRow) {
  return {
    id: Number(id),
    slug,
    title,
    tags,
    author: { id: Number(author.id), name: author.display_name },
    createdAt: created_at,
  }
}

/** Characters are code points, not halves of them. */
function excerptOf(content: string) {
  const characters = Array.from(content)
  return {
    excerpt: characters.slice(0, EXCERPT_CHARACTERS).join(''),
    truncated: characters.length > EXCERPT_CHARACTERS,
  }
}
