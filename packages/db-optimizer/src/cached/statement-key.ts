// The key of a statement's rows: one text in, one text out, and two different statements never the same.
//
//     sha256( where they come from | text | declared types | parameters )
//
// Each part carries its length or its kind, so that none can pass for two others. Parameters are compared as they were given: 5 and '5' are different keys, which costs a
// load and never a wrong row. What can't be compared by its contents (instances of classes, functions) has no key.
import { hash } from 'node:crypto'
import type { WrittenStatement } from '../driver/written-statement.ts'

/** @returns undefined when a parameter can't be compared. @hot */
export function statementKey(origin: string, { text, parameters, types }: WrittenStatement): string | undefined {
  let written = `${origin.length}:${origin}${text.length}:${text}${types.join()}`
  for (const value of parameters) {
    const part = writtenValue(value, 0)
    if (part === undefined) return undefined
    written += part
  }
  return hash('sha256', written, 'base64url')
}

/** JSON values nest; more than this isn't looked at. */
const MAX_DEPTH = 100

function writtenValue(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return Object.is(value, -0) ? 'n-0;' : `n${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'bigint':
      return `i${value};`
    case 'object':
      if (value === null) return '-'
      return depth > MAX_DEPTH ? undefined : writtenObject(value, depth)
    case 'function':
    case 'symbol':
    case 'undefined':
    default:
      return undefined
  }
}

function writtenObject(value: object, depth: number): string | undefined {
  if (value instanceof Date) return `d${value.getTime()};`
  if (value instanceof Uint8Array) {
    return `b${value.byteLength}:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}`
  }
  if (Array.isArray(value)) {
    let written = `[${value.length}:`
    for (const item of value as unknown[]) {
      const part = writtenValue(item, depth + 1)
      if (part === undefined) return undefined
      written += part
    }
    return written
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return undefined
  const keys = Object.keys(value)
  let written = `{${keys.length}:`
  for (const key of keys) {
    const item: unknown = Reflect.get(value, key)
    // As JSON does it.
    const part = item === undefined ? 'u' : writtenValue(item, depth + 1)
    if (part === undefined) return undefined
    written += `${key.length}:${key}${part}`
  }
  return written
}
