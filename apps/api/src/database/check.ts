// Before a fleet is started: can the database be reached, and has it the schema that this code needs?
import { fileURLToPath } from 'node:url'
import { SetupError } from '../errors.ts'
import { pendingMigrations } from './migrate.ts'
import { readMigrations } from './migrations-folder.ts'
import { withConnection } from './single-connection.ts'

/** The folder of this version's migrations. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

const CHECK_TIMEOUT_S = 10

/** @throws API_ERR_DATABASE_CONNECT, API_ERR_SCHEMA_BEHIND, API_ERR_MIGRATION_CHANGED, API_ERR_MIGRATION_ORDER */
export async function checkDatabase(database: {
  readonly url: string
  readonly connectTimeoutS: number
}): Promise<void> {
  const migrations = await readMigrations(MIGRATIONS_FOLDER)
  const pending = await withConnection(
    { ...database, applicationName: 'plimsoll-api check', commandTimeoutS: CHECK_TIMEOUT_S },
    sql => pendingMigrations(sql, migrations),
  )
  const [first] = pending
  if (first === undefined) return
  throw new SetupError(
    'API_ERR_SCHEMA_BEHIND',
    `The database lacks ${pending.length === 1 ? first : `${pending.length} migrations, the first is ${first}`}; run "npm run db:migrate".`,
  )
}
