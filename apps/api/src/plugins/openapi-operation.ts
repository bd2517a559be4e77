// Completes what the document says of a route: what no route has to say by itself, because it follows from how it's made.
//
//   has                              so it may answer with
//   anything                         API_ERR_INTERNAL, API_ERR_DEADLINE; outside /health also API_ERR_OVERLOADED
//   a method that may change things  API_ERR_OUTCOME_UNKNOWN; also without a body, which is refused, API_ERR_VALIDATION and those of a body
//   query, parameters, fields, body  API_ERR_VALIDATION
//   parameters in the path           API_ERR_BAD_URL, API_ERR_PARAMETER_TOO_LONG
//   a body                           API_ERR_MALFORMED_JSON, API_ERR_BAD_REQUEST, API_ERR_BODY_TOO_LARGE, API_ERR_MEDIA_TYPE
//   config.access                    API_ERR_ACCESS_TOKEN and API_ERR_DATABASE_*; of self and author API_ERR_FORBIDDEN, of operator API_ERR_OPERATOR_ONLY
//   config.limit                     API_ERR_RATE_LIMITED
//   config.caching                   API_ERR_PRECONDITION_FAILED
//
// Only the document gets this, not the routes: nothing is compiled for it. Answers that are none of any operation (a path or method that no route has, bytes that are no
// request) aren't in it.
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import type { FastifySchema, RouteOptions } from 'fastify'
import { IsOptional } from 'typebox'
import { API_ERRORS, type ApiErrorCode } from '../errors.ts'
import type { Access } from './access.ts'
import { SAFE_METHODS } from './request-context.ts'

/** Names of the security schemes. */
export const OPERATOR_SCHEME = 'operator'
export const USER_SCHEME = 'user'

/** Which of them lets in; more than one: either does. */
const SECURITY = {
  public: [],
  user: [{ [USER_SCHEME]: [] }],
  author: [{ [USER_SCHEME]: [] }, { [OPERATOR_SCHEME]: [] }],
  self: [{ [USER_SCHEME]: [] }, { [OPERATOR_SCHEME]: [] }],
  // Users who are admins.
  operator: [{ [OPERATOR_SCHEME]: [] }, { [USER_SCHEME]: [] }],
} as const satisfies Record<Access, readonly object[]>

/** A session may have to be read. */
const SIGNED_IN = [
  'API_ERR_ACCESS_TOKEN',
  'API_ERR_DATABASE_UNAVAILABLE',
  'API_ERR_DATABASE_BUSY',
  'API_ERR_DATABASE_TIMEOUT',
] as const
const ACCESS_CODES = {
  public: [],
  user: SIGNED_IN,
  author: [...SIGNED_IN, 'API_ERR_FORBIDDEN'],
  self: [...SIGNED_IN, 'API_ERR_FORBIDDEN'],
  operator: [...SIGNED_IN, 'API_ERR_OPERATOR_ONLY'],
} as const satisfies Record<Access, readonly ApiErrorCode[]>

/** Under which a route's own codes wait in its response schema; the document doesn't have it. */
export const CODES = 'x-codes'

/** What a route's `response` may have for one status: ours by their codes, and schemas by themselves or by media type. */
interface ResponseSchema {
  readonly [CODES]?: readonly ApiErrorCode[]
  readonly description?: string
  readonly content?: Readonly<Record<string, { readonly schema: unknown }>>
  readonly headers?: Readonly<Record<string, object>>
}

/** Statuses whose answers always say when to come again. */
const WITH_RETRY_AFTER: ReadonlySet<number> = new Set([429, 503])
const RETRY_AFTER = { 'retry-after': { type: 'integer', minimum: 1, description: 'Seconds until another try.' } }

/** For `transform` of @fastify/swagger. */
export function completeOperation(operation: { schema: FastifySchema; url: string; route: RouteOptions }): {
  schema: FastifySchema
  url: string
} {
  const { schema, url, route } = operation
  // Typed as always there; the files of the documentation page have none.
  const given = schema as FastifySchema | undefined
  if (given === undefined || given.hide === true) return { schema, url }
  const completed = {
    ...given,
    ...(given.querystring === undefined ? {} : { querystring: optionalWithDefault(given.querystring) }),
    operationId: given.operationId ?? operationId(String(route.method), url),
    security: SECURITY[route.config?.access ?? 'public'],
    response: completeResponses(given, codesOf(given, url, route)),
  }
  return { schema: completed, url }
}

/** Says of each header field of an answer whether it's always there: @fastify/swagger has no place for that. */
export function completeHeaders(document: object): object {
  const { paths = {} } = document as { paths?: Record<string, Record<string, { responses?: object }>> }
  for (const operation of Object.values(paths).flatMap(item => Object.values(item))) {
    for (const { headers = {} } of Object.values(operation.responses ?? {}) as {
      headers?: Record<string, { required?: boolean; schema: { 'x-required'?: boolean } }>
    }[]) {
      for (const header of Object.values(headers)) {
        header.required = header.schema['x-required'] ?? true
        delete header.schema['x-required']
      }
    }
  }
  return document
}

/** `GET /api/courses/:id/lessons` is getCoursesByIdLessons: stable as long as the address is. */
function operationId(method: string, url: string): string {
  const words = url
    .split('/')
    .filter(part => part !== '' && part !== 'api')
    .flatMap(part => (part.startsWith(':') ? ['by', part.slice(1)] : part.split(/[^a-z0-9]+/i)))
  return [method.toLowerCase(), ...words.map(word => word.charAt(0).toUpperCase() + word.slice(1))].join('')
}

/** Who leaves out a parameter with a default has it filled in, so nobody needs to send it. */
function optionalWithDefault(querystring: unknown): object {
  const { properties = {}, required = [], ...others } = querystring as { properties?: object; required?: string[] }
  const hasDefault = (name: string) => 'default' in (Reflect.get(properties, name) as object)
  return { ...others, properties, required: required.filter(name => !hasDefault(name)) }
}

function codesOf(schema: FastifySchema, url: string, { config, method }: RouteOptions): ApiErrorCode[] {
  const { querystring, params, headers, body } = schema
  const codes: ApiErrorCode[] = ['API_ERR_INTERNAL', 'API_ERR_DEADLINE']
  const hasBody = ![method].flat().every(one => SAFE_METHODS.has(one))
  if (hasBody) codes.push('API_ERR_OUTCOME_UNKNOWN', 'API_ERR_VALIDATION')
  if (!url.startsWith('/health')) codes.push('API_ERR_OVERLOADED')
  if ([querystring, params, headers, body].some(part => part !== undefined)) codes.push('API_ERR_VALIDATION')
  if (params !== undefined) codes.push('API_ERR_BAD_URL', 'API_ERR_PARAMETER_TOO_LONG')
  if (hasBody)
    codes.push('API_ERR_MALFORMED_JSON', 'API_ERR_BAD_REQUEST', 'API_ERR_BODY_TOO_LARGE', 'API_ERR_MEDIA_TYPE')
  codes.push(...ACCESS_CODES[config?.access ?? 'public'])
  if (config?.limit !== undefined) codes.push('API_ERR_RATE_LIMITED')
  if (config?.caching !== undefined) codes.push('API_ERR_PRECONDITION_FAILED')
  return codes
}

function completeResponses({ response, summary = '' }: FastifySchema, more: readonly ApiErrorCode[]) {
  const given = (response ?? {}) as Readonly<Record<string, ResponseSchema>>
  const byStatus = Map.groupBy(new Set(more), code => String(API_ERRORS[code].status))
  const statuses = new Set([...Object.keys(given), ...byStatus.keys()].toSorted())
  const completed: Record<string, object> = {}
  for (const status of statuses) {
    const own = given[status]
    const codes = [...new Set([...(own?.[CODES] ?? []), ...(byStatus.get(status) ?? [])])].toSorted()
    completed[status] =
      codes.length === 0
        ? // What's answered when all goes well is what the route is there for.
          withHeaders({ description: `${summary}.`, ...own })
        : withProblems(Number(status), own, codes)
  }
  return completed
}

function withProblems(status: number, own: ResponseSchema | undefined, codes: readonly ApiErrorCode[]): object {
  const schema = {
    allOf: [{ $ref: 'Problem#' }, { type: 'object', properties: { code: { type: 'string', enum: codes } } }],
  }
  const described = codes.map(code => `\`${code}\`: ${API_ERRORS[code].message}`)
  const problem = { [PROBLEM_MEDIA_TYPE]: { schema } }
  // A status that has an answer of its own beside the problems, such as 503 of the health pages: that one has no `retry-after`.
  if (own !== undefined && own[CODES] === undefined) {
    const content = own.content ?? { 'application/json': { schema: own } }
    return {
      description: [own.description ?? '', ...described].join('\n\n').trim(),
      content: { ...content, ...problem },
    }
  }
  return withHeaders({
    description: described.join('\n\n'),
    content: problem,
    ...(WITH_RETRY_AFTER.has(status) ? { headers: RETRY_AFTER } : {}),
  })
}

function withHeaders(response: ResponseSchema): object {
  const { headers } = response
  if (headers === undefined) return response
  const marked = Object.entries(headers).map(([name, field]) => [name, { ...field, 'x-required': !IsOptional(field) }])
  return { ...response, headers: Object.fromEntries(marked) as object }
}
