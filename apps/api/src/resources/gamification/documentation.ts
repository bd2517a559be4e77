// What the routes of gamification have in common in the OpenAPI document.
import type { ApiErrorCode } from '../../errors.ts'

export const tags = ['gamification']

const databaseProblems = [
  'API_ERR_DATABASE_UNAVAILABLE',
  'API_ERR_DATABASE_BUSY',
  'API_ERR_DATABASE_TIMEOUT',
] as const satisfies readonly ApiErrorCode[]

/** Of a route that reads something of one user. */
export const readProblems = [
  'API_ERR_VALIDATION',
  'API_ERR_USER_NOT_FOUND',
  ...databaseProblems,
] as const satisfies readonly ApiErrorCode[]

/** Of a route that acts in a user's name. */
export const writeProblems = [
  ...readProblems,
  'API_ERR_OPERATOR_ONLY',
  'API_ERR_MALFORMED_JSON',
  'API_ERR_MEDIA_TYPE',
  'API_ERR_BODY_TOO_LARGE',
  'API_ERR_DATABASE_OUTCOME_UNKNOWN',
] as const satisfies readonly ApiErrorCode[]
