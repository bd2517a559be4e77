// The statement of a list of blogs, by what it's filtered by.
//
// Three indexes answer it in order, so that it ends after a page's rows: idx_blogs_published, idx_blogs_author, and for a tag either the first of them, while most rows
// have the tag, or idx_blogs_tags, whose few rows are sorted. Which one is the short way only the tag itself says. So a statement by tag isn't prepared: a plan for any
// tag is made for one of middling frequency. Measured on 200,000 blogs: one such plan needs 236 ms for a tag that nobody has, since it walks through all of them, and
// plans of their own at most 17 ms for every frequency, of which planning is half a one. (On 5,000 blogs: 3.9 ms and 1.1.)
//
// Rows are chosen before anything is joined to them or cut from their texts.
import type { Place } from '../keyset-page.ts'
import { EXCERPT_LENGTH } from './schema.ts'

/** Which blogs to list. */
export interface BlogFilter {
  readonly tag?: string
  /** Id of the author. */
  readonly author?: number
  /** Only blogs that come after this place. */
  readonly after?: Place
  readonly limit: number
}

export interface ListStatement {
  readonly text: string
  readonly parameters: (string | number | Date)[]
  /** Whether one plan is right for every value. */
  readonly prepare: boolean
}

/** A character has four bytes at most, and how many bytes a long text has is known without unpacking it. */
const SURELY_LONGER_BYTES = EXCERPT_LENGTH * 4

export function listStatement({ tag, author, after, limit }: BlogFilter): ListStatement {
  const parameters: ListStatement['parameters'] = []
  const given = (value: string | number | Date, type: string): string => `$${parameters.push(value)}::${type}`
  const conditions = ["status = 'published'"]
  if (tag !== undefined) conditions.push(`tags @> array[${given(tag, 'text')}]`)
  if (author !== undefined) conditions.push(`author_id = ${given(author, 'bigint')}`)
  if (after !== undefined)
    conditions.push(`(created_at, id) < (${given(new Date(after.atMs), 'timestamptz')}, ${given(after.id, 'bigint')})`)
  const text = `
    select b.id, b.slug, b.title, b.tags, b.created_at as "createdAt", u.id as "authorId", u.display_name as "authorName",
           left(b.content, ${EXCERPT_LENGTH}) as excerpt,
           octet_length(b.content) > ${SURELY_LONGER_BYTES} or char_length(b.content) > ${EXCERPT_LENGTH} as truncated
    from (
      select id, slug, title, tags, created_at, author_id, content
      from blogs
      where ${conditions.join(' and ')}
      order by created_at desc, id desc
      limit ${given(limit, 'bigint')}
    ) b
    join users u on u.id = b.author_id
    order by b.created_at desc, b.id desc`
  return { text, parameters, prepare: tag === undefined }
}
