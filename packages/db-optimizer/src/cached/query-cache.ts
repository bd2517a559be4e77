// What this package asks of a cache for query results, and what it tells it. The cache stands elsewhere; a program joins the two.
//
//     sql.cached`select` ──► getOrLoad({ key, tags }) ──hit──► rows
//                                   └─miss─► load ──► the database
//     a write ──► its tables' tags ──► [record: in the transaction] ──► COMMIT ──► invalidate(tags) ──► the writer's promise resolves
//
// What the cache owes for this to be right: once `invalidate` has resolved, no `getOrLoad` gives rows of a load that began before; and a load that was under way
// meanwhile isn't kept.
import type { Sql } from '../sql/sql.ts'

/** Rows of one statement: frozen, in the server's order. */
export type StoredRows = readonly object[]

export interface CachedStatement {
  /** Stands for text, parameters, role, database and epoch: 43 characters. */
  readonly key: string
  /** What it was read from; `table:schema.name` where they were found by themselves. */
  readonly tags: readonly string[]
  /** How long the rows may be served, in ms; undefined: as the cache thinks right. */
  readonly ttlMs?: number
}

export interface QueryCache {
  /**
   * The rows kept under the key, or what `load` gives. Not called for statements without tags.
   * @param load - its signal is the cache's: it aborts when nobody waits for the rows any more
   * @param signal - the caller's: it leaves, whatever becomes of the load
   */
  getOrLoad(
    statement: CachedStatement,
    load: (signal: AbortSignal) => Promise<StoredRows>,
    signal?: AbortSignal,
  ): Promise<StoredRows>
  /**
   * Resolves when nobody gets rows any more that were read under one of the tags before. A writer waits for it; one that rejects is reported, and the writer goes on.
   * @param where - `position`: what `record` gave, so other machines learn of it by themselves
   */
  invalidate(tags: readonly string[], where: { readonly position?: number }): Promise<void>
  /**
   * Makes the tags durable as part of the transaction that writes, just before its commit; gives their place. What it throws rolls the transaction back.
   * @param tx - runs on the transaction's connection
   */
  record?(tx: Sql, tags: readonly string[]): Promise<number>
}

/** The tag of a table. Names as in the catalog, unquoted: `table:public.courses`. */
export function tableTag(schema: string, table: string): string {
  return `table:${schema}.${table}`
}

/** On everything that was tagged by itself: what is written by ways that can't be followed invalidates it. */
export const ANY_TABLE = 'table:*'
