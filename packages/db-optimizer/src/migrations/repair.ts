// Says what a person has found out about a file that was begun outside a transaction and not finished.
import { DbError } from '../errors.ts'
import { MigrationError } from './errors.ts'
import { readMigrations } from './migrations-folder.ts'
import { underLock } from './open-run.ts'
import { completeSettings, type MigrationOptions, type MigrationTools } from './options.ts'

export interface RepairOptions extends MigrationOptions {
  /** Number of the file: 2 for `0002_add_badges.sql`. */
  readonly version: number
  /** `pending`: what it left is gone, or does no harm when the file runs again from its beginning. `done`: all its work is there. */
  readonly as: 'pending' | 'done'
}

/**
 * Ends the state `running` of a file; a run that is still under way is waited for.
 * @returns the file's name
 * @throws MigrationError DB_ERR_MIGRATION_LEDGER when no such file was interrupted, DB_ERR_MIGRATION_MISSING when its file is gone
 * @throws DbError DB_ERR_OPTION, DB_ERR_CONNECT
 */
export async function repairMigration(options: RepairOptions, tools: MigrationTools = {}): Promise<string> {
  const settings = completeSettings(options, tools, ['version', 'as'])
  const { version, as } = options
  if (!Number.isInteger(version) || version < 0 || version > 9999)
    throw new DbError('DB_ERR_OPTION', `version is ${String(version)}; it's the number of a file, from 0 to 9999.`)
  if (as !== 'pending' && as !== 'done')
    throw new DbError('DB_ERR_OPTION', `as is ${String(as)}; it's pending or done.`)
  const migrations = await readMigrations(settings.folder)
  return underLock(settings, async ({ session, ledger }) => {
    const record = (await ledger.read(session)).find(one => one.version === version)
    if (record?.state !== 'running') {
      throw new MigrationError(
        'DB_ERR_MIGRATION_LEDGER',
        record === undefined
          ? `No migration with the number ${version} was begun; there is nothing to repair.`
          : `${record.name} is done; there is nothing to repair.`,
      )
    }
    const file = migrations.find(migration => migration.version === version)
    if (as === 'pending') await ledger.forgetRunning(session, version)
    else if (file === undefined) {
      throw new MigrationError(
        'DB_ERR_MIGRATION_MISSING',
        `${record.name} can't be recorded as done, its file is missing; restore it.`,
        { file: record.name },
      )
    } else await ledger.markDone(session, file, undefined)
    return record.name
  })
}
