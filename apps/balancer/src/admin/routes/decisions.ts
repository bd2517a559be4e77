// Why a request went where it went, and what became of it.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { option as Type } from '@plimsoll/config'
import type { DecisionSource } from '../admin-control.ts'
import { AdminError } from '../admin-errors.ts'
import { DecisionViewSchema, ExplanationSchema } from '../admin-views.ts'
import { guardedResponses } from '../openapi.ts'
import { readIntegers } from '../validation.ts'

const DEFAULT_LIMIT = 50
/** Making text of 200 decisions takes some 3 ms, of 1,000 with 16 candidates each 30: so long no request would move. */
const MAX_LIMIT = 200
const tags = ['decisions']
const security = [{ token: [] }]

export const decisionRoutes: FastifyPluginCallbackTypebox<{ readonly decisions: DecisionSource }> = (
  app,
  { decisions },
  done,
) => {
  app.get(
    '/explain',
    {
      schema: {
        tags,
        security,
        summary: 'The tries of one request: who could have taken it, who did, and the cause of its end',
        querystring: Type.Object(
          {
            'request-id': Type.String({
              minLength: 1,
              maxLength: 128,
              description: 'As in X-Request-Id, in the access log, and in a problem of the balancer.',
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: ExplanationSchema,
          ...guardedResponses('LB_ERR_ADMIN_INVALID', 'LB_ERR_ADMIN_NO_DECISION'),
        },
      },
    },
    request => {
      const requestId = request.query['request-id']
      const tries = decisions.find(requestId)
      if (tries.length === 0)
        throw new AdminError(
          'LB_ERR_ADMIN_NO_DECISION',
          `The request is not among the last ${decisions.size} decisions: it is older, was answered without choosing an endpoint, or never came here.`,
        )
      return { requestId, tries: [...tries] }
    },
  )

  app.get(
    '/decisions',
    {
      preValidation: readIntegers('limit'),
      schema: {
        tags,
        security,
        summary: 'The last decisions, newest first',
        querystring: Type.Object(
          {
            limit: Type.Integer({
              minimum: 1,
              maximum: MAX_LIMIT,
              default: DEFAULT_LIMIT,
              description: 'How many; fewer are answered when fewer are kept.',
            }),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Array(DecisionViewSchema), ...guardedResponses('LB_ERR_ADMIN_INVALID') },
      },
    },
    request => [...decisions.latest(request.query.limit)],
  )
  done()
}
