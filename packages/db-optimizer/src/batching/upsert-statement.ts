// The statement behind a writer: one prepared text for every number of rows.
//
//     insert into "t" ("id", "n") select * from unnest($1::int8[], $2::int4[]) on conflict ("id") do update set "n" = excluded."n"
import { DbError } from '../errors.ts'
import { arrayLiteral, textOf } from './array-literal.ts'
import type { ListStatement } from './keyed-select.ts'
import { arrayTypeOf, quoteIdentifier, quoteTable, type TableName } from './quote-identifier.ts'

export interface UpsertOptions {
  readonly table: TableName
  /** Columns to write and their types. Others get their default on insert, and stay as they are on update. */
  readonly columns: Readonly<Record<string, string>>
  /** Columns of the unique constraint by which a row is there already. Default: none, a plain insert. */
  readonly conflict?: readonly string[]
  /** Columns to change in a row that's there. Default: all but those of `conflict`. An empty list leaves such rows as they are. */
  readonly update?: readonly string[]
}

export type Row = Readonly<Record<string, unknown>>

/** @throws DB_ERR_OPTION for what is no name or type, or a column that isn't among those written */
export function upsertStatement(options: UpsertOptions): ListStatement<Row> {
  const columns = Object.entries(options.columns)
  if (columns.length === 0) throw new DbError('DB_ERR_OPTION', 'columns names at least one column.')
  for (const name of [...(options.conflict ?? []), ...(options.update ?? [])]) {
    if (Object.hasOwn(options.columns, name)) continue
    throw new DbError(
      'DB_ERR_OPTION',
      `"${name}" is named in conflict or update, but not among the columns that are written.`,
    )
  }
  const arrays = columns.map(([, type], column) => `$${column + 1}::${arrayTypeOf(type)}`)
  const names = columns.map(([column]) => quoteIdentifier(column))
  const insert = `insert into ${quoteTable(options.table)} (${names.join(', ')}) select * from unnest(${arrays.join(', ')})`
  return {
    text: insert + onConflict(options),
    parameters: rows =>
      columns.map(([column, type]) => arrayLiteral(rows.map(row => textOf(row[column], type, column)))),
  }
}

function onConflict({ columns, conflict = [], update }: UpsertOptions): string {
  if (conflict.length === 0) {
    if (update === undefined) return ''
    throw new DbError(
      'DB_ERR_OPTION',
      'update contradicts a missing conflict: name the columns by which a row is found.',
    )
  }
  const changed = update ?? Object.keys(columns).filter(column => !conflict.includes(column))
  const target = ` on conflict (${conflict.map(quoteIdentifier).join(', ')})`
  if (changed.length === 0) return `${target} do nothing`
  return `${target} do update set ${changed.map(column => `${quoteIdentifier(column)} = excluded.${quoteIdentifier(column)}`).join(', ')}`
}
