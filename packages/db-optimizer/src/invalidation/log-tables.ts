// The log's two tables, as text for an application's own migrations: no right to create tables is needed while it runs.
import { quoteTable, type TableName } from '../batching/quote-identifier.ts'

/** Names of the log's tables, and of the channel it rings on. */
export interface LogNames {
  /** Default `cache_invalidation`; the second table is called `<table>_pruned`. */
  readonly table?: TableName
}

export const DEFAULT_TABLE = 'cache_invalidation'

/**
 * SQL that makes the tables; run it once, in a migration.
 * @throws DB_ERR_OPTION for what can't be a name
 */
export function invalidationLogSql(names: LogNames = {}): string {
  const { entries, pruned } = tablesOf(names)
  return `-- What caches have to forget. A row's place is the id of the transaction that wrote it: what isn't visible yet has none below pg_snapshot_xmin.
create table ${entries} (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  subjects text[] not null,
  created_at timestamptz not null default now()
);
create index on ${entries} (xid);
-- The highest place among rows that were deleted: who asks from there or before has missed some.
create table ${pruned} (
  sole boolean primary key default true check (sole),
  xid xid8 not null
);
insert into ${pruned} (xid) values ('0');
`
}

/** Both names as they stand in a statement. */
export function tablesOf({ table = DEFAULT_TABLE }: LogNames): { readonly entries: string; readonly pruned: string } {
  const pruned = typeof table === 'string' ? `${table}_pruned` : ([table[0], `${table[1]}_pruned`] as const)
  return { entries: quoteTable(table), pruned: quoteTable(pruned) }
}
