// Names of tables and columns as PostgreSQL reads them exactly: always quoted, so that case, spaces and keywords are no matter.
import { DbError } from '../errors.ts'

/** NAMEDATALEN - 1: the server cuts longer names off, and would then find another table. */
const MAX_NAME_BYTES = 63
/** A type's name as the catalog has it, with a schema if need be: `int8`, `double precision`, `public.mood`. No modifier, no array. */
const TYPE_NAME = /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*|(?: [a-z]+){0,3})$/

/** A name, or schema and name. */
export type TableName = string | readonly [schema: string, table: string]

/** @throws DB_ERR_OPTION for what can't be a name. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || !name.isWellFormed() || Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new DbError(
      'DB_ERR_OPTION',
      `A name has 1 to ${MAX_NAME_BYTES} bytes and no NUL; ${JSON.stringify(name)} isn't one.`,
    )
  }
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteTable(table: TableName): string {
  return typeof table === 'string' ? quoteIdentifier(table) : table.map(quoteIdentifier).join('.')
}

/**
 * The array type of a column's type, for a parameter.
 * @throws DB_ERR_OPTION for a modifier (`varchar(20)`: a cast to it would cut values off in silence, which the column itself refuses), an array
 * (`unnest` takes all its levels apart), and anything that isn't a type's name in lower case.
 */
export function arrayTypeOf(type: string): string {
  if (TYPE_NAME.test(type)) return `${type}[]`
  throw new DbError(
    'DB_ERR_OPTION',
    `A column's type is a name in lower case without length and without [], such as int8, text, timestamptz or public.mood; "${type}" isn't one.`,
  )
}
