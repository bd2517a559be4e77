// GET /health and GET /metrics: what probes and Prometheus ask, without a token.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { option as Type } from '@plimsoll/config'
import type { StatusSource } from '../admin-control.ts'
import { HealthViewSchema } from '../admin-views.ts'
import { problemResponses } from '../openapi.ts'

const METRICS_MEDIA_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const tags = ['status']

export const statusRoutes: FastifyPluginCallbackTypebox<{ readonly status: StatusSource }> = (
  app,
  { status },
  done,
) => {
  app.get(
    '/health',
    {
      schema: {
        tags,
        summary: 'Who may take requests, and why not; 503 while draining or when nobody can',
        response: { 200: HealthViewSchema, 503: HealthViewSchema, ...problemResponses() },
      },
    },
    (_request, reply) => {
      const health = status.health()
      void reply.code(health.status === 'serving' ? 200 : 503).send(health)
    },
  )

  app.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Figures for Prometheus',
        response: {
          200: { description: 'Text exposition format.', content: { 'text/plain': { schema: Type.String() } } },
          ...problemResponses(),
        },
      },
    },
    async (_request, reply) => reply.type(METRICS_MEDIA_TYPE).send(await status.metrics()),
  )
  done()
}
