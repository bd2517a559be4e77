// Dashboard, badges and wallet, the naive way.
import type { FastifyInstance } from 'fastify'
import type { Row, Sql } from 'postgres'
import { readDashboard } from './dashboard.ts'
import { notFound } from './not-found.ts'
import { offsetOf, type PageQuery } from './offset-page.ts'

interface UserParams {
  readonly Params: { readonly id: string }
}

export function gamificationRoutes(app: FastifyInstance, sql: Sql): void {
  app.get<UserParams>('/api/gamification/dashboard/:id', async ({ params }) => {
    return readDashboard(sql, await userOf(sql, params.id), Date.now())
  })

  app.get<UserParams>('/api/gamification/badges/:id', async ({ params }) => {
    await userOf(sql, params.id)
    const badges: Row[] = await sql`select * from badges order by id`
    for (const badge of badges) {
      const [award] = await sql`select * from user_badges where user_id = ${params.id} and badge_id = ${badge['id']}`
      badge['award'] = award ?? null
    }
    return { badges }
  })

  app.get<UserParams & { Querystring: PageQuery }>('/api/gamification/wallet/:id', async ({ params, query }) => {
    const { limit, offset } = offsetOf(query)
    await userOf(sql, params.id)
    const [wallet] = await sql`select * from wallets where user_id = ${params.id}`
    const transactions = await sql`
      select * from wallet_transactions where user_id = ${params.id} order by sequence desc limit ${limit} offset ${offset}`
    return { wallet: wallet ?? null, transactions }
  })
}

async function userOf(sql: Sql, id: string): Promise<Row> {
  const [user] = await sql`select * from users where id = ${id}`
  return user ?? notFound('user')
}
