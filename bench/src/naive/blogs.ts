// Blogs, the naive way: a list has the whole texts, and asks for each blog's author.
import type { FastifyInstance } from 'fastify'
import type { Row, Sql } from 'postgres'
import { notFound } from './not-found.ts'
import { offsetOf, type PageQuery } from './offset-page.ts'

export function blogRoutes(app: FastifyInstance, sql: Sql): void {
  app.get<{ Querystring: PageQuery & { tag?: string; author?: string } }>('/api/blogs', async ({ query }) => {
    const { limit, offset } = offsetOf(query)
    const tag = query.tag === undefined ? sql`` : sql`and ${query.tag} = any(tags)`
    const author = query.author === undefined ? sql`` : sql`and author_id = ${query.author}`
    const blogs: Row[] = await sql`
      select * from blogs where status = 'published' ${tag} ${author}
      order by created_at desc, id desc limit ${limit} offset ${offset}`
    for (const blog of blogs) blog['author'] = await authorOf(sql, blog)
    return { blogs }
  })

  app.get<{ Params: { id: string } }>('/api/blogs/:id', async ({ params }) => {
    const [blog] = await sql`select * from blogs where id = ${params.id} and status = 'published'`
    if (blog === undefined) return notFound('blog')
    blog['author'] = await authorOf(sql, blog)
    return { blog }
  })
}

async function authorOf(sql: Sql, blog: Row): Promise<Row | undefined> {
  const [author] = await sql`select * from users where id = ${blog['author_id']}`
  return author
}
