// What may not stand in a migration, found before anything is run.
//
// * BEGIN, COMMIT and their like: the runner decides where a transaction ends, so that a file and its record in the ledger stay together. Savepoints may be used
//   in files that run in a transaction.
// * COPY FROM STDIN and TO STDOUT: the rows would have to follow in the file, as in psql. Use INSERT, or COPY a file of the server.
// * Commands of psql (\connect, \i, \.), which only psql knows.
// * LISTEN, and what would drop the session that carries the lock: DISCARD ALL, pg_advisory_unlock_all().
import { MigrationError } from './errors.ts'
import { hasWord, leadingWords, type Statement } from './split-statements.ts'

/** First words, each with what to say. */
const TRANSACTION_CONTROL: Readonly<Record<string, string>> = {
  begin: 'BEGIN',
  start: 'START TRANSACTION',
  commit: 'COMMIT',
  end: 'END',
  rollback: 'ROLLBACK',
  abort: 'ABORT',
}
const SAVEPOINTS: ReadonlySet<string> = new Set(['savepoint', 'release'])

/** @throws MigrationError DB_ERR_MIGRATION_FILE for the first that is found */
export function refuseForbidden(file: string, statements: readonly Statement[], inTransaction: boolean): void {
  for (const statement of statements) {
    const why = reasonAgainst(statement, inTransaction)
    if (why === undefined) continue
    const { number, line } = statement
    throw new MigrationError('DB_ERR_MIGRATION_FILE', `${file}, statement ${number} (line ${line}): ${why}`, {
      file,
      statement: number,
      line,
    })
  }
}

function reasonAgainst(statement: Statement, inTransaction: boolean): string | undefined {
  const words = leadingWords(statement)
  const [first = '', second = ''] = words
  if (first === 'prepare' && second === 'transaction') return endsTransaction('PREPARE TRANSACTION', inTransaction)
  if (first === 'rollback' && words.includes('to')) return inTransaction ? undefined : noSavepoints()
  if (Object.hasOwn(TRANSACTION_CONTROL, first)) return endsTransaction(TRANSACTION_CONTROL[first] ?? '', inTransaction)
  if (SAVEPOINTS.has(first)) return inTransaction ? undefined : noSavepoints()
  if (first === 'copy' && (hasWord(statement, 'stdin') || hasWord(statement, 'stdout'))) {
    return 'COPY from or to the client has nobody to talk to here; use INSERT, or a program of your own for much data.'
  }
  if (statement.tokens.some(({ kind, text }) => kind === 'punctuation' && text === '\\')) {
    return 'a backslash outside of quotes begins a command of psql, which the server does not know.'
  }
  if (first === 'listen') return 'LISTEN would end with this session.'
  if ((first === 'discard' && second === 'all') || hasWord(statement, 'pg_advisory_unlock_all')) {
    return "DISCARD ALL and pg_advisory_unlock_all() would give the runner's own lock away."
  }
  return undefined
}

function endsTransaction(what: string, inTransaction: boolean): string {
  return inTransaction
    ? `${what} isn't for a migration: each file is one transaction, begun and committed by the runner. Split the file where a commit is needed.`
    : `${what} isn't for a migration: this file is marked to run without a transaction. What needs one goes into a file of its own.`
}

function noSavepoints(): string {
  return 'savepoints need a transaction, and this file is marked to run without one.'
}
