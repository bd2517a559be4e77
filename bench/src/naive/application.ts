// The service as the field reports describe theirs before they were made fast: setting.ts says what's wrong with it, one by one.
import { fastify, type FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { blogRoutes } from './blogs.ts'
import { gamificationRoutes } from './gamification.ts'
import { checkHealth } from './health-check.ts'
import { learningRoutes } from './learning.ts'

/** It neither listens nor closes the client. */
export function createNaiveApplication(sql: Sql): FastifyInstance {
  const app = fastify()
  app.addHook('onRequest', () => checkHealth(sql))
  app.get('/health', () => ({ status: 'ok' }))
  learningRoutes(app, sql)
  gamificationRoutes(app, sql)
  blogRoutes(app, sql)
  return app
}
