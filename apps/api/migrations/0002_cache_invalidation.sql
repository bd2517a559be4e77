-- What caches have to forget. A row's place is the id of the transaction that wrote it: what isn't visible yet has none below pg_snapshot_xmin.
create table "cache_invalidation" (
  id bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  subjects text[] not null,
  created_at timestamptz not null default now()
);
create index on "cache_invalidation" (xid);
-- The highest place among rows that were deleted: who asks from there or before has missed some.
create table "cache_invalidation_pruned" (
  sole boolean primary key default true check (sole),
  xid xid8 not null
);
insert into "cache_invalidation_pruned" (xid) values ('0');
