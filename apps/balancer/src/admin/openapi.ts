// The OpenAPI document: made from the routes' own schemas, complete by construction. A route without summary, tag or answer stops the start.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import { option as Type } from '@plimsoll/config'
import { ADMIN_ERRORS, type AdminErrorCode } from './admin-errors.ts'

const TAGS = {
  status: 'Health and metrics, without a token',
  endpoints: 'Who gets requests, why not, and what an operator says',
  decisions: 'Why a request went where it went',
  configuration: 'The options that count now',
  documentation: 'This document',
} as const

export type AdminTag = keyof typeof TAGS

/** Body of every error. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'URI that identifies the code.' }),
    title: Type.String({ description: 'Summary of the code.' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({ description: 'Stable code; compare this one.' }),
    detail: Type.String({ description: 'What happened this time.' }),
    source: Type.Enum(['client', 'balancer']),
    retryAfterS: Type.Optional(Type.Integer({ minimum: 1 })),
    issues: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem', title: 'Problem', description: 'Problem details (RFC 9457).' },
)

const COMMON_CODES = ['LB_ERR_ADMIN_ORIGIN', 'LB_ERR_ADMIN_HOST', 'LB_ERR_ADMIN_INTERNAL'] as const

/** The errors of a route for its `response` schema, one entry per status. Typed as nothing: the handler's type stays what it answers. */
export function problemResponses(...codes: readonly AdminErrorCode[]): object {
  const byStatus = Map.groupBy(new Set([...codes, ...COMMON_CODES]), code => ADMIN_ERRORS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map(code => `\`${code}\`: ${ADMIN_ERRORS[code].message}.`).join('\n\n'),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: 'Problem#' } } },
      },
    ]),
  )
}

/** `problemResponses` for routes that need the token. */
export function guardedResponses(...codes: readonly AdminErrorCode[]): object {
  return problemResponses(...codes, 'LB_ERR_ADMIN_UNAUTHORIZED', 'LB_ERR_ADMIN_THROTTLED')
}

/** `guardedResponses` for routes that change something. */
export function changeResponses(...codes: readonly AdminErrorCode[]): object {
  return guardedResponses(...codes, 'LB_ERR_ADMIN_INVALID', 'LB_ERR_ADMIN_BODY_TOO_LARGE', 'LB_ERR_ADMIN_MEDIA_TYPE')
}

export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Plimsoll balancer: admin API',
        version,
        description:
          'What is below /admin needs the bearer token. Errors are problem details with a stable `code`. GET changes nothing.',
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${index}`,
    },
  }
}

/** Stops the start when a route isn't documented; call it before the first route is registered. */
export function requireDocumentation(app: FastifyInstance): void {
  app.addHook('onRoute', ({ schema, method, url }) => {
    // HEAD routes are made by Fastify from GET routes.
    if (method === 'HEAD' || (schema?.summary && schema.tags?.length && schema.response)) return
    throw new TypeError(`${String(method)} ${url} has no summary, tag or response schema; add them.`)
  })
}
