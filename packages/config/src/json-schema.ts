// A JSON Schema (draft 2020-12) of the configuration file, for completion and checking in editors.
//
// It says what the file may hold, so it differs from the program's own schema: options aren't required, since a flag or a variable may give
// them; what a `fromText` reads may be text; `$schema` is allowed at the top. Functions and our own keys are gone, their words are in
// `description`.
import type { TSchema } from 'typebox'
import { meaningText } from './describe-shape.ts'
import { type PropertyShape, readShape, type Shape } from './schema-shape.ts'

type JsonSchema = Record<string, unknown>

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

/**
 * Makes the JSON Schema; plain data, ready for JSON.stringify.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID
 */
export function toJsonSchema(schema: TSchema): object {
  const root = schemaOf(readShape(schema), 'option')
  return {
    $schema: DIALECT,
    ...root,
    properties: { $schema: { type: 'string' }, ...(root['properties'] as JsonSchema | undefined) },
  }
}

/** `option`: keys may come from elsewhere; `value`: inside a list or a map there's no elsewhere. */
type Place = 'option' | 'value'

function schemaOf(shape: Shape, place: Place): JsonSchema {
  const { notes } = shape
  const bare = bareSchema(shape, place)
  const isTextForm = notes.fromText && shape.kind !== 'array' && bare['type'] !== 'string'
  const textForm = { type: 'string', ...(notes.placeholder === '' ? {} : { description: notes.placeholder }) }
  const description = [meaningText(shape), notes.unit === '' ? '' : `Unit: ${notes.unit}.`].filter(Boolean).join(' ')
  return {
    ...(description === '' ? {} : { description }),
    ...(isTextForm ? { anyOf: [textForm, bare] } : bare),
    ...(notes.fallback && !notes.secret ? { default: notes.fallback.value } : {}),
  }
}

function bareSchema(shape: Shape, place: Place): JsonSchema {
  switch (shape.kind) {
    case 'string':
      return defined({
        type: 'string',
        minLength: shape.minLength,
        maxLength: shape.maxLength,
        pattern: shape.pattern?.source ?? null,
        format: shape.format,
      })
    case 'integer':
    case 'number':
      return defined({
        type: shape.kind,
        minimum: shape.minimum,
        maximum: shape.maximum,
        exclusiveMinimum: shape.exclusiveMinimum,
        exclusiveMaximum: shape.exclusiveMaximum,
        multipleOf: shape.multipleOf,
      })
    case 'boolean':
    case 'null':
      return { type: shape.kind }
    case 'oneOf':
      return { enum: [...shape.values] }
    case 'array': {
      const items = schemaOf(shape.items, 'value')
      const textItems =
        shape.notes.fromText && shape.items.kind !== 'string' ? { anyOf: [{ type: 'string' }, items] } : items
      return defined({
        type: 'array',
        items: textItems,
        minItems: shape.minItems,
        maxItems: shape.maxItems,
        uniqueItems: shape.uniqueItems || null,
      })
    }
    case 'object':
      return objectSchema(shape.properties, shape.notes.fromText ? 'value' : place)
    case 'record':
      return {
        type: 'object',
        patternProperties: { [shape.keyPattern.source]: schemaOf(shape.values, 'value') },
        additionalProperties: false,
      }
    case 'anyOf':
      return { anyOf: shape.branches.map(branch => schemaOf(branch, 'value')) }
    case 'any':
      return {}
    default:
      return shape satisfies never
  }
}

function objectSchema(properties: ReadonlyMap<string, PropertyShape>, place: Place): JsonSchema {
  const required = Array.from(properties).flatMap(([key, { shape, optional }]) =>
    optional || shape.notes.fallback || shape.kind === 'object' ? [] : [key],
  )
  return {
    type: 'object',
    ...(place === 'value' && required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(Array.from(properties, ([key, { shape }]) => [key, schemaOf(shape, place)])),
    additionalProperties: false,
  }
}

/** Without the keywords that have no value. */
function defined(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== null))
}
