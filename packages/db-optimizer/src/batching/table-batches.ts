// Loaders and writers for a table: the statement, the key's form and the safeguards put together.
import { DbError } from '../errors.ts'
import type { KeyForm, KeyType } from './canonical-key.ts'
import { keyedSelect, type KeyedSelectOptions } from './keyed-select.ts'
import { createLoader, createManyLoader, type Loader, type LoaderOptions } from './loader.ts'
import { requireAutocommit, type AutocommitRunner } from './outside-transactions.ts'
import { upsertStatement, type Row, type UpsertOptions } from './upsert-statement.ts'
import { createWriter, type Writer, type WriterOptions } from './writer.ts'

type LoaderTuning<Item> = Partial<Omit<LoaderOptions<unknown, Item>, 'run' | 'keyOf'>>
type WriterTuning = Partial<Omit<WriterOptions<Row>, 'run' | 'keyOf'>>

export type TableLoaderOptions<Item> = KeyedSelectOptions & LoaderTuning<Item>
export type TableWriterOptions = UpsertOptions & WriterTuning

/** Types of columns whose keys have a form already. */
const FORMS: Readonly<Record<string, KeyType>> = {
  int2: 'int2',
  smallint: 'int2',
  int4: 'int4',
  integer: 'int4',
  int8: 'int8',
  bigint: 'int8',
  uuid: 'uuid',
  text: 'text',
  varchar: 'text',
}

/**
 * Reads rows of a table by key. A key of several columns is a list, in the order of `key`.
 * @throws DB_ERR_OPTION, and DB_ERR_UNSUPPORTED for a runner that belongs to a transaction
 */
export function tableLoader<Item extends object>(
  runner: AutocommitRunner,
  options: TableLoaderOptions<Item>,
): Loader<unknown, Item | null> {
  return createLoader(loaderOptions<Item>(runner, options))
}

/** As `tableLoader`, with all rows of each key. */
export function tableManyLoader<Item extends object>(
  runner: AutocommitRunner,
  options: TableLoaderOptions<Item>,
): Loader<unknown, readonly Item[]> {
  return createManyLoader(loaderOptions<Item>(runner, options))
}

function loaderOptions<Item extends object>(
  runner: AutocommitRunner,
  options: TableLoaderOptions<Item>,
): LoaderOptions<unknown, Item> {
  requireAutocommit(runner, 'A loader')
  const statement = keyedSelect(options)
  const columns = Object.keys(options.key)
  return {
    ...options,
    keyForm: options.keyForm ?? formsOf(options.key),
    keyOf: row => keyOf(row, columns),
    run: (keys, context) => runner.run<Item>(statement.text, statement.parameters(keys), context),
  }
}

/**
 * Writes rows of a table, merged by the columns of `conflict`.
 * @throws DB_ERR_OPTION, and DB_ERR_UNSUPPORTED for a runner that belongs to a transaction
 */
export function tableWriter(runner: AutocommitRunner, options: TableWriterOptions): Writer<Row> {
  requireAutocommit(runner, 'A writer')
  const statement = upsertStatement(options)
  const { conflict = [] } = options
  const key = Object.fromEntries(conflict.map(column => [column, options.columns[column] as string]))
  const never = new AbortController().signal
  return createWriter<Row>({
    ...options,
    ...(conflict.length === 0
      ? {}
      : { keyForm: options.keyForm ?? formsOf(key), keyOf: (row: Row) => keyOf(row, conflict) }),
    run: rows => runner.run(statement.text, statement.parameters(rows), { signal: never }),
  })
}

function formsOf(key: Readonly<Record<string, string>>): KeyForm | readonly KeyForm[] {
  const forms = Object.entries(key).map(([column, type]) => {
    const form = Object.hasOwn(FORMS, type) ? FORMS[type] : undefined
    if (form !== undefined) return form
    throw new DbError(
      'DB_ERR_OPTION',
      `"${column}" has the type ${type}, whose keys have no form of their own: give keyForm a function.`,
    )
  })
  return forms.length === 1 ? (forms[0] as KeyForm) : forms
}

function keyOf(row: object, columns: readonly string[]): unknown {
  return columns.length === 1 ? Reflect.get(row, columns[0] as string) : columns.map(column => Reflect.get(row, column))
}
