// GET /metrics for a worker that runs by itself. In a fleet the supervisor serves the sum of all workers on its own address, and workers serve nothing.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Registry } from '@plimsoll/telemetry'
import { Type } from 'typebox'
import { problemResponses } from './openapi.ts'

export interface MetricsRouteOptions {
  readonly registry: Registry
}

export const metricsRoute: FastifyPluginCallbackTypebox<MetricsRouteOptions> = (app, { registry }, done) => {
  app.get(
    '/metrics',
    {
      config: { access: 'operator' },
      schema: {
        tags: ['health'],
        summary: 'Figures of this worker for Prometheus',
        response: {
          200: { description: 'Text exposition format.', content: { 'text/plain': { schema: Type.String() } } },
          ...problemResponses(),
        },
      },
    },
    async (_request, reply) =>
      reply
        .type(registry.contentType)
        .header('cache-control', 'no-store')
        .send(await registry.metrics()),
  )
  done()
}
