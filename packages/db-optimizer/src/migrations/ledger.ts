// The table that records what is applied.
//
//     version      number of the file, primary key
//     name         name of the file when it was applied
//     checksum     SHA-256 of its text
//     duration_ms  how long it took
//     applied_at   when
//     state        'done', or 'running' while a file runs outside a transaction
//     statements_done  of such a file
//
// A ledger of an earlier version has no `state`: all it records is done, and it stays as it is until the first file runs outside a transaction.
import { quoteIdentifier } from '../batching/quote-identifier.ts'
import { MigrationError } from './errors.ts'
import type { Migration } from './migrations-folder.ts'
import type { Settings } from './options.ts'
import type { MigrationSession } from './session.ts'

/** A row of the ledger. */
export interface LedgerRecord {
  readonly version: number
  readonly name: string
  readonly checksum: string
  readonly state: 'done' | 'running'
  /** Of a file that runs outside a transaction: statements that are finished. */
  readonly statementsDone: number
}

const NEEDED_COLUMNS = ['version', 'name', 'checksum', 'duration_ms', 'applied_at']
const STATE_COLUMNS = [
  `state text not null default 'done' check (state in ('running', 'done'))`,
  `statements_done integer not null default 0`,
]
const MAX_INTEGER = 2 ** 31 - 1

export class Ledger {
  readonly schema: string
  readonly table: string
  /** As it stands in statements: quoted, with its schema. */
  readonly #quoted: string
  #columns: ReadonlySet<string>

  private constructor(schema: string, table: string, columns: ReadonlySet<string>) {
    this.schema = schema
    this.table = table
    this.#quoted = `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`
    this.#columns = columns
  }

  /**
   * Looks where it is, or will be; changes nothing.
   * @throws MigrationError DB_ERR_MIGRATION_LEDGER for a table of that name that is no ledger
   */
  static async find(session: MigrationSession, { ledger: { schema, table } }: Settings): Promise<Ledger> {
    const [place] = await session.query(
      `select coalesce($1::text, (select relnamespace::regnamespace::text from pg_class where oid = to_regclass($2::text)), quote_ident(current_schema())) as schema`,
      [schema === undefined ? null : quoteIdentifier(schema), quoteIdentifier(table)],
    )
    const quotedSchema = place?.['schema']
    if (typeof quotedSchema !== 'string') {
      throw new MigrationError(
        'DB_ERR_MIGRATION_LEDGER',
        `There is no schema for the table "${table}": the search path names none that exists. Give ledger as schema and name.`,
      )
    }
    const found = await session.query(
      `select attname as column from pg_attribute where attrelid = to_regclass($1::text) and attnum > 0 and not attisdropped`,
      [`${quotedSchema}.${quoteIdentifier(table)}`],
    )
    const columns = new Set(found.map(row => String(row['column'])))
    const missing = columns.size === 0 ? [] : NEEDED_COLUMNS.filter(column => !columns.has(column))
    if (missing.length > 0) {
      throw new MigrationError(
        'DB_ERR_MIGRATION_LEDGER',
        `The table ${quotedSchema}."${table}" is no ledger of migrations, it lacks ${missing.join(', ')}; another tool's? Give ledger another name.`,
      )
    }
    return new Ledger(unquote(quotedSchema), table, columns)
  }

  get exists(): boolean {
    return this.#columns.size > 0
  }

  /** Makes the table when it's missing. Under the lock only. */
  async create(session: MigrationSession): Promise<void> {
    if (this.exists) return
    await session.run(
      `create table ${this.#quoted} (
        version     integer primary key,
        name        text not null,
        checksum    text not null,
        duration_ms integer not null,
        applied_at  timestamptz(3) not null default now(),
        ${STATE_COLUMNS.join(',\n')}
      )`,
    )
    this.#columns = new Set([...NEEDED_COLUMNS, 'state', 'statements_done'])
  }

  /** Adds what a ledger of an earlier version lacks. Under the lock only. */
  async addState(session: MigrationSession): Promise<void> {
    if (this.#columns.has('state') && this.#columns.has('statements_done')) return
    const added = STATE_COLUMNS.map(column => `add column if not exists ${column}`)
    await session.run(`alter table ${this.#quoted} ${added.join(', ')}`)
    this.#columns = new Set([...NEEDED_COLUMNS, 'state', 'statements_done'])
  }

  /** All rows, by version. */
  async read(session: MigrationSession): Promise<readonly LedgerRecord[]> {
    if (!this.exists) return []
    const rows = await session.query(
      `select version::text, name, checksum, to_jsonb(l) ->> 'state' as state, to_jsonb(l) ->> 'statements_done' as statements
       from ${this.#quoted} as l order by l.version`,
    )
    return rows.map(row => ({
      version: Number(row['version']),
      name: String(row['name']),
      checksum: String(row['checksum']),
      state: row['state'] === 'running' ? 'running' : 'done',
      statementsDone: Number(row['statements'] ?? 0),
    }))
  }

  async insertDone(session: MigrationSession, migration: Migration, durationMs: number): Promise<void> {
    await session.query(
      `insert into ${this.#quoted} (version, name, checksum, duration_ms) values ($1::text::int, $2, $3, $4::text::int)`,
      [...identityOf(migration), wholeMs(durationMs)],
    )
  }

  async insertRunning(session: MigrationSession, migration: Migration): Promise<void> {
    await session.query(
      `insert into ${this.#quoted} (version, name, checksum, duration_ms, state) values ($1::text::int, $2, $3, 0, 'running')`,
      identityOf(migration),
    )
  }

  async countStatements(session: MigrationSession, { version }: Migration, done: number): Promise<void> {
    await session.query(
      `update ${this.#quoted} set statements_done = $2::text::int where version = $1::text::int and state = 'running'`,
      [String(version), String(done)],
    )
  }

  /** False when there was no running row of that version. */
  async markDone(session: MigrationSession, migration: Migration, durationMs: number | undefined): Promise<boolean> {
    const rows = await session.query(
      `update ${this.#quoted} set state = 'done', name = $2, checksum = $3, applied_at = now(), duration_ms = coalesce($4::text::int, duration_ms),
         statements_done = $5::text::int
       where version = $1::text::int and state = 'running' returning version`,
      [
        ...identityOf(migration),
        durationMs === undefined ? null : wholeMs(durationMs),
        String(migration.statements.length),
      ],
    )
    return rows.length > 0
  }

  /** Forgets a file that was begun. False when there was none. */
  async forgetRunning(session: MigrationSession, version: number): Promise<boolean> {
    const rows = await session.query(
      `delete from ${this.#quoted} where version = $1::text::int and state = 'running' returning version`,
      [String(version)],
    )
    return rows.length > 0
  }
}

function identityOf({ version, name, checksum }: Migration): readonly [string, string, string] {
  return [String(version), name, checksum]
}

function wholeMs(durationMs: number): string {
  return String(Math.min(MAX_INTEGER, Math.round(durationMs)))
}

function unquote(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier
}
