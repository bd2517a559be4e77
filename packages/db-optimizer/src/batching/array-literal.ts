// Values as PostgreSQL's text format has them, and lists of them as array literals: `{"a","b\"c",NULL}`.
//
// Written here, and not left to the driver: its arrays need a query for the types on each new connection, and take a JSON column's value that is a list for
// another dimension. A parameter that's text needs neither.
import { DbError } from '../errors.ts'

const JSON_TYPES: ReadonlySet<string> = new Set(['json', 'jsonb'])

/**
 * One value as text, null for NULL. Numbers, bigints and booleans as they're written, dates in UTC, bytes in hex, for json and jsonb anything by JSON.
 * @throws DB_ERR_PARAMETER for undefined, invalid dates, and objects where the type isn't JSON
 */
export function textOf(value: unknown, type: string, column: string): string | null {
  if (value === null) return null
  if (value === undefined) throw refused(column, 'is missing; say null for NULL')
  if (JSON_TYPES.has(type)) return jsonOf(value, column)
  if (typeof value === 'string') {
    if (value.includes('\0')) throw refused(column, 'contains a NUL, which PostgreSQL does not store')
    return value
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return dateOf(value, column)
  if (value instanceof Uint8Array) {
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  }
  throw refused(column, `is a ${Array.isArray(value) ? 'list' : typeof value}, for which ${type} has no form`)
}

/** A list of values as the text of an array. */
export function arrayLiteral(values: readonly (string | null)[]): string {
  let literal = '{'
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as string | null
    if (at > 0) literal += ','
    literal += value === null ? 'NULL' : `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`
  }
  return `${literal}}`
}

function jsonOf(value: unknown, column: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {
    text = undefined
  }
  if (text === undefined) throw refused(column, "can't be written as JSON")
  return text
}

function dateOf(value: Date, column: string): string {
  if (Number.isNaN(value.getTime())) throw refused(column, 'is an invalid date')
  const iso = value.toISOString()
  // Years beyond 9999 and before 1 have a sign in ISO 8601, which PostgreSQL doesn't read.
  if (iso.length !== 24) throw refused(column, 'is a date outside the years 0 to 9999')
  return iso
}

function refused(column: string, why: string): DbError {
  return new DbError('DB_ERR_PARAMETER', `The value for "${column}" ${why}.`)
}
