// Turns everything that is thrown into problem details (RFC 9457). What isn't an AdminError or one of Fastify's refusals is a fault of ours:
// 500 with a constant text, its cause only in the log.
import { PROBLEM_MEDIA_TYPE, problem, type Problem } from '@plimsoll/problem-details'
import type { FastifyError, FastifyReply } from 'fastify'
import { ADMIN_ERRORS, AdminError, type AdminErrorCode } from './admin-errors.ts'
import { bearerToken } from './admin-token.ts'
import { validationRefusal } from './validation.ts'

/** Codes of Fastify, and what is answered instead. */
const TRANSLATIONS: Readonly<Record<string, readonly [code: AdminErrorCode, detail: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['LB_ERR_ADMIN_BODY_TOO_LARGE', 'The body is over 16 KiB.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    'LB_ERR_ADMIN_INVALID',
    'The body is not valid JSON, or uses a key that is not allowed.',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['LB_ERR_ADMIN_MEDIA_TYPE', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'LB_ERR_ADMIN_BAD_REQUEST',
    'The body is shorter or longer than its content-length says.',
  ],
  FST_ERR_BAD_URL: ['LB_ERR_ADMIN_BAD_REQUEST', 'The path holds a percent-encoding that stands for no text.'],
  FST_ERR_MAX_PARAM_LENGTH: ['LB_ERR_ADMIN_NO_SUCH_UPSTREAM', 'No id is that long.'],
}

/** The error that is answered. */
export function toAdminError(error: unknown): AdminError {
  if (error instanceof AdminError) return error
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Partial<FastifyError>
  if (code === 'FST_ERR_VALIDATION') return validationRefusal(error as FastifyError)
  const translation = typeof code === 'string' ? TRANSLATIONS[code] : undefined
  if (translation) return new AdminError(translation[0], translation[1])
  // A body whose stream broke off, and what else the framework refuses.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new AdminError('LB_ERR_ADMIN_BAD_REQUEST', 'The request could not be read.', { cause: error })
  return new AdminError('LB_ERR_ADMIN_INTERNAL', 'The log says what went wrong.', { cause: error })
}

export function problemOf(error: AdminError): Problem {
  const { status, source, message } = ADMIN_ERRORS[error.code]
  return problem({
    status,
    code: error.code,
    title: message,
    detail: error.message,
    source,
    ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
    ...(error.issues === undefined ? {} : { issues: error.issues }),
  })
}

/** Sends an error; as text, so that no schema of the route's answers has a say. */
export function sendProblem(reply: FastifyReply, error: AdminError): FastifyReply {
  void reply.code(error.status).type(PROBLEM_MEDIA_TYPE)
  if (error.retryAfterS !== undefined) void reply.header('retry-after', String(error.retryAfterS))
  if (error.allow !== undefined) void reply.header('allow', error.allow)
  if (error.code === 'LB_ERR_ADMIN_UNAUTHORIZED') {
    // RFC 6750, 3: a code only for a token that was sent.
    const sent = bearerToken(reply.request.headers.authorization) !== null
    void reply.header('www-authenticate', `Bearer realm="plimsoll admin"${sent ? ', error="invalid_token"' : ''}`)
  }
  return reply.send(JSON.stringify(problemOf(error)))
}
