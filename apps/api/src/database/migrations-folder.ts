// This version's migrations, for whoever names a database after them.
import { readMigrations as read, type Migration } from '@plimsoll/db-optimizer/migrations'
import { toMigrationFailure } from './migration-failures.ts'

/**
 * The folder's migrations, in the order of their numbers.
 * @throws API_ERR_MIGRATION_NAME for anything in the folder that can't be applied
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  try {
    return await read(folder)
  } catch (error) {
    throw toMigrationFailure(error, '')
  }
}
