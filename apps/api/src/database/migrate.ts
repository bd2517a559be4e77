// Brings a database to the schema of this code: every migration that isn't recorded yet, in order, each exactly once.
//
// Invariants
// * One process works at a time: all of it happens under a session-level advisory lock, which PostgreSQL gives back when the connection ends, however
//   that happens. The others wait, then read the records again and find nothing left to do.
// * A migration and its record are committed together. Only a `-- no-transaction` file can be done and not recorded; it has to be repeatable.
// * What is recorded must match the folder: a changed file or a gap stops everything before anything is done.
// * A database that is ahead of the folder is fine: that is the previous release on the schema of the next one (expand, then contract).
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError } from '../errors.ts'
import type { Sql } from './database.ts'
import { codeOf } from './failures.ts'
import type { Migration } from './migrations-folder.ts'
import { inTransaction } from './single-connection.ts'

/** Key of the advisory lock, shared by everything that changes schema or demo data: "plimsoll" in ASCII. */
const LOCK_KEY = '8100965748541713516'
/** Longest wait for another process that holds the lock. */
const LOCK_WAIT_MS = 120_000
const LOCK_POLL_MS = 200
/** Longest wait of one statement for a table's lock: a migration that queues behind a long transaction would stop all traffic behind it. */
const TABLE_LOCK_WAIT_S = 5

/** How far a step of a command is. */
export interface Step {
  readonly name: string
  readonly done: number
  readonly total: number
  readonly ms: number
  /** Whether nothing more will be told about the step of this name. */
  readonly finished: boolean
}

export type OnStep = (step: Step) => void

export interface MigrateTools {
  readonly clock: { now(): number }
  readonly onStep: OnStep
}

interface Applied {
  readonly version: number
  readonly name: string
  readonly checksum: string
}

/**
 * Applies what is missing and returns the names of the files that were.
 * @param sql a single connection without statement time-out
 * @throws API_ERR_MIGRATION_CHANGED, API_ERR_MIGRATION_ORDER, API_ERR_MIGRATION_FAILED, API_ERR_MIGRATION_LOCKED
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[],
  tools: MigrateTools,
): Promise<readonly string[]> {
  return underMaintenanceLock(sql, async () => {
    await sql`
      create table if not exists schema_migrations (
        version     integer primary key,
        name        text not null,
        checksum    text not null,
        duration_ms integer not null,
        applied_at  timestamptz(3) not null default now()
      )`
    const missing = findMissing(migrations, await readApplied(sql))
    for (const [index, migration] of missing.entries()) {
      const startedAt = tools.clock.now()
      await apply(sql, migration, tools.clock)
      tools.onStep({
        name: migration.name,
        done: index + 1,
        total: missing.length,
        ms: Math.round(tools.clock.now() - startedAt),
        finished: true,
      })
    }
    return missing.map(migration => migration.name)
  })
}

/** Names of migrations that a database lacks; all of them when it has no records. Takes no lock and changes nothing. */
export async function pendingMigrations(sql: Sql, migrations: readonly Migration[]): Promise<readonly string[]> {
  const [table] = await sql<[{ exists: boolean }]>`select to_regclass('schema_migrations') is not null as exists`
  return findMissing(migrations, table.exists ? await readApplied(sql) : []).map(migration => migration.name)
}

/**
 * Runs `work` while no other process migrates, seeds or empties the same database.
 * @throws API_ERR_MIGRATION_LOCKED when the lock isn't free within two minutes
 */
export async function underMaintenanceLock<Result>(sql: Sql, work: () => Promise<Result>): Promise<Result> {
  // Asked for again and again, not waited for: a session that waits inside a statement holds a snapshot, for which another process's
  // `create index concurrently` would wait in turn.
  const attempts = LOCK_WAIT_MS / LOCK_POLL_MS
  for (let attempt = 1; !(await tryLock(sql)); attempt += 1) {
    if (attempt >= attempts) {
      throw new SetupError(
        'API_ERR_MIGRATION_LOCKED',
        `Another process has been changing this database for over ${LOCK_WAIT_MS / 1000} s; wait for it or stop it.`,
      )
    }
    await sleep(LOCK_POLL_MS)
  }
  try {
    await sql.unsafe(`set lock_timeout = '${TABLE_LOCK_WAIT_S}s'`)
    return await work()
  } finally {
    // A lost connection has given the lock back already.
    await sql`select pg_advisory_unlock(${LOCK_KEY}::bigint)`.catch(() => {})
  }
}

async function tryLock(sql: Sql): Promise<boolean> {
  const [row] = await sql<[{ taken: boolean }]>`select pg_try_advisory_lock(${LOCK_KEY}::bigint) as taken`
  return row.taken
}

async function readApplied(sql: Sql): Promise<readonly Applied[]> {
  return sql<Applied[]>`select version, name, checksum from schema_migrations order by version`
}

function findMissing(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const records = new Map(applied.map(record => [record.version, record]))
  const newestRecord = applied.at(-1)?.version ?? 0
  const newestFile = migrations.at(-1)?.version ?? 0
  const missing: Migration[] = []
  for (const migration of migrations) {
    const record = records.get(migration.version)
    if (!record) {
      if (migration.version < newestRecord) {
        throw new SetupError(
          'API_ERR_MIGRATION_ORDER',
          `${migration.name} is not applied, but a later migration is (number ${newestRecord}); give it a number above that.`,
        )
      }
      missing.push(migration)
    } else if (record.checksum !== migration.checksum) {
      throw new SetupError(
        'API_ERR_MIGRATION_CHANGED',
        `${migration.name} was applied as ${record.name} with other contents; restore the file and put the change in a new migration.`,
      )
    }
    records.delete(migration.version)
  }
  for (const record of records.values()) {
    if (record.version < newestFile) {
      throw new SetupError(
        'API_ERR_MIGRATION_ORDER',
        `${record.name} is applied, but its file is missing in the migrations folder; restore it.`,
      )
    }
  }
  return missing
}

async function apply(sql: Sql, migration: Migration, clock: { now(): number }): Promise<void> {
  const startedAt = clock.now()
  const work = async () => {
    await sql.unsafe(migration.text).simple()
    const durationMs = Math.round(clock.now() - startedAt)
    await sql`
      insert into schema_migrations (version, name, checksum, duration_ms)
      values (${migration.version}, ${migration.name}, ${migration.checksum}, ${durationMs})`
  }
  try {
    await (migration.inTransaction ? inTransaction(sql, work) : work())
  } catch (error) {
    const { message, position } = error as { message?: string; position?: string }
    const line =
      position === undefined ? '' : ` in line ${migration.text.slice(0, Number(position) - 1).split('\n').length}`
    throw new SetupError(
      'API_ERR_MIGRATION_FAILED',
      `${migration.name} failed${line}: ${message ?? String(error)} (${codeOf(error)}).`,
      error,
    )
  }
}
