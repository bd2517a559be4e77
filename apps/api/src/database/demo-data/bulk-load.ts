// Takes secondary indexes and foreign keys away while tables are filled, and makes them anew afterwards from PostgreSQL's own definitions.
//
// CPU seconds of the server for the full demo data, 515,000 rows: 15.8 with everything in place; 9.5 without foreign keys, each of which is a statement and a lock on
// the parent's row per row; 7.7 without secondary indexes too. An index that's built at once is also smaller, and a GIN index has no list of pending entries that the
// first searches go through. Primary keys, unique constraints and checks stay: rows come in the order of their ids, and nothing wrong gets in.
import type { DriverSql } from '../driver.ts'

interface Definition {
  readonly drop: string
  readonly create: string
}

/**
 * Runs `work` without them.
 * @param sql a single connection, in a transaction: what fails leaves everything as it was
 * @param onRestored told after each that was made anew
 */
export async function withoutIndexes(
  sql: DriverSql,
  tables: readonly string[],
  work: () => Promise<void>,
  onRestored: (done: number, total: number) => void,
): Promise<void> {
  // A foreign key may rely on an index: it goes first and comes back last.
  const foreignKeys = await sql.unsafe<Definition[]>(FOREIGN_KEYS, [tables.join(',')])
  const indexes = await sql.unsafe<Definition[]>(INDEXES, [tables.join(',')])
  await sql.unsafe([...foreignKeys, ...indexes].map(({ drop }) => drop).join(';\n')).simple()
  await work()
  const missing = [...indexes, ...foreignKeys]
  for (const [index, { create }] of missing.entries()) {
    await sql.unsafe(create)
    onRestored(index + 1, missing.length)
  }
}

const FOREIGN_KEYS = `
  select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
         format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as create
  from pg_constraint
  where contype = 'f' and conrelid = any (string_to_array($1, ',')::regclass[])
  order by conrelid, conname`

const INDEXES = `
  select format('drop index %s', indexrelid::regclass) as drop, pg_get_indexdef(indexrelid) as create
  from pg_index
  where indrelid = any (string_to_array($1, ',')::regclass[])
    and not exists (select from pg_constraint where conindid = indexrelid)
  order by indrelid, indexrelid`
