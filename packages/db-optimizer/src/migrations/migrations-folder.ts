// Reads the folder of migrations: which files there are, in which order, and what stands in them. All of it is checked before a connection is opened.
//
//     0001_first.sql    four digits, then lower-case words; digits give the order. Gaps are allowed: a branch that was given up leaves one.
//     README.md         any .md file, and names with a leading dot, are passed over
//     anything else     is refused by its name: a migration that is silently left out, for its ending in `.SQL`, is worse
//
// Invariants
// * What is executed is what the checksum is of: the text without a byte-order mark and with LF as line ends. Git may check it out as it likes.
// * Every file has at least one statement, and no statement that would end its transaction.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { refuseForbidden } from './forbidden-statements.ts'
import { MigrationError } from './errors.ts'
import { splitStatements, type Statement } from './split-statements.ts'

/** One migration as it stands in the folder. */
export interface Migration {
  /** 1 for `0001_first.sql`. */
  readonly version: number
  /** File name. */
  readonly name: string
  /** With LF as line ends, without a byte-order mark. */
  readonly text: string
  /** SHA-256 of the text, in hexadecimal. */
  readonly checksum: string
  /** False for files that begin with `-- migrate: no transaction`. */
  readonly inTransaction: boolean
  readonly statements: readonly Statement[]
}

const FILE_NAME = /^([0-9]{4})_[a-z0-9_]+\.sql$/
const PASSED_OVER = /^\.|\.md$/i
/** The first line of a file that runs outside a transaction. */
const NO_TRANSACTION = /^--[ \t]*migrate:[ \t]*no transaction[ \t]*(?:\n|$)/
/** What was probably meant to be it: taken for a comment, the file would run in a transaction. */
const ALMOST_DIRECTIVE = /^--[ \t]*(?:migrate\b|no[- _]?transaction\b|transaction[ \t]*[:=])/i

/**
 * The folder's migrations, in the order of their numbers.
 * @throws MigrationError DB_ERR_MIGRATION_FOLDER, DB_ERR_MIGRATION_NAME, DB_ERR_MIGRATION_FILE
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = await namesIn(folder)
  const unknown = names.filter(name => !FILE_NAME.test(name))
  if (unknown.length > 0) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_NAME',
      `In the folder of migrations ${unknown.length === 1 ? 'is a file that is' : 'are files that are'} no migration: ${unknown.join(', ')}. A migration is named like 0002_add_badges.sql: four digits, lower-case words.`,
      { file: unknown[0] },
    )
  }
  const migrations: Migration[] = []
  for (const name of names) {
    const version = Number(name.slice(0, 4))
    const earlier = migrations.at(-1)
    if (earlier?.version === version) {
      throw new MigrationError(
        'DB_ERR_MIGRATION_NAME',
        `The migrations ${earlier.name} and ${name} share a number; give the newer one the next.`,
        { file: name },
      )
    }
    migrations.push(parseMigration(name, version, await readBytes(folder, name)))
  }
  if (migrations.length === 0) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_FOLDER',
      `The folder ${folder} has no migrations; is it the right one? A new project begins with 0001_name.sql.`,
    )
  }
  return migrations
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter(name => !PASSED_OVER.test(name)).toSorted()
  } catch (cause) {
    throw unreadable(`The folder of migrations ${folder}`, cause)
  }
}

async function readBytes(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(path.join(folder, name))
  } catch (cause) {
    throw unreadable(`The migration ${name}`, cause, name)
  }
}

function unreadable(what: string, cause: unknown, file?: string): MigrationError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  return new MigrationError('DB_ERR_MIGRATION_FOLDER', `${what} can't be read (${reason}).`, { cause, file })
}

function parseMigration(name: string, version: number, bytes: Buffer): Migration {
  const text = decode(name, bytes).replaceAll('\r\n', '\n')
  const inTransaction = !NO_TRANSACTION.test(text)
  if (inTransaction && ALMOST_DIRECTIVE.test(text)) {
    throw new MigrationError(
      'DB_ERR_MIGRATION_FILE',
      `${name}, line 1, looks like a directive and is none; the only one is "-- migrate: no transaction", alone on the first line.`,
      { file: name, line: 1 },
    )
  }
  const statements = splitStatements(text)
  if (statements.length === 0) {
    throw new MigrationError('DB_ERR_MIGRATION_FILE', `${name} has no statement; remove it, or fill it.`, {
      file: name,
    })
  }
  refuseForbidden(name, statements, inTransaction)
  return { version, name, text, checksum: createHash('sha256').update(text).digest('hex'), inTransaction, statements }
}

function decode(name: string, bytes: Buffer): string {
  let text: string
  try {
    // Takes a byte-order mark away.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MigrationError('DB_ERR_MIGRATION_FILE', `${name} isn't UTF-8; save it as such.`, { file: name, cause })
  }
  const nulAt = text.indexOf('\0')
  // In the protocol a NUL ends the text: the server would see a part of it.
  if (nulAt !== -1) {
    const line = text.slice(0, nulAt).split('\n').length
    throw new MigrationError('DB_ERR_MIGRATION_FILE', `${name}, line ${line}, has a NUL character; is it UTF-16?`, {
      file: name,
      line,
    })
  }
  return text
}
