// The OpenAPI document: made from the routes' own schemas, complete by construction, at /openapi.json.
//
// A route that has no summary, no tag or no schema for its answer stops the start: what isn't in the document isn't served (OWASP API9). Hidden routes
// are those of plugins: the preflight route of CORS and the files of the documentation page.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance, preValidationHookHandler, RouteOptions } from 'fastify'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { API_ERRORS, ApiError, SetupError, type ApiErrorCode } from '../errors.ts'
import { SAFE_METHODS } from './request-context.ts'
import { CODES, completeHeaders, completeOperation, OPERATOR_SCHEME, USER_SCHEME } from './openapi-operation.ts'

/** Tags of the document, in the order of its page. */
export const TAGS = {
  auth: 'Signing up, in and out',
  courses: 'Published courses and their lessons',
  blogs: 'Blogs: published ones for everybody, writing for their authors',
  gamification: 'What learners have reached: dashboards, badges, wallets, streaks',
  users: 'What is kept about a user: all of it in one document, and its end',
  health: 'State of this service, for balancers, monitors and people',
  performance: 'How the service does and what would make it quicker, for operators',
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

/**
 * Names the errors of a route for its `response` schema; the document says the rest, and what follows from how the route is made (openapi-operation.ts).
 * Typed as nothing, so that the handler's type stays what it answers when all goes well. Problems are sent as texts: there's nothing to serialise.
 */
export function problemResponses(...codes: readonly ApiErrorCode[]): object {
  const byStatus = Map.groupBy(new Set(codes), code => API_ERRORS[code].status)
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, { [CODES]: group }]))
}

export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Plimsoll API',
        version,
        description:
          'Lists are read page by page: pass `next` of one page as `cursor` of the following. Errors are problem details with a stable `code`. ' +
          'Every answer has the id of its request in `x-request-id`. A path is answered 405 with `allow` for methods that it does not have.',
      },
      components: {
        securitySchemes: {
          [USER_SCHEME]: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The access token of who is signed in.',
          },
          [OPERATOR_SCHEME]: { type: 'http', scheme: 'bearer', description: 'The token of those who run the service.' },
        },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    transform: completeOperation,
    transformObject: document => completeHeaders('openapiObject' in document ? document.openapiObject : document),
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${index}`,
    },
  }
}

/** For routes that say nothing of a query: a parameter that changes nothing would look as if it had worked, and make more entries in caches. */
const NO_QUERY = Type.Object({}, { additionalProperties: false })

/** Stops the start when a route isn't documented, and closes the query of routes that have none; call it before the first route is registered. */
export function requireDocumentation(app: FastifyInstance): void {
  app.addHook('onRoute', route => {
    if (route.schema?.hide === true) return
    // Also for HEAD routes, which Fastify makes from GET routes as they were written.
    route.schema = { querystring: NO_QUERY, ...route.schema }
    if (route.method === 'HEAD') return
    if (takesNoBody(route)) route.preValidation = [refuseBody, ...[route.preValidation ?? []].flat()]
    const { summary, tags, response } = route.schema
    if (!summary || !tags?.length || !response) {
      throw new SetupError(
        'API_ERR_ROUTE_UNDOCUMENTED',
        `${String(route.method)} ${route.url} has no summary, tag or response schema, so the document at /openapi.json would not describe it; add them to its schema.`,
      )
    }
    const described = Object.keys((route.schema.params as { properties?: object } | undefined)?.properties ?? {})
    const missing = parametersOf(route.url).filter(name => !described.includes(name))
    if (missing.length > 0) {
      throw new SetupError(
        'API_ERR_ROUTE_UNDOCUMENTED',
        `${String(route.method)} ${route.url} takes anything for ${missing.join(', ')}; describe it in the params of its schema.`,
      )
    }
  })
}

/** Of a method that has bodies, but for this route: what it's sent would be passed over in silence. */
function takesNoBody({ method, schema }: RouteOptions): boolean {
  return schema?.body === undefined && ![method].flat().every(one => SAFE_METHODS.has(one))
}

const refuseBody: preValidationHookHandler = ({ body }, _reply, next) => {
  if (body === undefined || body === null) return next()
  next(
    new ApiError('API_ERR_VALIDATION', 'This address takes no body.', {
      issues: [{ field: 'body', message: 'is not known here' }],
    }),
  )
}

function parametersOf(url: string): string[] {
  return url.split('/').flatMap(part => (part.startsWith(':') ? [part.slice(1)] : []))
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
      config: { access: 'public', caching: 'static' },
      schema: {
        tags: ['documentation'],
        summary: 'The OpenAPI 3.1 document of this service',
        response: {
          200: { description: 'The document.', content: { 'application/json': { schema: Type.Unknown() } } },
        },
      },
    },
    (_request, reply) => {
      void reply.type('application/json').send(document)
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
