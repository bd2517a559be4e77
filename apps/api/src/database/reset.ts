// Empties a database that is ours: back to the state before the first migration.
//
// Refused in production, and for a database with tables but without records of our migrations: whoever points DATABASE_URL at the wrong place loses
// nothing. Extensions and the schema itself stay: they may belong to a superuser.
import { SetupError } from '../errors.ts'
import type { DriverSql } from './driver.ts'
import { underMaintenanceLock } from './maintenance-lock.ts'
import { inTransaction } from './single-connection.ts'

/**
 * Drops every table, view, routine and type in the schema `public`, except what belongs to an extension.
 * @param sql a single connection
 * @throws API_ERR_RESET_REFUSED
 */
export async function emptyDatabase(sql: DriverSql, environment: string): Promise<void> {
  if (environment === 'production') {
    throw new SetupError(
      'API_ERR_RESET_REFUSED',
      'The command reset is refused with NODE_ENV=production; drop and create the database yourself if you must.',
    )
  }
  await underMaintenanceLock(sql, async () => {
    const [found] = await sql<[{ ours: boolean; tables: number }]>`
      select to_regclass('public.schema_migrations') is not null as ours,
             (select count(*)::int from pg_tables where schemaname = 'public') as tables`
    if (!found.ours && found.tables > 0) {
      throw new SetupError(
        'API_ERR_RESET_REFUSED',
        `The database has ${found.tables} tables, but none of them is ours; check DATABASE_URL.`,
      )
    }
    await inTransaction(sql, () => sql.unsafe(DROP_EVERYTHING).simple())
  })
}

/** The list is made whole before the first drop: what cascades takes objects with it that are still to come. */
const DROP_EVERYTHING = `
do $$
declare
  statement text;
  statements text[] := array(
    select format('drop %s if exists %s cascade',
                  case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end,
                  oid::regclass)
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')
      -- 'e': of an extension; 'i': a part of something else, as the sequence of an identity column, which can't be dropped before its table.
      and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('e', 'i'))
    union all
    select format('drop routine if exists %s cascade', oid::regprocedure)
    from pg_proc
    where pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e')
    union all
    select format('drop type if exists %s cascade', oid::regtype)
    from pg_type
    where typnamespace = 'public'::regnamespace and typtype in ('e', 'd', 'r')
      and not exists (select from pg_depend where classid = 'pg_type'::regclass and objid = pg_type.oid and deptype = 'e'));
begin
  foreach statement in array statements loop
    execute statement;
  end loop;
end
$$`
