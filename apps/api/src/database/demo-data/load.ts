// Loads the demo data once.
//
// Invariants
// * All or nothing: rows, indexes, the marker and the statistics are one transaction.
// * A second run of the same size does nothing; the marker says what is there.
// * It's never mixed with anybody's rows: a database that has some but no marker is refused, so is another size, so are the rows of an earlier edition.
// * Meanwhile the tables belong to it: who reads or writes them waits.
import { SetupError } from '../../errors.ts'
import type { DriverSql } from '../driver.ts'
import { underMaintenanceLock } from '../maintenance-lock.ts'
import { inTransaction } from '../single-connection.ts'
import type { StepTools } from '../steps.ts'
import { withoutIndexes } from './bulk-load.ts'
import { copyRows } from './copy.ts'
import type { DemoTable } from './demo-table.ts'
import type { DemoSize } from './sizes.ts'
import { demoTables } from './tables.ts'

/** What a run did. */
export type LoadResult = 'loaded' | 'present'

/** To be raised when the code needs rows that earlier editions don't have; 1 had users and courses only. */
const EDITION = 2
const TO_BEGIN_ANEW = 'empty it first: npm run db:reset, or npm start -- --fresh.'

/**
 * Fills an empty, migrated database with demo data.
 * @param sql a single connection without statement time-out
 * @throws API_ERR_DEMO_DATA when other rows are there
 */
export async function loadDemoData(sql: DriverSql, size: DemoSize, tools: StepTools): Promise<LoadResult> {
  return underMaintenanceLock(sql, async () => {
    const marker = await readMarker(sql)
    if (marker?.size === size && marker.edition === EDITION) return 'present'
    if (marker !== undefined) {
      const present = marker.edition === EDITION ? `"${marker.size}"` : `"${marker.size}" of another release`
      throw new SetupError(
        'API_ERR_DEMO_DATA',
        `The database holds the demo data ${present}, not "${size}"; ${TO_BEGIN_ANEW}`,
      )
    }
    const tables = demoTables(size)
    await inTransaction(sql, () => load(sql, size, tables, tools))
    // Index-only scans count on it, and autovacuum would come within the minute. What's locked just then is left to that.
    await sql.unsafe(`vacuum (skip_locked) ${namesOf(tables).join(', ')}`)
    return 'loaded'
  })
}

async function load(
  sql: DriverSql,
  size: DemoSize,
  tables: readonly DemoTable[],
  { clock, onStep }: StepTools,
): Promise<void> {
  const names = namesOf(tables)
  await claim(sql, names)
  let startedAt = clock.now()
  await withoutIndexes(
    sql,
    names,
    async () => {
      for (const table of tables) await loadTable(sql, table, { clock, onStep })
      startedAt = clock.now()
    },
    (done, total) => {
      const ms = Math.round(clock.now() - startedAt)
      onStep({ name: 'indexes', done, total, ms, finished: done === total })
    },
  )
  startedAt = clock.now()
  await sql`create table if not exists demo_data (size text primary key, loaded_at timestamptz(3) not null default now(), edition integer not null)`
  await sql`insert into demo_data (size, edition) values (${size}, ${EDITION})`
  // The planner knows the tables from the first query on, not from autovacuum's first visit.
  await sql.unsafe(`analyze ${names.join(', ')}`)
  const ms = Math.round(clock.now() - startedAt)
  onStep({ name: 'statistics', done: tables.length, total: tables.length, ms, finished: true })
}

/** Locks the tables and makes sure that they're empty. @throws API_ERR_DEMO_DATA */
async function claim(sql: DriverSql, names: readonly string[]): Promise<void> {
  await sql.unsafe(`lock table ${names.join(', ')} in access exclusive mode`)
  const [found] = await sql.unsafe<{ name: string }[]>(
    `select name from (${names.map(name => `select '${name}' as name where exists (select from ${name})`).join(' union all ')}) limit 1`,
  )
  if (found !== undefined) {
    throw new SetupError(
      'API_ERR_DEMO_DATA',
      `The database holds ${found.name} that are no demo data; use an empty one, or do without demo data.`,
    )
  }
}

async function loadTable(sql: DriverSql, table: DemoTable, { clock, onStep }: StepTools): Promise<void> {
  const { name, total } = table
  const startedAt = clock.now()
  const tell = (done: number, finished: boolean) =>
    onStep({ name, done, total, ms: Math.round(clock.now() - startedAt), finished })
  await copyRows(sql, table, rows => tell(rows, false))
  // COPY took the ids from the rows: the next one that PostgreSQL gives must come after them.
  if (table.columns.includes('id')) {
    await sql.unsafe(`select setval(pg_get_serial_sequence('${name}', 'id'), (select max(id) from ${name}))`)
  }
  tell(total, true)
}

function namesOf(tables: readonly DemoTable[]): readonly string[] {
  return tables.map(({ name }) => name)
}

async function readMarker(sql: DriverSql): Promise<{ readonly size: string; readonly edition: number } | undefined> {
  const [table] = await sql<[{ exists: boolean }]>`select to_regclass('demo_data') is not null as exists`
  if (!table.exists) return undefined
  // The first edition's marker has no such column.
  const [marker] = await sql<{ size: string; edition: number }[]>`
    select size, coalesce((to_jsonb(demo_data) ->> 'edition')::int, 1) as edition from demo_data`
  return marker
}
