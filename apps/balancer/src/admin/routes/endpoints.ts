// Pools and endpoints: how they are, and what an operator says of them.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { option as Type } from '@plimsoll/config'
import type { EndpointControl } from '../admin-control.ts'
import { AdminError } from '../admin-errors.ts'
import { AllEndpointsChangeSchema, EndpointChangeSchema, EndpointViewSchema, PoolViewSchema } from '../admin-views.ts'
import { changeResponses, guardedResponses } from '../openapi.ts'

export interface EndpointRoutesOptions {
  readonly endpoints: EndpointControl
  /** Told of every change that was made, for the log. */
  readonly onChange: (request: FastifyRequest, facts: { endpoint: string; change: object }) => void
}

const tags = ['endpoints']
const security = [{ token: [] }]
const EndpointParams = Type.Object({
  id: Type.String({ description: 'Percent-encoded: http%3A%2F%2F127.0.0.1%3A3001.' }),
})

export const endpointRoutes: FastifyPluginCallbackTypebox<EndpointRoutesOptions> = (
  app,
  { endpoints, onChange },
  done,
) => {
  app.get(
    '/pools',
    {
      schema: {
        tags,
        security,
        summary: 'All pools',
        response: { 200: Type.Array(PoolViewSchema), ...guardedResponses() },
      },
    },
    () => [...endpoints.pools()],
  )

  app.get(
    '/upstreams',
    {
      schema: {
        tags,
        security,
        summary: 'All endpoints, with every state and its reason',
        response: { 200: Type.Array(EndpointViewSchema), ...guardedResponses() },
      },
    },
    () => [...endpoints.endpoints()],
  )

  app.patch(
    '/upstreams',
    {
      schema: {
        tags,
        security,
        summary: 'Drain all endpoints, or take that back',
        body: AllEndpointsChangeSchema,
        response: { 200: Type.Array(EndpointViewSchema), ...changeResponses() },
      },
    },
    request => {
      const { body } = request
      const after = endpoints.changeAll(body)
      onChange(request, { endpoint: '*', change: body })
      return [...after]
    },
  )

  app.get(
    '/upstreams/:id',
    {
      schema: {
        tags,
        security,
        summary: 'One endpoint',
        params: EndpointParams,
        response: { 200: EndpointViewSchema, ...guardedResponses('LB_ERR_ADMIN_NO_SUCH_UPSTREAM') },
      },
    },
    ({ params }) => endpoints.endpoint(params.id) ?? noSuchUpstream(),
  )

  app.patch(
    '/upstreams/:id',
    {
      schema: {
        tags,
        security,
        summary: "Change an endpoint's weight, or drain it; it counts from the very next pick",
        params: EndpointParams,
        body: EndpointChangeSchema,
        response: { 200: EndpointViewSchema, ...changeResponses('LB_ERR_ADMIN_NO_SUCH_UPSTREAM') },
      },
    },
    request => {
      const { body, params } = request
      const after = endpoints.changeEndpoint(params.id, body) ?? noSuchUpstream()
      onChange(request, { endpoint: params.id, change: body })
      return after
    },
  )
  done()
}

function noSuchUpstream(): never {
  throw new AdminError(
    'LB_ERR_ADMIN_NO_SUCH_UPSTREAM',
    'No endpoint has this id. It is one path segment: percent-encode it, as in http%3A%2F%2F127.0.0.1%3A3001.',
  )
}
