// The address of a user's dashboard.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../../plugins/openapi.ts'
import { NoQuery } from '../../courses/schema.ts'
import { readProblems, tags } from '../documentation.ts'
import { UserParams } from '../users.ts'
import { Dashboard } from './schema.ts'
import type { DashboardService } from './service.ts'

export const dashboardRoutes: FastifyPluginCallbackTypebox<{ readonly service: DashboardService }> = (
  app,
  { service },
  done,
) => {
  app.get(
    '/api/gamification/dashboard/:id',
    {
      config: { access: 'self', caching: 'user' },
      schema: {
        tags,
        summary: 'All that a learner sees first, in one answer',
        description: 'A user who comes for the first time gets a wallet, the first streaks, and the badge `welcome`.',
        params: UserParams,
        querystring: NoQuery,
        response: { 200: Dashboard, ...problemResponses(...readProblems) },
      },
    },
    request => service.read(request.params.id, request.caller),
  )
  done()
}
