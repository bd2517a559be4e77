// Addresses of the pages about performance. They're for operators, each costs something, and nobody stores an answer.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../plugins/openapi.ts'
import { NoQuery } from '../courses/schema.ts'
import { Recommendations } from './advice/schema.ts'
import { CacheClear, CacheCleared, CacheStats } from './cache-schema.ts'
import { PerformanceMetrics } from './metrics-schema.ts'
import type { PerformanceService } from './service.ts'

export interface PerformanceRoutesOptions {
  readonly service: PerformanceService
}

const tags = ['performance']
const config = { access: 'operator', limit: 'expensive' } as const
const lookProblems = [
  'API_ERR_VALIDATION',
  'API_ERR_OPERATOR_ONLY',
  'API_ERR_RATE_LIMITED',
  'API_ERR_FLEET_SILENT',
] as const

export const performanceRoutes: FastifyPluginCallbackTypebox<PerformanceRoutesOptions> = (app, { service }, done) => {
  app.addHook('onSend', (_request, reply, payload, next) => {
    void reply.header('cache-control', 'no-store')
    next(null, payload)
  })

  app.get(
    '/performance/metrics',
    {
      config,
      schema: {
        tags,
        summary: 'How the whole fleet does: requests, savings, parts, database',
        querystring: NoQuery,
        response: { 200: PerformanceMetrics, ...problemResponses(...lookProblems) },
      },
    },
    () => service.metrics(),
  )

  for (const path of ['/performance/cache/stats', '/api/cache/stats'] as const)
    app.get(
      path,
      {
        config,
        schema: {
          tags,
          summary: 'What the cache has done, and holds',
          querystring: NoQuery,
          response: { 200: CacheStats, ...problemResponses(...lookProblems) },
        },
      },
      () => service.cacheStats(),
    )

  app.post(
    '/performance/cache/clear',
    {
      config,
      schema: {
        tags,
        summary: 'Makes every process forget a part of the cache, or all of it',
        querystring: NoQuery,
        body: CacheClear,
        response: {
          200: CacheCleared,
          ...problemResponses(
            'API_ERR_VALIDATION',
            'API_ERR_MALFORMED_JSON',
            'API_ERR_MEDIA_TYPE',
            'API_ERR_BODY_TOO_LARGE',
            'API_ERR_OPERATOR_ONLY',
            'API_ERR_RATE_LIMITED',
            'API_ERR_CACHE_NAMESPACE',
            'API_ERR_CACHE_NOT_CLEARED',
          ),
        },
      },
    },
    async request => {
      const cleared = await service.clearCache(request.body)
      request.log.warn({ cleared: request.body }, 'An operator has cleared the cache')
      return cleared
    },
  )

  app.get(
    '/performance/optimization/recommendations',
    {
      config,
      schema: {
        tags,
        summary: 'What to improve, each with the figures that say so',
        querystring: NoQuery,
        response: { 200: Recommendations, ...problemResponses(...lookProblems) },
      },
    },
    request => service.recommendations(request.caller.signal),
  )

  done()
}
