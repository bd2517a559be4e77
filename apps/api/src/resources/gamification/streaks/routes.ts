// The address by which services tell that a user did something today.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '../../../plugins/openapi.ts'
import { NoQuery } from '../../courses/schema.ts'
import { tags, writeProblems } from '../documentation.ts'
import { UserParams } from '../users.ts'
import { Activity, UserStreak } from './schema.ts'
import type { StreaksService } from './service.ts'

export const streaksRoutes: FastifyPluginCallbackTypebox<{ readonly service: StreaksService }> = (
  app,
  { service },
  done,
) => {
  app.post(
    '/api/gamification/streaks/:id',
    {
      config: { access: 'operator' },
      schema: {
        tags,
        summary: 'Count today (UTC) in a streak of a user; the same day again changes nothing',
        params: UserParams,
        querystring: NoQuery,
        body: Activity,
        response: { 200: UserStreak, ...problemResponses(...writeProblems) },
      },
    },
    request => service.record(request.params.id, request.body.type, request.deadline.signal),
  )
  done()
}
