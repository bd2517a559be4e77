// What the folder and the ledger say of each other. Everything that contradicts is refused before anything is done.
//
//     file   record     it is
//     yes    done       applied; the checksums have to be the same, the name may have changed
//     yes    -          pending; only above all records, since those above were applied without it
//     any    running    interrupted: neither applied nor pending until somebody has looked
//     -      done       missing, when there are files above it; ahead, when there are none
import { MigrationError } from './errors.ts'
import type { LedgerRecord } from './ledger.ts'
import type { Migration } from './migrations-folder.ts'

export interface Comparison {
  readonly applied: readonly Migration[]
  readonly pending: readonly Migration[]
  /** Records above the newest file. */
  readonly ahead: readonly LedgerRecord[]
  /** At most one can be: nothing is begun after it. */
  readonly interrupted: LedgerRecord | undefined
}

/** @throws MigrationError DB_ERR_MIGRATION_CHANGED, DB_ERR_MIGRATION_MISSING, DB_ERR_MIGRATION_ORDER, DB_ERR_MIGRATION_AHEAD */
export function compare(
  migrations: readonly Migration[],
  records: readonly LedgerRecord[],
  whenAhead: 'accept' | 'refuse',
): Comparison {
  const interrupted = records.find(({ state }) => state === 'running')
  const files = new Map(migrations.map(migration => [migration.version, migration]))
  const newestFile = migrations.at(-1)?.version ?? -1
  const applied: Migration[] = []
  const ahead: LedgerRecord[] = []
  for (const record of records) {
    const file = files.get(record.version)
    files.delete(record.version)
    if (record.state === 'running') continue
    if (file !== undefined) {
      if (file.checksum !== record.checksum) throw changed(file, record)
      applied.push(file)
    } else if (record.version > newestFile) ahead.push(record)
    else throw missing(record)
  }
  if (ahead.length > 0 && whenAhead === 'refuse') {
    throw new MigrationError(
      'DB_ERR_MIGRATION_AHEAD',
      `The database has ${ahead.map(({ name }) => name).join(', ')}, which is above the newest file; this program is older than its database.`,
    )
  }
  const pending = [...files.values()]
  const newest = records.at(-1)
  const late = pending.find(({ version }) => newest !== undefined && version < newest.version)
  if (late !== undefined && newest !== undefined) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_ORDER',
      `${late.name} is not applied, but ${newest.name} is; give it a number above ${newest.version}.`,
      { file: late.name },
    )
  }
  return { applied, pending, ahead, interrupted }
}

function changed(file: Migration, record: LedgerRecord): MigrationError {
  return new MigrationError(
    'DB_ERR_MIGRATION_CHANGED',
    `${file.name} was applied as ${record.name} with other contents; restore the file and put the change in a new migration.`,
    { file: file.name },
  )
}

function missing(record: LedgerRecord): MigrationError {
  return new MigrationError(
    'DB_ERR_MIGRATION_MISSING',
    `${record.name} is applied, but its file is missing in the folder of migrations; restore it.`,
    { file: record.name },
  )
}
