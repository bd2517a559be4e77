// Reads the migrations folder: which files there are, in which order, and what each one's checksum is.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { SetupError } from '../errors.ts'

/** One migration as it stands in the folder. */
export interface Migration {
  readonly version: number
  /** File name, `0001_learning.sql`. */
  readonly name: string
  readonly text: string
  /** SHA-256 of the text, in hexadecimal; line ends don't count. */
  readonly checksum: string
  /** False for files whose first line is `-- no-transaction`. */
  readonly inTransaction: boolean
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/
const NO_TRANSACTION = '-- no-transaction'

/**
 * The folder's migrations, in the order of their numbers. Files of other kinds (README.md) are passed over.
 * @throws API_ERR_MIGRATION_NAME for an .sql file without a number, or two with the same
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).toSorted()
  const migrations: Migration[] = []
  for (const name of names) {
    const version = Number(FILE_NAME.exec(name)?.[1])
    if (Number.isNaN(version)) {
      throw new SetupError(
        'API_ERR_MIGRATION_NAME',
        `The migration ${name} should be named like 0002_add_badges.sql: four digits, lower-case words.`,
      )
    }
    const earlier = migrations.at(-1)
    if (earlier?.version === version) {
      throw new SetupError(
        'API_ERR_MIGRATION_NAME',
        `The migrations ${earlier.name} and ${name} share a number; give the newer one the next.`,
      )
    }
    const text = (await readFile(path.join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
    migrations.push({
      version,
      name,
      text,
      checksum: createHash('sha256').update(text).digest('hex'),
      inTransaction: !text.startsWith(NO_TRANSACTION),
    })
  }
  return migrations
}
