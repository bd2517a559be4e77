// The statement behind a loader: one prepared text for every number of keys.
//
//     select "id", "name" from "users" where "id" = any($1::int8[])
//     select t."a", t."b", t."n" from unnest($1::int8[], $2::text[]) as k(k1, k2) join "x" as t on t."a" = k.k1 and t."b" = k.k2
import { DbError } from '../errors.ts'
import { arrayLiteral, textOf } from './array-literal.ts'
import { arrayTypeOf, quoteIdentifier, quoteTable, type TableName } from './quote-identifier.ts'

export interface KeyedSelectOptions {
  readonly table: TableName
  /** Column of the key and its type, `{ id: 'int8' }`; several for a key of several columns, in the key's order. */
  readonly key: Readonly<Record<string, string>>
  /** Columns to fetch. The key's are always among them. Default: all. */
  readonly columns?: readonly string[]
}

/** A statement for lists: the same text for any number of them. */
export interface ListStatement<Item> {
  readonly text: string
  parameters(items: readonly Item[]): string[]
}

/** @throws DB_ERR_OPTION for what is no name or type */
export function keyedSelect(options: KeyedSelectOptions): ListStatement<unknown> {
  const keys = Object.entries(options.key)
  if (keys.length === 0) throw new DbError('DB_ERR_OPTION', 'key names at least one column.')
  const arrays = keys.map(([, type], column) => `$${column + 1}::${arrayTypeOf(type)}`)
  const table = quoteTable(options.table)
  const chosen =
    options.columns === undefined ? undefined : [...new Set([...keys.map(([column]) => column), ...options.columns])]
  const names = (prefix: string): string =>
    chosen === undefined ? `${prefix}*` : chosen.map(column => prefix + quoteIdentifier(column)).join(', ')
  const parameters = (items: readonly unknown[]): string[] =>
    keys.map(([column, type], part) =>
      arrayLiteral(
        items.map(item => textOf(keys.length === 1 ? item : (item as readonly unknown[])[part], type, column)),
      ),
    )
  const [first] = keys
  if (keys.length === 1 && first !== undefined) {
    return {
      text: `select ${names('')} from ${table} where ${quoteIdentifier(first[0])} = any(${arrays[0]})`,
      parameters,
    }
  }
  const aliases = keys.map((_, column) => `k${column + 1}`)
  const joins = keys.map(([column], part) => `t.${quoteIdentifier(column)} = k.${aliases[part]}`)
  return {
    text: `select ${names('t.')} from unnest(${arrays.join(', ')}) as k(${aliases.join(', ')}) join ${table} as t on ${joins.join(' and ')}`,
    parameters,
  }
}
