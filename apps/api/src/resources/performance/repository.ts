// What PostgreSQL says of how it's used: buffers, indexes and tables, of this database. Reads its statistics and nothing of what they're about.
//
// Two of them are left out where they'd mislead: indexes that keep a promise (of a constraint, or of rows that are found when a referenced row is changed) have work
// that no scan shows; and replicas count their scans for themselves, so with one attached nothing can be said here about an index that isn't used.
import type { Database } from '../../database/database.ts'

export interface BufferStatistics {
  readonly hits: number
  readonly reads: number
}

export interface IndexStatistics {
  readonly name: string
  readonly table: string
  readonly scans: number
  readonly bytes: number
  /** Of its table, estimated. */
  readonly rows: number
}

export interface TableStatistics {
  readonly name: string
  /** Estimated. */
  readonly rows: number
  readonly sequentialScans: number
  /** Rows that those have read. */
  readonly sequentialRows: number
  readonly indexScans: number
}

export interface ServerStatistics {
  /** From when on the counts are sure to be complete, for the schema as it is: since they were reset, and since the last migration. */
  readonly since: Date
  readonly ageS: number
  readonly replicas: number
  readonly buffers: BufferStatistics
  /** That no constraint needs. */
  readonly indexes: readonly IndexStatistics[]
  readonly tables: readonly TableStatistics[]
}

export interface PerformanceRepository {
  /** @throws API_ERR_DATABASE_UNAVAILABLE, API_ERR_DATABASE_BUSY, API_ERR_DATABASE_TIMEOUT */
  statistics(signal?: AbortSignal): Promise<ServerStatistics>
}

type CommonRow = Pick<ServerStatistics, 'since' | 'ageS' | 'replicas'> & BufferStatistics

export function createPerformanceRepository(database: Database): PerformanceRepository {
  const { sql } = database

  // A crash discards statistics without a word in the database's own row; the server's row has it. Without either, the server's start is a bound.
  const common = () => sql<CommonRow[]>`
    select since, extract(epoch from now() - since)::float8 as "ageS", replicas, hits, reads
    from (
      select greatest(
               coalesce(d.stats_reset, pg_postmaster_start_time()),
               (select stats_reset from pg_stat_bgwriter),
               (select max(applied_at) from schema_migrations)
             ) as since,
             (select count(*)::int from pg_stat_replication) as replicas,
             d.blks_hit as hits, d.blks_read as reads
      from pg_stat_database d
      where d.datname = current_database()
    ) as counted`

  const indexes = () => sql<IndexStatistics[]>`
    select s.indexrelname as name, s.relname as table, s.idx_scan as scans, pg_relation_size(s.indexrelid)::int8 as bytes,
           greatest(t.reltuples, 0)::int8 as rows
    from pg_stat_user_indexes s
    join pg_index i on i.indexrelid = s.indexrelid
    join pg_class t on t.oid = s.relid
    where s.schemaname = 'public' and i.indisvalid and not i.indisunique and not i.indisexclusion and not i.indisreplident
      and not exists (
        select from pg_constraint c
        where c.contype = 'f' and c.conrelid = s.relid
          and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
      )
    order by s.indexrelname`

  const tables = () => sql<TableStatistics[]>`
    select relname as name, greatest(n_live_tup, 0)::int8 as rows, seq_scan as "sequentialScans", seq_tup_read as "sequentialRows",
           coalesce(idx_scan, 0)::int8 as "indexScans"
    from pg_stat_user_tables
    where schemaname = 'public'
    order by relname`

  return {
    async statistics(signal) {
      const [[row], indexRows, tableRows] = await Promise.all([
        database.read('performance.server', common(), signal),
        database.read('performance.indexes', indexes(), signal),
        database.read('performance.tables', tables(), signal),
      ])
      if (row === undefined) throw new Error('PostgreSQL has no statistics of the database that it is asked in.')
      const { since, ageS, replicas, hits, reads } = row
      return { since, ageS, replicas, buffers: { hits, reads }, indexes: indexRows, tables: tableRows }
    },
  }
}
