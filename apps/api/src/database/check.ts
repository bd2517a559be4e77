// Before a fleet is started: can the database be reached, and has it the schema that this code needs?
import { fileURLToPath } from 'node:url'
import { SetupError } from '../errors.ts'
import { pendingMigrations } from './migrate.ts'

/** The folder of this version's migrations. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

/** @throws API_ERR_DATABASE_CONNECT, API_ERR_SCHEMA_BEHIND, API_ERR_MIGRATION_* */
export async function checkDatabase(database: {
  readonly url: string
  readonly connectTimeoutS: number
}): Promise<void> {
  const pending = await pendingMigrations({
    ...database,
    folder: MIGRATIONS_FOLDER,
    applicationName: 'plimsoll-api check',
  })
  const [first] = pending
  if (first === undefined) return
  throw new SetupError(
    'API_ERR_SCHEMA_BEHIND',
    `The database lacks ${pending.length === 1 ? first.name : `${pending.length} migrations, the first is ${first.name}`}; run "npm run db:migrate".`,
  )
}
