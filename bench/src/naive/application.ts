// The service as the field reports describe theirs before they were made fast: setting.ts says what's wrong with it, one by one.
import { fastify, type FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { authRoutes } from './auth.ts'
import { blogRoutes } from './blogs.ts'
import { gamificationRoutes } from './gamification.ts'
import { checkHealth } from './health-check.ts'
import { learningRoutes } from './learning.ts'

/** It neither listens nor closes the client. */
export function createNaiveApplication(sql: Sql): FastifyInstance {
  const app = fastify()
  app.register((checked, _options, done) => {
    checked.addHook('onRequest', () => checkHealth(sql))
    checked.get('/health', () => ({ status: 'ok' }))
    learningRoutes(checked, sql)
    gamificationRoutes(checked, sql)
    blogRoutes(checked, sql)
    done()
  })
  // The report about signing in has no such check.
  authRoutes(app, sql)
  return app
}
