// What can go wrong with migrations, each with a stable code. Refusals before anything was done, failures of a file, and the few states that need a person.
//
// Invariants
// * No error carries a value of a row: of the server's error only the message is shown, with quoted values cut from class 22, never its detail.
// * `outcome` says what became of the file that the error is about, and is never guessed. Files before it stay applied.
import { queryError, type Outcome, type ServerDiagnosis } from '../errors.ts'

interface ErrorRow {
  readonly message: string
  readonly remedy: string
}

/** Codes, each with what it means and what to do. */
export const MIGRATION_ERRORS = {
  DB_ERR_MIGRATION_FOLDER: {
    message: 'The folder of migrations can not be read, or has none.',
    remedy: 'Correct the path; a new project begins with `0001_name.sql`.',
  },
  DB_ERR_MIGRATION_NAME: {
    message: 'Something in the folder is no migration, or two migrations have the same number.',
    remedy:
      'Rename or remove what the message names: `NNNN_name.sql`, `.md` files and names with a leading dot may be there.',
  },
  DB_ERR_MIGRATION_FILE: {
    message:
      'A file is empty, is not UTF-8, or has what does not belong into a migration: BEGIN, COMMIT, COPY FROM STDIN, a command of psql, an unknown directive.',
    remedy: 'Correct the file at the line of the message.',
  },
  DB_ERR_MIGRATION_CHANGED: {
    message: 'A file differs from what was applied under its number.',
    remedy: 'Restore the file, and write the change as a new migration.',
  },
  DB_ERR_MIGRATION_MISSING: {
    message: 'A migration is applied and its file is gone, though later files are there.',
    remedy: 'Restore the file.',
  },
  DB_ERR_MIGRATION_ORDER: {
    message: 'A file that is not applied sorts before one that is.',
    remedy: 'Give it a number above all that are applied.',
  },
  DB_ERR_MIGRATION_AHEAD: {
    message: 'The database has migrations above the newest file, and `ahead` is `refuse`.',
    remedy: 'Use the version of the program that the database belongs to.',
  },
  DB_ERR_MIGRATION_INTERRUPTED: {
    message:
      'A file that runs outside a transaction was begun and not finished: some of its statements may have been executed.',
    remedy:
      'Look at what it left. If it may run again from its beginning: `repairMigration({ as: "pending" })`; if its work is all there: `{ as: "done" }`.',
  },
  DB_ERR_MIGRATION_LOCKED: {
    message: 'Another process held the lock for longer than `lockWaitMs`; nothing was done.',
    remedy: 'Wait for it, or end it; the message has its process on the server.',
  },
  DB_ERR_MIGRATION_POOLER: {
    message: 'The connection is not one session: a pooler gives each transaction another, and the lock would not hold.',
    remedy: 'Give the address of the server itself, or of a pooler in session mode.',
  },
  DB_ERR_MIGRATION_LEDGER: {
    message: 'The table that records migrations is not one that this runner can use, or has no such migration.',
    remedy: 'Correct `ledger`, or what the message names.',
  },
  DB_ERR_MIGRATION_FAILED: {
    message: 'A statement of a file failed, or the file could not be committed; `outcome` says what remains of it.',
    remedy:
      'Correct the file at the line of the message and run again. Outside a transaction: see DB_ERR_MIGRATION_INTERRUPTED.',
  },
  DB_ERR_MIGRATION_BUSY: {
    message: 'A file was rolled back each time because others held its locks for longer than `lockTimeoutMs`.',
    remedy: 'Run again when the long transactions are over; the message says how often it was tried.',
  },
  DB_ERR_MIGRATION_LOST: {
    message: 'The connection was lost; nothing remains of the file that was under way.',
    remedy: 'Run again.',
  },
  DB_ERR_MIGRATION_UNKNOWN: {
    message: 'The connection was lost at a commit, and the server could not be asked what became of it.',
    remedy: 'Run again: the ledger knows, and nothing is run twice.',
  },
  DB_ERR_MIGRATION_ABORTED: {
    message: 'The caller’s AbortSignal stopped the run.',
    remedy: 'None: it was asked for. Run again to go on.',
  },
} as const satisfies Readonly<Record<string, ErrorRow>>

/** A stable code; test on it, never on the text. */
export type MigrationErrorCode = keyof typeof MIGRATION_ERRORS

export interface MigrationErrorDetails {
  /** Default `not-executed`. */
  readonly outcome?: Outcome
  readonly file?: string | undefined
  readonly statement?: number | undefined
  readonly line?: number | undefined
  readonly server?: ServerDiagnosis | undefined
  readonly cause?: unknown
}

/** A migration that was refused or failed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly code: MigrationErrorCode
  /** What became of the file: `rolled-back` and `not-executed` leave nothing of it, `unknown` may have left something. */
  readonly outcome: Outcome
  /** Name of the file, `0002_add_badges.sql`. */
  readonly file: string | undefined
  /** Number of the statement in the file, from 1. */
  readonly statement: number | undefined
  /** Line in the file, from 1. */
  readonly line: number | undefined
  readonly sqlState: string | undefined
  /** What the server says of it, without values. */
  readonly server: ServerDiagnosis | undefined

  constructor(code: MigrationErrorCode, message: string, details: MigrationErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.outcome = details.outcome ?? 'not-executed'
    this.file = details.file
    this.statement = details.statement
    this.line = details.line
    this.sqlState = details.server?.sqlState
    this.server = details.server
  }
}

/** Longest text of the server that is passed on, in characters. */
const MAX_SERVER_TEXT = 500

/** The server's error, fit to be shown: its message without values, and its fields. */
export function describeServerError(error: Error): { readonly text: string; readonly server: ServerDiagnosis } {
  const { server = { sqlState: 'XX000', severity: 'ERROR' } } = queryError(error)
  const message = error.message.slice(0, MAX_SERVER_TEXT)
  const shown = server.sqlState.startsWith('22') ? message.replaceAll(/"(?:[^"]|"")*"?/g, '"…"') : message
  return { text: `${shown} (${server.sqlState})`, server }
}
