// Turns everything that is thrown into problem details, and decides what the log hears about it.
//
// * An ApiError says what the client may read; it's sent as it is. From 500 up its cause is logged.
// * Fastify's and its plugins' errors are translated by their codes, so that clients meet one set of codes.
// * Everything else is a bug or an outage of ours: 500 with a constant text, the cause only in the log.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fromCache } from '../cache/failures.ts'
import { ApiError, type ApiErrorCode } from '../errors.ts'
import { sendProblem } from '../http/problem-reply.ts'
import { readToTheEnd } from '../http/unread-body.ts'

/** Codes of Fastify and its plugins, and what clients are told instead. */
const TRANSLATIONS: Readonly<Record<string, readonly [code: ApiErrorCode, detail: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['API_ERR_BODY_TOO_LARGE', 'The body is over the limit for this address; send less.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['API_ERR_MALFORMED_JSON', 'The body is empty, but the content type announces JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    'API_ERR_MALFORMED_JSON',
    'The body is not valid JSON, or uses a key that is not allowed.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['API_ERR_MEDIA_TYPE', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'API_ERR_BAD_REQUEST',
    'The body is shorter or longer than its content-length says.',
  ],
  FST_CP_ERR_INVALID_CONTENT_ENCODING: ['API_ERR_MEDIA_TYPE', 'Send the body without content encoding.'],
  FST_ERR_BAD_URL: ['API_ERR_BAD_URL', 'The path holds a percent-encoding that stands for no text.'],
  FST_ERR_MAX_PARAM_LENGTH: ['API_ERR_PARAMETER_TOO_LONG', 'A path parameter is over 128 characters.'],
}

/** Answers an error; also for what fails before Fastify has found a route (`frameworkErrors`). */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = toApiError(fromCache(error))
  // Refusals by the hundred in a flood: counted as 503, and nobody has to act on each.
  if (answer.status >= 500 && answer.code !== 'API_ERR_PASSWORDS_BUSY')
    request.log.error(
      { err: answer.cause ?? answer, code: answer.code, route: request.routeOptions.url },
      answer.message,
    )
  readToTheEnd(request, reply)
  return sendProblem(reply, answer)
}

/** The error that the client is told about. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown
    statusCode?: unknown
  }
  const translation = typeof code === 'string' ? TRANSLATIONS[code] : undefined
  if (translation) return new ApiError(translation[0], translation[1])
  // What else a plugin refuses with a 4xx, or a body whose stream broke off.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new ApiError('API_ERR_BAD_REQUEST', 'The request could not be read.', { cause: error })
  }
  return new ApiError(
    'API_ERR_INTERNAL',
    'Something went wrong on our side. Tell us the request id if it happens again.',
    { cause: error },
  )
}
