// What a run would do, and whether it would work: without the lock and without changing anything, or in a transaction that is rolled back.
import { freshSession, runStatements } from './apply.ts'
import { compare, type Comparison } from './compare.ts'
import { fileError, type Place } from './failures.ts'
import { interruptedError } from './interrupted.ts'
import { Ledger } from './ledger.ts'
import { readMigrations, type Migration } from './migrations-folder.ts'
import { underLock, withSession } from './open-run.ts'
import { completeSettings, type MigrationOptions, type MigrationTools, type Settings } from './options.ts'
import type { MigrationSession } from './session.ts'

/** A file that isn't applied. */
export interface PendingMigration {
  readonly name: string
  readonly inTransaction: boolean
  readonly statements: number
}

export interface MigrationPlan {
  /** Names of what is applied and has its file. */
  readonly applied: readonly string[]
  /** What a run would apply, in order. */
  readonly pending: readonly PendingMigration[]
  /** Names of migrations that the database has above the newest file. */
  readonly ahead: readonly string[]
}

/** A file of a rehearsal. */
export interface RehearsedMigration {
  readonly name: string
  /** False for files outside a transaction: they were left out, and later ones ran without them. */
  readonly rehearsed: boolean
  readonly ms: number
}

/**
 * Says what `migrate` would apply; refuses what `migrate` would refuse. It takes no lock but that of a reader of the ledger, and waits for nobody.
 * @throws MigrationError DB_ERR_MIGRATION_*; DbError DB_ERR_OPTION, DB_ERR_CONNECT
 */
export async function planMigrations(options: MigrationOptions, tools: MigrationTools = {}): Promise<MigrationPlan> {
  const settings = completeSettings(options, tools)
  const migrations = await readMigrations(settings.folder)
  const { applied, pending, ahead } = await withSession(settings, async session =>
    compareWith(session, await Ledger.find(session, settings), migrations, settings),
  )
  return {
    applied: applied.map(({ name }) => name),
    pending: pending.map(({ name, inTransaction, statements }) => ({
      name,
      inTransaction,
      statements: statements.length,
    })),
    ahead: ahead.map(({ name }) => name),
  }
}

/**
 * Runs all pending files in one transaction and rolls it back. The locks of all of them are held until then, so it's for a copy of the database, or a quiet one.
 * @throws MigrationError DB_ERR_MIGRATION_*; DbError DB_ERR_OPTION, DB_ERR_CONNECT
 */
export async function rehearseMigrations(
  options: MigrationOptions,
  tools: MigrationTools = {},
): Promise<readonly RehearsedMigration[]> {
  const settings = completeSettings(options, tools)
  const migrations = await readMigrations(settings.folder)
  return underLock(settings, async ({ session, ledger }) => {
    const { pending } = await compareWith(session, ledger, migrations, settings)
    const rehearsed: RehearsedMigration[] = []
    await freshSession(session)
    await session.run('begin isolation level read committed read write')
    try {
      for (const migration of pending) rehearsed.push(await rehearse(session, migration, settings))
      return rehearsed
    } finally {
      await session.rollback()
    }
  })
}

async function rehearse(
  session: MigrationSession,
  migration: Migration,
  settings: Settings,
): Promise<RehearsedMigration> {
  const { name, inTransaction } = migration
  if (!inTransaction) return { name, rehearsed: false, ms: 0 }
  const startedMs = settings.timers.now()
  const place: { migration: Migration; statement: Place['statement'] } = { migration, statement: undefined }
  try {
    await runStatements(session, migration, settings, statement => (place.statement = statement))
    place.statement = undefined
    await checkDeferred(session)
    await freshSession(session)
  } catch (error) {
    throw fileError(error, place, 'rolled-back', settings)
  }
  return { name, rehearsed: true, ms: Math.round(settings.timers.now() - startedMs) }
}

/** Checks what a commit would check, and leaves it to the next file's end to check what that one defers. */
async function checkDeferred(session: MigrationSession): Promise<void> {
  await session.run('set constraints all immediate')
  const [row] = await session.query(
    `select string_agg(distinct format('%I.%I', nspname, conname), ', ') as names
     from pg_constraint join pg_namespace on pg_namespace.oid = connamespace where condeferred`,
  )
  if (typeof row?.['names'] === 'string') await session.run(`set constraints ${row['names']} deferred`)
}

async function compareWith(
  session: MigrationSession,
  ledger: Ledger,
  migrations: readonly Migration[],
  settings: Settings,
): Promise<Comparison> {
  const comparison = compare(migrations, await ledger.read(session), settings.ahead)
  if (comparison.interrupted) throw await interruptedError(session, comparison.interrupted, migrations)
  return comparison
}
