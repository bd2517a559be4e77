// Checks requests against their TypeBox schemas: strictly for bodies, with one step before it for parts that can only be text.
//
// * A body is taken as it is: "1" is no number, 1 is no string, null is no default (GHSA-w2qp-rph6-63g4 shows what coercion does).
// * Query and path parameters are text by nature, so `"20"` becomes 20 where the schema says integer, but only in its one canonical spelling:
//   `020`, `2e1`, `20.0`, ` 20` and a repeated key stay as they are and fail.
// * Unknown parameters are refused, not dropped: a misspelt filter must not look as if it had worked, and `?x=1`, `?x=2`, ... can't flood a cache.
// * A refusal names each field and its rule, and never the value.
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ApiError } from '../errors.ts'
import { explainIssues } from './validation-issues.ts'

type StringFields = Map<
  string,
  { readonly convert: ((text: string) => unknown) | undefined; readonly fallback: unknown }
>

const CANONICAL_INTEGER = /^(?:0|-?[1-9]\d{0,15})$/
const CANONICAL_NUMBER = /^(?:0|-?(?:[1-9]\d{0,15}|0(?=\.))(?:\.\d{0,15}[1-9])?)$/

/** Fastify's validator compiler for the whole application. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const area = httpPart === 'querystring' ? 'query' : (httpPart ?? 'request')
  const explain = explainIssues(schema, area)
  const stringFields = httpPart === 'body' ? undefined : findStringFields(schema)
  return (value: unknown) => {
    if (stringFields) readStrings(value, stringFields)
    if (validator.Check(value)) return { value }
    const issues = explain(value)
    const fields = [...new Set(issues.map(issue => issue.field))]
    return { error: new ApiError('API_ERR_VALIDATION', `Not valid: ${fields.join(', ')}.`, { issues }) }
  }
}

/** How each declared parameter is read from text, worked out once per route. */
function findStringFields(schema: TSchema): StringFields {
  const fields: StringFields = new Map()
  const properties =
    'properties' in schema ? (schema.properties as Record<string, { type?: string; default?: unknown }>) : {}
  for (const [name, property] of Object.entries(properties)) {
    fields.set(name, { convert: converterFor(property.type), fallback: property.default })
  }
  return fields
}

function converterFor(type: string | undefined): ((text: string) => unknown) | undefined {
  if (type === 'integer') return text => (CANONICAL_INTEGER.test(text) ? Number(text) : text)
  if (type === 'number') return text => (CANONICAL_NUMBER.test(text) ? Number(text) : text)
  if (type === 'boolean') return text => (text === 'true' ? true : text === 'false' ? false : text)
  return undefined
}

/** Fills defaults and converts, in place: the object was made for this request by the query parser or the router. */
function readStrings(value: unknown, fields: StringFields): void {
  if (typeof value !== 'object' || value === null) return
  const texts = value as Record<string, unknown>
  for (const [name, field] of fields) {
    const text = texts[name]
    if (text === undefined) {
      if (field.fallback !== undefined) texts[name] = field.fallback
    } else if (field.convert && typeof text === 'string') {
      texts[name] = field.convert(text)
    }
  }
}
