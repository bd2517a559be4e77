// The smallest cache that keeps what query-cache.ts asks for: one load per key at a time, and none is kept that began before an invalidation of its tags.
import type { CachedStatement, QueryCache, StoredRows } from '../../src/cached/query-cache.ts'
import type { Sql } from '../../src/sql/sql.ts'

export interface Told {
  readonly tags: readonly string[]
  readonly position: number | undefined
}

export class MemoryCache implements QueryCache {
  /** What was asked for, in order. */
  readonly asked: CachedStatement[] = []
  readonly told: Told[] = []
  hits = 0
  loads = 0
  /** Awaited before each invalidation, and before each load. */
  before: { invalidate?: () => Promise<void>; load?: () => Promise<void> } = {}
  readonly #rows = new Map<string, { readonly tags: readonly string[]; readonly rows: Promise<StoredRows> }>()
  record?: (tx: Sql, tags: readonly string[]) => Promise<number>

  getOrLoad(statement: CachedStatement, load: (signal: AbortSignal) => Promise<StoredRows>): Promise<StoredRows> {
    this.asked.push(statement)
    const kept = this.#rows.get(statement.key)
    if (kept !== undefined) {
      this.hits += 1
      return kept.rows
    }
    this.loads += 1
    const rows = (async () => {
      await this.before.load?.()
      return load(new AbortController().signal)
    })()
    const entry = { tags: statement.tags, rows }
    this.#rows.set(statement.key, entry)
    rows.catch(() => this.#rows.get(statement.key) === entry && this.#rows.delete(statement.key))
    return rows
  }

  async invalidate(tags: readonly string[], { position }: { readonly position?: number }): Promise<void> {
    await this.before.invalidate?.()
    this.told.push({ tags, position })
    // Also loads that are under way: whoever asks from now on starts another.
    for (const [key, entry] of this.#rows) if (entry.tags.some(tag => tags.includes(tag))) this.#rows.delete(key)
  }

  /** Tags that were told since the last call. */
  takeTold(): readonly (readonly string[])[] {
    return this.told.splice(0).map(({ tags }) => tags)
  }
}
