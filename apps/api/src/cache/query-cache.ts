// Where the database's cached reads and the cache meet: neither package knows the other.
//
//     sql.cached`select` ─▶ the namespace `queries` ─▶ the database
//     a committed write  ─▶ the tags of its tables  ─▶ every worker, and by the log every machine
//
// The database is opened before the cache, which may follow a log in it: so the two are joined afterwards. Until then reads go through and writes tell nobody, which
// is right: nothing has been kept.
import { type Cache, tagSubject } from '@plimsoll/cache'
import type { CachedStatement, QueryCache, Sql, StoredRows } from '@plimsoll/db-optimizer'
import type { InvalidationLog } from '@plimsoll/db-optimizer/invalidation'
import { KINDS } from './kinds.ts'

type Joined = Pick<Required<QueryCache>, 'getOrLoad' | 'invalidate'>

export class JoinedQueryCache implements QueryCache {
  #joined: Joined | undefined
  #log: InvalidationLog | undefined

  /** Makes the tags a row of the writing transaction; there's none without a log. */
  record?: (tx: Sql, tags: readonly string[]) => Promise<number>

  /** @param log - with other machines: then each write leaves a row in it */
  join(cache: Cache, log: InvalidationLog | undefined): void {
    const results = cache.namespace<StoredRows>('queries', KINDS.queryResults)
    this.#joined = {
      getOrLoad: ({ key, tags, ttlMs }, load, signal) =>
        results.getOrLoad(key, context => load(context.signal), {
          tags,
          ...(ttlMs === undefined ? {} : { ttlMs }),
          ...(signal === undefined ? {} : { signal }),
        }),
      invalidate: async (tags, where) => {
        await cache.invalidateTags(tags, where)
        this.#log?.ring()
      },
    }
    this.#log = log
    if (log) this.record = (tx, tags) => log.record(tx, tags.map(tagSubject))
  }

  getOrLoad(
    statement: CachedStatement,
    load: (signal: AbortSignal) => Promise<StoredRows>,
    signal?: AbortSignal,
  ): Promise<StoredRows> {
    return this.#joined?.getOrLoad(statement, load, signal) ?? load(signal ?? new AbortController().signal)
  }

  invalidate(tags: readonly string[], where: { readonly position?: number }): Promise<void> {
    return this.#joined?.invalidate(tags, where) ?? Promise.resolve()
  }
}
