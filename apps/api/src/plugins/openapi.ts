// The OpenAPI document: made from the routes' own schemas, complete by construction, at /openapi.json.
//
// A route that has no summary, no tag or no schema for its answer stops the start: what isn't in the document isn't served (OWASP API9). Hidden routes
// are those of plugins: the preflight route of CORS and the files of the documentation page.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { API_ERRORS, SetupError, type ApiErrorCode } from '../errors.ts'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'

/** Tags of the document, in the order of its page. */
export const TAGS = {
  courses: 'Published courses and their lessons',
  health: 'State of this service, for balancers, monitors and people',
  documentation: 'This document',
} as const

declare module 'fastify' {
  interface FastifySchema {
    tags?: readonly string[]
    summary?: string
    description?: string
    operationId?: string
    hide?: boolean
  }
}

/** Body of every error, as `Problem` among the document's components. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'URI that identifies the code.' }),
    title: Type.String({ description: 'Summary of the code.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ description: 'Stable code; compare this one.' }),
    detail: Type.String({ description: 'What happened this time and what to do.' }),
    requestId: Type.Optional(Type.String({ description: 'Id under which the logs know the request.' })),
    retryAfterS: Type.Optional(Type.Integer({ minimum: 1 })),
    issues: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem', title: 'Problem', description: 'Problem details (RFC 9457).' },
)

/** Codes that any route may answer with. */
const COMMON_CODES = ['API_ERR_INTERNAL', 'API_ERR_DEADLINE'] as const satisfies readonly ApiErrorCode[]

/**
 * Documents the errors of a route for its `response` schema, one entry per status.
 * Typed as nothing, so that the handler's type stays what it answers when all goes well.
 */
export function problemResponses(...codes: readonly ApiErrorCode[]): object {
  const byStatus = Map.groupBy(new Set([...codes, ...COMMON_CODES]), code => API_ERRORS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map(code => `\`${code}\`: ${API_ERRORS[code].message}`).join('\n\n'),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: 'Problem#' } } },
      },
    ]),
  )
}

export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Plimsoll API',
        version,
        description:
          'Lists are read page by page: pass `next` of one page as `cursor` of the following. Errors are problem details with a stable `code`.',
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${index}`,
    },
  }
}

/** Stops the start when a route isn't documented; call it before the first route is registered. */
export function requireDocumentation(app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    // HEAD routes are made by Fastify from GET routes.
    if (route.schema?.hide === true || route.method === 'HEAD') return
    const { summary, tags, response } = route.schema ?? {}
    if (summary && tags?.length && response) return
    throw new SetupError(
      'API_ERR_ROUTE_UNDOCUMENTED',
      `${String(route.method)} ${route.url} has no summary, tag or response schema, so the document at /openapi.json would not describe it; add them to its schema.`,
    )
  })
}

/** Serves the document. */
export const openapiRoutes: FastifyPluginCallbackTypebox = (app, _options, done) => {
  let document = ''
  app.addHook('onReady', ready => {
    document = JSON.stringify(app.swagger())
    ready()
  })
  app.get(
    '/openapi.json',
    {
      schema: {
        tags: ['documentation'],
        summary: 'The OpenAPI 3.1 document of this service',
        response: {
          200: { description: 'The document.', content: { 'application/json': { schema: Type.Unknown() } } },
        },
      },
    },
    (_request, reply) => {
      void reply.type('application/json').header('cache-control', 'public, max-age=300').send(document)
    },
  )
  done()
}

/** The page at /documentation: development only, and without scripts or styles from elsewhere. */
export function documentationPageOptions(): FastifySwaggerUiOptions {
  return {
    routePrefix: '/documentation',
    staticCSP: {
      'default-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'object-src': ["'none'"],
      'base-uri': ["'none'"],
      'frame-ancestors': ["'none'"],
    },
    uiConfig: { deepLinking: true, validatorUrl: null },
  }
}
