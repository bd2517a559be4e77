// What the database says of its indexes: their form, and how much they were used.
import type { VerifySql } from './verify-database.ts'

export interface ExistingIndex {
  readonly name: string
  readonly table: string
  readonly unique: boolean
  /** Behind a primary key, unique or exclusion constraint. */
  readonly constraint: boolean
  /** False after a `create index concurrently` that failed: it costs each write and answers nothing. */
  readonly valid: boolean
  /** Access method: btree, gin, ... */
  readonly method: string
  /**
   * Key columns or expressions in order, without included ones. Each has the numbers of its operator class, collation and options (direction, place of nulls)
   * behind it: to be compared, not read.
   */
  readonly keys: readonly string[]
  /** All columns or expressions, the included ones last, without numbers. */
  readonly columns: readonly string[]
  /** Condition of a partial index. */
  readonly condition: string | null
  /** As PostgreSQL words it, with the constraint that it's behind, without storage parameters: those are for whoever runs the database to set. */
  readonly definition: string
  /** Scans since the statistics began. */
  readonly scans: number
  readonly bytes: number
}

export interface TableSize {
  readonly table: string
  /** As the planner believes; -1 when there are some, but nobody looked how many. */
  readonly rows: number
}

export interface Statistics {
  /** Since when uses are counted. */
  readonly since: Date
  /** Days from then. */
  readonly days: number
  /** Replicas count for themselves: what is never used here may be used there. */
  readonly replicas: number
}

/** All indexes of the schema `public` that belong to no extension. */
export async function existingIndexes(sql: VerifySql): Promise<readonly ExistingIndex[]> {
  return sql<ExistingIndex[]>`
    select i.relname as name, t.relname as table, x.indisunique as unique,
           exists (select from pg_constraint where conindid = x.indexrelid and contype in ('p', 'u', 'x')) as constraint,
           x.indisvalid as valid, m.amname as method,
           array(
             select concat_ws(' ', pg_get_indexdef(x.indexrelid, place, true),
                              x.indclass[place - 1], x.indcollation[place - 1], x.indoption[place - 1])
             from generate_series(1, x.indnkeyatts) as place order by place
           ) as keys,
           array(
             select pg_get_indexdef(x.indexrelid, place, true) from generate_series(1, x.indnatts) as place order by place
           ) as columns,
           pg_get_expr(x.indpred, x.indrelid) as condition,
           regexp_replace(pg_get_indexdef(x.indexrelid), ' WITH \\([^)]*\\)', '') || coalesce(
             ' behind ' || (select pg_get_constraintdef(oid) from pg_constraint where conindid = x.indexrelid and contype in ('p', 'u', 'x')),
             ''
           ) as definition,
           coalesce(s.idx_scan, 0)::int8 as scans, pg_relation_size(x.indexrelid)::int8 as bytes
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid
    join pg_am m on m.oid = i.relam
    left join pg_stat_user_indexes s on s.indexrelid = x.indexrelid
    where t.relnamespace = 'public'::regnamespace
      and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = t.oid and deptype = 'e')
    order by t.relname, i.relname`
}

export async function tableSizes(sql: VerifySql): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<TableSize[]>`
    select relname as table,
           case when reltuples < 0 and relkind = 'r' and pg_relation_size(oid) = 0 then 0 else reltuples end::int8 as rows
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`
  return new Map(rows.map(({ table, rows: count }) => [table, count]))
}

export async function indexStatistics(sql: VerifySql): Promise<Statistics> {
  const [row] = await sql<Statistics[]>`
    select since, extract(epoch from now() - since)::float8 / 86400 as days,
           (select count(*)::int from pg_stat_replication) as replicas
    from (select coalesce((select stats_reset from pg_stat_database where datname = current_database()), pg_postmaster_start_time()) as since) as s`
  if (row === undefined) throw new Error('unreachable: a select without from has one row')
  return row
}

/** Days since each migration was applied, by its file's name; empty for a database that was made in another way. */
export async function migrationDays(sql: VerifySql): Promise<ReadonlyMap<string, number>> {
  const [ledger] = await sql<object[]>`select where to_regclass('schema_migrations') is not null`
  if (ledger === undefined) return new Map()
  const rows = await sql<{ name: string; days: number }[]>`
    select name, extract(epoch from now() - applied_at)::float8 / 86400 as days from schema_migrations`
  return new Map(rows.map(({ name, days }) => [name, days]))
}
