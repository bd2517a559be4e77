// Rows that many callers share: frozen to the bottom, an ordinary array beside which `count` and `command` are kept. What else a result of the driver has
// (`columns`, `statement`, `state`) belongs to one execution, and isn't there.
//
// Dates and bytes can't be frozen: who changes one in place changes it for all callers of this process.
import type { StoredRows } from './query-cache.ts'

/** What `sql.cached` gives: rows that aren't to be changed. */
export type CachedRows<Rows extends readonly unknown[]> = { readonly [Index in keyof Rows]: Readonly<Rows[Index]> } & {
  readonly count: number
  readonly command: string
}

const COMMAND = 'SELECT'

/** Plain rows of a result of the driver, for the cache. */
export function storedRows(result: readonly object[]): StoredRows {
  return frozen(Array.from(result)) as StoredRows
}

/** Gives rows of a cache their `count` and `command`, once per array. */
export class RowsWithCount {
  readonly #known = new WeakMap<object, StoredRows>()

  /** @hot */
  of(rows: StoredRows): StoredRows {
    return this.#known.get(rows) ?? this.#make(rows)
  }

  #make(rows: StoredRows): StoredRows {
    const copy = Array.from(rows)
    const count = { value: copy.length }
    frozen(Object.defineProperties(copy, { count, command: { value: COMMAND } }))
    this.#known.set(rows, copy)
    return copy
  }
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (ArrayBuffer.isView(value) || value instanceof Date) return value
  for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}
