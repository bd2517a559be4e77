// A copy of a configuration that may be printed: secrets replaced, passwords taken out of URLs.
import type { TSchema } from 'typebox'
import { isPlainObject, setOwn } from './deep-readonly.ts'
import { REDACTED, redactText } from './redact-text.ts'
import { readShape, type Shape } from './schema-shape.ts'

/**
 * Copies `config`; what the schema calls secret becomes `•••`, whatever is inside it, and texts lose the passwords of their URLs.
 * Keys that the schema doesn't have are copied too. Absent secrets stay absent.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID
 */
export function redact(config: unknown, schema: TSchema): unknown {
  return redactValue(config, [readShape(schema)])
}

/** `shapes`: all that the value may be; a secret in any of them makes it one. */
function redactValue(value: unknown, shapes: readonly Shape[]): unknown {
  if (value === undefined) return undefined
  const possible = shapes.flatMap(withBranches)
  if (possible.some(shape => shape.notes.secret)) return REDACTED
  if (typeof value === 'string') return redactText(value)
  if (value instanceof URL) return redactText(value.href)
  if (Array.isArray(value)) {
    const items = possible.flatMap(shape => (shape.kind === 'array' ? [shape.items] : []))
    return value.map(element => redactValue(element, items))
  }
  if (!isPlainObject(value)) return value
  const result = {}
  for (const [key, inner] of Object.entries(value)) setOwn(result, key, redactValue(inner, shapesAt(possible, key)))
  return result
}

function shapesAt(shapes: readonly Shape[], key: string): Shape[] {
  return shapes.flatMap(shape => {
    if (shape.kind === 'record') return [shape.values]
    const property = shape.kind === 'object' ? shape.properties.get(key) : undefined
    return property ? [property.shape] : []
  })
}

function withBranches(shape: Shape): Shape[] {
  return shape.kind === 'anyOf' ? [shape, ...shape.branches.flatMap(withBranches)] : [shape]
}
