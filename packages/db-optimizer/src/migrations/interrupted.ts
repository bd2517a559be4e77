// The refusal of a database in which a file outside a transaction was begun and not finished; with what helps whoever has to look.
import { MigrationError } from './errors.ts'
import type { LedgerRecord } from './ledger.ts'
import type { Migration } from './migrations-folder.ts'
import type { MigrationSession } from './session.ts'

const MAX_NAMED = 5

export async function interruptedError(
  session: MigrationSession,
  record: LedgerRecord,
  migrations: readonly Migration[],
): Promise<MigrationError> {
  const file = migrations.find(({ version }) => version === record.version)
  const of = file === undefined ? '' : ` of ${file.statements.length}`
  const changed = file !== undefined && file.checksum !== record.checksum ? ' Its file has changed since.' : ''
  const rows = await session.query(
    `select indexrelid::regclass::text as name from pg_index where not indisvalid order by 1 limit ${MAX_NAMED}`,
  )
  const names = rows.map(row => String(row['name']))
  const indexes = names.length === 0 ? '' : ` Not valid, and perhaps its work: ${names.join(', ')}; drop them first.`
  return new MigrationError(
    'DB_ERR_MIGRATION_INTERRUPTED',
    `${record.name} runs outside a transaction, was begun, and wasn't finished: ${record.statementsDone}${of} statements are known to be done, the next one may be.${changed}${indexes} Look what it left, then repair: as "pending" if the file may run again from its beginning, as "done" if all its work is there.`,
    { file: record.name, outcome: 'unknown' },
  )
}
