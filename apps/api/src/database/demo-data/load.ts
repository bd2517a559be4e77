// Loads the demo data once.
//
// Invariants
// * All or nothing: rows, the marker and the statistics are one transaction.
// * A second run of the same size does nothing; the marker says what is there.
// * It's never mixed with anybody's rows: a database that has users but no marker is refused, so is another size.
import { SetupError } from '../../errors.ts'
import type { DriverSql } from '../driver.ts'
import { underMaintenanceLock } from '../maintenance-lock.ts'
import { inTransaction } from '../single-connection.ts'
import type { StepTools } from '../steps.ts'
import { copyRows } from './copy.ts'
import { demoTables, type DemoSize } from './tables.ts'

/** What a run did. */
export type LoadResult = 'loaded' | 'present'

/**
 * Fills an empty, migrated database with demo data.
 * @param sql a single connection without statement time-out
 * @throws API_ERR_DEMO_DATA when other rows are there
 */
export async function loadDemoData(sql: DriverSql, size: DemoSize, tools: StepTools): Promise<LoadResult> {
  return underMaintenanceLock(sql, async () => {
    const present = await readMarker(sql)
    if (present === size) return 'present'
    if (present !== undefined) {
      throw new SetupError(
        'API_ERR_DEMO_DATA',
        `The database holds the demo data "${present}", not "${size}"; empty it first: npm run db:reset, or npm start -- --fresh.`,
      )
    }
    const [users] = await sql<[{ any: boolean }]>`select exists (select from users) as any`
    if (users.any) {
      throw new SetupError(
        'API_ERR_DEMO_DATA',
        'The database holds users that are no demo data; use an empty one, or do without demo data.',
      )
    }
    await inTransaction(sql, () => load(sql, size, tools))
    return 'loaded'
  })
}

async function load(sql: DriverSql, size: DemoSize, tools: StepTools): Promise<void> {
  const { clock, onStep } = tools
  const tables = demoTables(size)
  for (const table of tables) {
    const startedAt = clock.now()
    await copyRows(sql, table, rows => {
      onStep({
        name: table.name,
        done: rows,
        total: table.total,
        ms: Math.round(clock.now() - startedAt),
        finished: rows === table.total,
      })
    })
    // COPY took the ids from the rows: the next one that PostgreSQL gives must come after them.
    if (table.columns.includes('id')) {
      await sql.unsafe(
        `select setval(pg_get_serial_sequence('${table.name}', 'id'), (select max(id) from ${table.name}))`,
      )
    }
  }
  const startedAt = clock.now()
  await sql`create table if not exists demo_data (size text primary key, loaded_at timestamptz(3) not null default now())`
  await sql`insert into demo_data (size) values (${size})`
  // The planner knows the tables from the first query on, not from autovacuum's first visit.
  await sql.unsafe(`analyze ${tables.map(table => table.name).join(', ')}`)
  onStep({
    name: 'statistics',
    done: tables.length,
    total: tables.length,
    ms: Math.round(clock.now() - startedAt),
    finished: true,
  })
}

async function readMarker(sql: DriverSql): Promise<string | undefined> {
  const [table] = await sql<[{ exists: boolean }]>`select to_regclass('demo_data') is not null as exists`
  if (!table.exists) return undefined
  const [marker] = await sql<{ size: string }[]>`select size from demo_data`
  return marker?.size
}
