// One way to send an error: problem details (RFC 9457), never stored by a cache, with the request id and, where it helps, `retry-after`.
import { problem, PROBLEM_MEDIA_TYPE, type Problem } from '@plimsoll/problem-details'
import type { FastifyReply } from 'fastify'
import type { ApiError } from '../errors.ts'
import { REQUEST_ID_HEADER } from './request-id.ts'

/** The body for an error; `requestId` is absent where a request was too broken to get one. */
export function problemOf(error: ApiError, requestId?: string): Problem {
  return problem({
    status: error.status,
    code: error.code,
    title: error.title,
    detail: error.message,
    ...(requestId === undefined ? {} : { requestId }),
    ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
    ...(error.issues === undefined ? {} : { issues: error.issues }),
  })
}

/** Fields of an answer that a problem in its place doesn't have. */
const OF_THE_ANSWER = ['content-encoding', 'content-length', 'etag', 'cache-status'] as const

/**
 * Sends an error. The body goes out as text, so that no response schema of the route can take fields away. Header fields that hooks set are set here
 * too where they matter: an address that can't be routed is answered before any hook has run.
 */
export function sendProblem(reply: FastifyReply, error: ApiError): FastifyReply {
  const { id } = reply.request
  // An answer may have been under way, and described already.
  for (const name of OF_THE_ANSWER) void reply.removeHeader(name)
  reply.prepared = null
  void reply.code(error.status).type(PROBLEM_MEDIA_TYPE)
  void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', [REQUEST_ID_HEADER]: id })
  if (error.retryAfterS !== undefined) void reply.header('retry-after', String(error.retryAfterS))
  return reply.send(JSON.stringify(problemOf(error, id)))
}
