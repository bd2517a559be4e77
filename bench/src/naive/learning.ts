// Courses and lessons, the naive way.
import type { FastifyInstance } from 'fastify'
import type { Row, Sql } from 'postgres'
import { notFound } from './not-found.ts'
import { offsetOf, type PageQuery } from './offset-page.ts'

export function learningRoutes(app: FastifyInstance, sql: Sql): void {
  app.get<{ Querystring: PageQuery & { category?: string } }>('/api/courses', async ({ query }) => {
    const { limit, offset } = offsetOf(query)
    const category = query.category === undefined ? sql`` : sql`and category = ${query.category}`
    const courses = await sql`
      select * from courses where status = 'published' ${category}
      order by published_at desc, id desc limit ${limit} offset ${offset}`
    return { courses }
  })

  app.get<{ Params: { id: string } }>('/api/courses/:id', async ({ params }) => {
    const course = await publishedCourse(sql, params.id)
    const [instructor] = await sql`select * from users where id = ${course['instructor_id']}`
    const [lessons] = await sql`
      select count(*)::int as count, coalesce(sum(duration_minutes), 0)::int as minutes from lessons where course_id = ${params.id}`
    return { course, instructor, lessons }
  })

  app.get<{ Params: { id: string } }>('/api/courses/:id/lessons', async ({ params }) => {
    await publishedCourse(sql, params.id)
    return { lessons: await sql`select * from lessons where course_id = ${params.id} order by position` }
  })
}

async function publishedCourse(sql: Sql, id: string): Promise<Row> {
  const [course] = await sql`select * from courses where id = ${id} and status = 'published'`
  return course ?? notFound('course')
}
