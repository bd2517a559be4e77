// Addresses of the health pages. Nobody stores an answer; the two that cost something are limited per address.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../plugins/openapi.ts'
import { DatabaseTest, DetailedHealth, Health, Liveness, Readiness } from './schema.ts'
import type { HealthService } from './service.ts'

export interface HealthRoutesOptions {
  readonly service: HealthService
}

const tags = ['health']

export const healthRoutes: FastifyPluginCallbackTypebox<HealthRoutesOptions> = (app, { service }, done) => {
  app.addHook('onSend', (_request, reply, payload, next) => {
    void reply.header('cache-control', 'no-store')
    next(null, payload)
  })

  app.get(
    '/health/live',
    {
      config: { access: 'public' },
      schema: { tags, summary: 'Does the process answer?', response: { 200: Liveness, ...problemResponses() } },
    },
    () => ({ status: 'ok' as const }),
  )

  app.get(
    '/health/ready',
    {
      config: { access: 'public' },
      schema: { tags, summary: 'Does this worker want traffic?', response: { 200: Readiness, 503: Readiness } },
    },
    (_request, reply) => {
      const readiness = service.readiness()
      void reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness)
    },
  )

  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'State at a glance, with the database as last seen',
        response: { 200: Health, 503: Health },
      },
    },
    (_request, reply) => {
      const health = service.health()
      void reply.code(codeFor(health.status)).send(health)
    },
  )

  app.get(
    '/health/detailed',
    {
      config: { access: 'public', limit: 'expensive' },
      schema: {
        tags,
        summary: 'State with the figures behind it',
        response: { ...problemResponses('API_ERR_RATE_LIMITED'), 200: DetailedHealth, 503: DetailedHealth },
      },
    },
    async (_request, reply) => {
      const detailed = service.detailed(await openConnections(app.server))
      return reply.code(codeFor(detailed.status)).send(detailed)
    },
  )

  app.get(
    '/api/db-test',
    {
      config: { access: 'public', limit: 'expensive' },
      schema: {
        tags,
        summary: 'A query through the pool, now',
        response: {
          200: DatabaseTest,
          ...problemResponses(
            'API_ERR_RATE_LIMITED',
            'API_ERR_DATABASE_UNAVAILABLE',
            'API_ERR_DATABASE_BUSY',
            'API_ERR_DATABASE_TIMEOUT',
          ),
        },
      },
    },
    request => service.testDatabase(request.deadline.signal),
  )

  done()
}

function codeFor(status: 'ok' | 'degraded' | 'draining' | 'down'): 200 | 503 {
  return status === 'ok' || status === 'degraded' ? 200 : 503
}

function openConnections(server: {
  getConnections(answer: (error: Error | null, count: number) => void): void
}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  return promise
}
