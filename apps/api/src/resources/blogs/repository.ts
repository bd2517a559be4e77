// The blogs resource's SQL, and nothing else: no cache, no HTTP. Rows leave in the shape of the resource's schemas.
//
// Only published blogs exist for what reads; what writes sees all. A writing transaction says what it has changed by tags (tags.ts): they're told after its commit,
// also when it isn't known what became of the commit.
import type { Fragment } from 'postgres'
import type { Database, DatabaseSql } from '../../database/database.ts'
import { listStatement, type BlogFilter } from './list-statement.ts'
import type { IsExpected } from './revision.ts'
import type { Blog, BlogReplacement, BlogSummary, NewBlog } from './schema.ts'
import { blogTags } from './tags.ts'

export type Draft = Required<NewBlog>

export interface BlogsRepository {
  /** At most `limit` published blogs, newest first. */
  list(filter: BlogFilter, signal?: AbortSignal): Promise<readonly BlogSummary[]>
  /** Null when there is no such published blog. */
  find(id: number, signal?: AbortSignal): Promise<Blog | null>
  /** Takes the first of the slugs that's free. Null when there is no such author. */
  create(draft: Draft, slugs: readonly string[], signal?: AbortSignal): Promise<Blog | null>
  /** Replaces what the client has read, and nothing else. */
  replace(
    id: number,
    replacement: BlogReplacement,
    condition: ReplaceCondition,
    signal?: AbortSignal,
  ): Promise<Blog | 'absent' | 'foreign' | 'changed'>
}

/** When a blog may be replaced. */
export interface ReplaceCondition {
  readonly isExpected: IsExpected
  /** Whose it has to be; null: anybody's. A draft of another is as absent for them as it is for readers. */
  readonly writer: number | null
}

interface CommonRow {
  id: number
  slug: string
  title: string
  tags: string[]
  authorId: number
  authorName: string
  createdAt: Date
}
type SummaryRow = CommonRow & Pick<BlogSummary, 'excerpt' | 'truncated'>
type BlogRow = CommonRow & Pick<Blog, 'content' | 'status' | 'version'> & { updatedAt: Date }
/** What the table has of it. */
type OwnRow = Omit<BlogRow, 'authorId' | 'authorName'>
type CurrentRow = Pick<BlogRow, 'version' | 'status' | 'authorId' | 'authorName'>

/** A statement has to see what was committed while it waited for a lock, which is so at this level only. */
const WRITING = { isolation: 'read committed', retries: 2 } as const

export function createBlogsRepository(database: Database): BlogsRepository {
  const { sql } = database

  const published = database.loader<BlogRow>({
    name: 'blogs.find',
    idOf: row => row.id,
    query: ids => sql`
      select ${ownColumns(sql)}, u.id as "authorId", u.display_name as "authorName"
      from blogs b
      join users u on u.id = b.author_id
      where b.id = any(${ids}::bigint[]) and b.status = 'published'`,
  })

  return {
    async list(filter, signal) {
      const { text, parameters, prepare } = listStatement(filter)
      const query = sql.unsafe<SummaryRow[]>(text, parameters, { prepare })
      return (await database.read('blogs.list', query, signal)).map(toSummary)
    },

    async find(id, signal) {
      const row = await published(id, signal)
      return row === null ? null : toBlog(row)
    },

    create({ authorId, title, content, tags, status }, slugs, signal) {
      return database.transaction(
        'blogs.create',
        async tx => {
          // Held, so that there's still one at the commit.
          const [author] = await tx<Blog['author'][]>`
            select id, display_name as name from users where id = ${authorId} for key share`
          if (author === undefined) return null
          for (const slug of slugs) {
            const [row] = await tx<OwnRow[]>`
              insert into blogs as b (author_id, slug, title, content, tags, status)
              values (${authorId}, ${slug}, ${title}, ${content}, ${tags}::text[], ${status})
              on conflict (slug) do nothing
              returning ${ownColumns(tx)}`
            if (row === undefined) continue
            // Whoever asked for the id before there was a blog has been told so, and the cache as well.
            tx.invalidates([blogTags.one(row.id), ...(status === 'published' ? [blogTags.lists] : [])])
            return toBlog({ ...row, authorId: author.id, authorName: author.name })
          }
          throw new Error(`None of the slugs for a new blog of author ${authorId} was free.`)
        },
        { ...WRITING, signal },
      )
    },

    replace(id, { title, content, tags, status }, { isExpected, writer }, signal) {
      return database.transaction(
        'blogs.replace',
        async tx => {
          // Who comes second waits here, and then sees the version that the first has made.
          const [current] = await tx<CurrentRow[]>`
            select b.version, b.status, u.id as "authorId", u.display_name as "authorName"
            from blogs b
            join users u on u.id = b.author_id
            where b.id = ${id}
            for update of b`
          if (current === undefined) return 'absent'
          const { authorId, authorName, version } = current
          if (writer !== null && writer !== authorId) return current.status === 'published' ? 'foreign' : 'absent'
          if (!isExpected({ version, author: { id: authorId, name: authorName } })) return 'changed'
          const [row] = await tx<[OwnRow]>`
            update blogs b
            set title = ${title}, content = ${content}, tags = ${tags}::text[], status = ${status},
                version = version + 1, updated_at = now()
            where id = ${id}
            returning ${ownColumns(tx)}`
          const isListed = current.status === 'published' || status === 'published'
          tx.invalidates([blogTags.one(id), ...(isListed ? [blogTags.lists] : [])])
          return toBlog({ ...row, authorId, authorName })
        },
        { ...WRITING, signal },
      )
    },
  }
}

/** Columns of the table `b` for an {@link OwnRow}. */
function ownColumns(sql: DatabaseSql): Fragment {
  return sql`
    b.id, b.slug, b.title, b.content, b.tags, b.status, b.version, b.created_at as "createdAt", b.updated_at as "updatedAt"`
}

function toCommon({ id, slug, title, tags, authorId, authorName, createdAt }: CommonRow) {
  return { id, slug, title, tags, author: { id: authorId, name: authorName }, createdAt: createdAt.toISOString() }
}

function toSummary(row: SummaryRow): BlogSummary {
  const { excerpt, truncated } = row
  return { ...toCommon(row), excerpt, truncated }
}

function toBlog(row: BlogRow): Blog {
  const { content, status, version, updatedAt } = row
  return { ...toCommon(row), content, status, version, updatedAt: updatedAt.toISOString() }
}
