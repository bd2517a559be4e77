// Loaders and writers of a database: on any connection, and refused inside its transactions.
import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Sql } from '../sql/sql.ts'
import { createLoader, createManyLoader, type Loader, type LoaderOptions } from './loader.ts'
import { refuseInside, type AutocommitRunner } from './outside-transactions.ts'
import {
  tableLoader,
  tableManyLoader,
  tableWriter,
  type TableLoaderOptions,
  type TableWriterOptions,
} from './table-batches.ts'
import type { Row } from './upsert-statement.ts'
import type { Writer } from './writer.ts'

/** `name` labels the statements in logs and figures. */
interface Named {
  readonly name?: string
}

export interface Batching {
  /**
   * Reads rows by key, many callers in one statement: `table` and `key` for a table's own columns, `run` and `keyOf` for a statement of your own. Make it once, not per request.
   * @throws DB_ERR_OPTION
   */
  readonly loader: {
    <Item extends object>(options: TableLoaderOptions<Item> & Named): Loader<unknown, Item | null>
    <Key, Item>(options: LoaderOptions<Key, Item>): Loader<Key, Item | null>
  }
  /** As `loader`, with all rows of each key. */
  readonly manyLoader: {
    <Item extends object>(options: TableLoaderOptions<Item> & Named): Loader<unknown, readonly Item[]>
    <Key, Item>(options: LoaderOptions<Key, Item>): Loader<Key, readonly Item[]>
  }
  /**
   * Writes rows of a table, many callers in one statement. Make it once; `close()` it before the database.
   * @throws DB_ERR_OPTION
   */
  readonly writer: (options: TableWriterOptions & Named) => Writer<Row>
}

type AnyLoaderOptions = (TableLoaderOptions<object> & Named) | LoaderOptions<unknown, object>

export function batchingOn(sql: Sql, inside: AsyncLocalStorage<true>): Batching {
  const runnerFor = (name: string | undefined, idempotent: boolean): AutocommitRunner => ({
    autocommit: true,
    run: (text, parameters, { signal }) =>
      sql
        .unsafe(text, [...parameters], { prepare: true })
        .with({ signal, idempotent, ...(name === undefined ? {} : { name }) }) as never,
  })
  const admit = refuseInside(inside, 'A loader')
  return {
    loader: (options: AnyLoaderOptions) =>
      'table' in options
        ? tableLoader(runnerFor(options.name, true), { admit, ...options })
        : createLoader({ admit, ...options }),
    manyLoader: (options: AnyLoaderOptions) =>
      'table' in options
        ? tableManyLoader(runnerFor(options.name, true), { admit, ...options })
        : createManyLoader({ admit, ...options }),
    // Written twice it leaves what writing it once leaves only where rows are merged by a key.
    writer: options =>
      tableWriter(runnerFor(options.name, (options.conflict?.length ?? 0) > 0), {
        admit: refuseInside(inside, 'A writer'),
        ...options,
      }),
  }
}
