// How requests are checked against the routes' schemas: by Fastify's own validator (Ajv), told to take everything as it is. Nothing is
// converted, since "1" is no weight; nothing is dropped, since a misspelt key must not look as if it had worked. A refusal names each field
// and its rule, and never the value.
//
// A query is text by nature, so `readIntegers` turns numbers in their one canonical spelling into numbers before that check.
import type { ProblemIssue } from '@plimsoll/problem-details'
import type { FastifyError, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import { AdminError } from './admin-errors.ts'

export const VALIDATOR_OPTIONS = {
  customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: true, allErrors: true },
} as const

const CANONICAL_INTEGER = /^(?:0|[1-9]\d{0,8})$/
const MAX_FIELD_LENGTH = 64
const MAX_ISSUES = 20

/** A hook for routes whose query holds integers. */
export function readIntegers(...names: readonly string[]) {
  return (request: FastifyRequest, _reply: unknown, next: () => void): void => {
    const texts = request.query as Record<string, unknown>
    for (const name of names) {
      const text = texts[name]
      if (typeof text === 'string' && CANONICAL_INTEGER.test(text)) texts[name] = Number(text)
    }
    next()
  }
}

/** What the validator found, for the client. */
export function validationRefusal({ validation, validationContext }: FastifyError): AdminError {
  const area = validationContext === 'querystring' ? 'query' : (validationContext ?? 'request')
  const issues = (validation ?? []).slice(0, MAX_ISSUES).map(error => describe(area, error))
  const fields = [...new Set(issues.map(issue => issue.field))]
  return new AdminError('LB_ERR_ADMIN_INVALID', `Not valid: ${fields.join(', ')}.`, { issues })
}

function describe(
  area: string,
  { instancePath, keyword, params, message }: FastifySchemaValidationError,
): ProblemIssue {
  const path = [area, ...instancePath.split('/').slice(1)].join('.')
  const at = (name: unknown) => `${path}.${String(name)}`.slice(0, MAX_FIELD_LENGTH)
  if (keyword === 'required') return { field: at(params['missingProperty']), message: 'is required' }
  if (keyword === 'additionalProperties')
    return { field: at(params['additionalProperty']), message: 'is not known here' }
  const field = path.slice(0, MAX_FIELD_LENGTH)
  if (keyword === 'enum') return { field, message: `must be one of: ${String(params['allowedValues'])}` }
  return { field, message: message ?? 'is not valid' }
}
