// GET /admin/openapi.json: every route that's served, from the routes' own schemas.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { option as Type } from '@plimsoll/config'
import { guardedResponses } from '../openapi.ts'

export const documentationRoutes: FastifyPluginCallbackTypebox = (app, _options, done) => {
  let document: unknown
  app.addHook('onReady', ready => {
    document = app.swagger()
    ready()
  })
  app.get(
    '/openapi.json',
    {
      schema: {
        tags: ['documentation'],
        security: [{ token: [] }],
        summary: 'The OpenAPI 3.1 document of this API',
        response: { 200: Type.Unknown({ description: 'The document.' }), ...guardedResponses() },
      },
    },
    () => document,
  )
  done()
}
