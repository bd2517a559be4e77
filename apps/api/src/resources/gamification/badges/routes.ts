// The address of a user's badges.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../../plugins/openapi.ts'
import { NoQuery } from '../../courses/schema.ts'
import { readProblems, tags } from '../documentation.ts'
import { UserParams } from '../users.ts'
import { BadgeList } from './schema.ts'
import type { BadgesService } from './service.ts'

export const badgesRoutes: FastifyPluginCallbackTypebox<{ readonly service: BadgesService }> = (
  app,
  { service },
  done,
) => {
  app.get(
    '/api/gamification/badges/:id',
    {
      config: { access: 'self', caching: 'user' },
      schema: {
        tags,
        summary: 'All badges, and which of them a user has earned',
        params: UserParams,
        querystring: NoQuery,
        response: { 200: BadgeList, ...problemResponses(...readProblems) },
      },
    },
    request => service.list(request.params.id, request.caller),
  )
  done()
}
