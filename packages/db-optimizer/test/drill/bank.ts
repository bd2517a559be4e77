// The bank of the drill: accounts, a ledger, and clients who remember what they were told.
//
//     client ── transfer, with an id of its own ──► database ──► two accounts changed, one row in the ledger, together or not at all
//       └── remembers: committed | withdrawn | failed with code and outcome | pending
//
// What was told is compared with the ledger by verdict.ts. For that
// * an id is used for one transfer only, and the ledger has no unique constraint: what was done twice has to be seen, not refused;
// * balances are kept beside the ledger: a statement that ran outside its transaction changes one and not the other.
import type postgres from 'postgres'
import type { SeededRandom } from '@plimsoll/testing'
import { DbError, type Database, type Transaction, type TransactionOptions } from '../../src/index.ts'

export const OPENING_BALANCE = 1_000_000

/** Everything that scenes need in their database. `slow_commits`: a row makes the COMMIT of its transaction take that long. */
export const BANK_SCHEMA = `
  create table accounts (id int primary key, balance int not null);
  create table ledger (id text not null, payer int not null, payee int not null, amount int not null);
  create table slow_commits (seconds float8 not null);
  create function sleep_at_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(new.seconds); return null; end $$;
  create constraint trigger sleeps after insert on slow_commits deferrable initially deferred for each row execute function sleep_at_commit();
`

/** What a client was told of its transfer. */
export type Told =
  | { readonly kind: 'pending' }
  | { readonly kind: 'committed' }
  /** By the client itself: the error that its function threw came back. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'failed'; readonly code: string; readonly outcome: string; readonly waitedMs: number | undefined }
  /** With something that isn't an error of the package. */
  | { readonly kind: 'strange'; readonly what: string }

export interface TransferPlan {
  readonly id: string
  readonly payer: number
  readonly payee: number
  readonly amount: number
}

/** One transfer, and what became of it. */
export interface TransferRecord extends TransferPlan {
  readonly how: TransferHow
  /** Its function throws at its end. */
  readonly withdrawn: boolean
  readonly startedAtMs: number
  /** When it has to have settled by what its caller asked for; `performance.now()`. */
  readonly deadlineMs: number
  told: Told
  settledAtMs: number
  /** How often its function was called. */
  attempts: number
  /** Answers that belong to somebody else's statement. */
  readonly wrongAnswers: string[]
}

/** A transaction of four statements, or one statement that does it all. */
export type TransferHow = 'transaction' | 'statement'

/** Where a transaction is. */
export type Step = 'begun' | 'middle' | 'before commit'

export interface TransferOptions {
  readonly how?: TransferHow
  readonly withdrawn?: boolean
  /** Of the transaction; a lone statement takes those that it knows. */
  readonly options?: TransactionOptions
  /** Called inside the transaction. */
  readonly during?: (step: Step, tx: Transaction, record: TransferRecord) => Promise<void>
}

/** A transfer that's under way. */
export interface Begun {
  readonly record: TransferRecord
  readonly settled: Promise<TransferRecord>
}

/** What a transfer needs of the database. */
export type TransferDatabase = Pick<Database, 'sql' | 'transaction'>

export interface LedgerRow {
  readonly id: string
  readonly payer: number
  readonly payee: number
  readonly amount: number
}

/** Every transfer ends within it, unless it says other, in milliseconds. */
export const TRANSFER_TIMEOUT_MS = 4000

/** What a client throws that has changed its mind. */
class Withdrawal extends Error {}

export class Bank {
  readonly records: TransferRecord[] = []
  readonly #sql: postgres.Sql
  readonly #random: SeededRandom
  readonly #accounts: number

  private constructor(sql: postgres.Sql, random: SeededRandom, accounts: number) {
    this.#sql = sql
    this.#random = random
    this.#accounts = accounts
  }

  /** Empty ledger, fresh accounts. `sql` is a plain client past everything that's drilled; nobody else may be at work in the database. */
  static async open(sql: postgres.Sql, random: SeededRandom, accounts: number): Promise<Bank> {
    await sql`truncate accounts, ledger, slow_commits`
    await sql`insert into accounts select i, ${OPENING_BALANCE} from generate_series(1, ${accounts}) i`
    return new Bank(sql, random, accounts)
  }

  /** Makes a transfer and notes down what's told of it; `settled` never rejects. Its first bytes leave in a later turn. */
  begin(database: TransferDatabase, options: TransferOptions = {}): Begun {
    const { how = 'transaction', withdrawn = false } = options
    const transactionOptions: TransactionOptions = { timeoutMs: TRANSFER_TIMEOUT_MS, ...options.options }
    const startedAtMs = performance.now()
    const record: TransferRecord = {
      ...this.#plan(),
      how,
      withdrawn: withdrawn && how === 'transaction',
      startedAtMs,
      deadlineMs: startedAtMs + (transactionOptions.timeoutMs ?? Infinity),
      told: { kind: 'pending' },
      settledAtMs: Infinity,
      attempts: 0,
      wrongAnswers: [],
    }
    this.records.push(record)
    const run =
      how === 'transaction'
        ? transfer(database, record, transactionOptions, options.during)
        : transferAtOnce(database, record, transactionOptions)
    const settle = (told: Told): TransferRecord => {
      record.told = told
      record.settledAtMs = performance.now()
      return record
    }
    return {
      record,
      settled: run.then(
        () => settle({ kind: 'committed' }),
        (error: unknown) => settle(toldBy(error)),
      ),
    }
  }

  async rows(): Promise<readonly LedgerRow[]> {
    const sql = this.#sql
    return await sql<LedgerRow[]>`select id, payer, payee, amount from ledger`
  }

  async balances(): Promise<ReadonlyMap<number, number>> {
    const sql = this.#sql
    const rows = await sql<{ id: number; balance: number }[]>`select id, balance from accounts`
    return new Map(rows.map(({ id, balance }) => [id, balance]))
  }

  #plan(): TransferPlan {
    const payer = this.#random.integer(1, this.#accounts)
    const other = this.#random.integer(1, this.#accounts - 1)
    const payee = other < payer ? other : other + 1
    // The last character keeps one id from being a part of another.
    return { id: `t${this.records.length};`, payer, payee, amount: this.#random.integer(1, 100) }
  }
}

async function transfer(
  database: TransferDatabase,
  record: TransferRecord,
  options: TransactionOptions,
  during: TransferOptions['during'],
): Promise<void> {
  const { id, payer, payee, amount } = record
  await database.transaction(async tx => {
    record.attempts += 1
    await during?.('begun', tx, record)
    const seen = await tx<{ token: string }[]>`select ${id}::text as token from accounts where id = ${payer}`
    if (seen.length !== 1 || seen[0]?.token !== id) record.wrongAnswers.push(JSON.stringify(seen))
    // By account number, so that two transfers never wait for each other in a circle.
    const changes = [
      { account: payer, change: -amount },
      { account: payee, change: amount },
    ].toSorted((a, b) => a.account - b.account)
    for (const { account, change } of changes) {
      await tx`update accounts set balance = balance + ${change} where id = ${account}`
      if (account === changes[0]?.account) await during?.('middle', tx, record)
    }
    await tx`insert into ledger values (${id}, ${payer}, ${payee}, ${amount})`
    await during?.('before commit', tx, record)
    if (record.withdrawn) throw new Withdrawal()
  }, options)
}

async function transferAtOnce(
  { sql }: TransferDatabase,
  record: TransferRecord,
  { timeoutMs = TRANSFER_TIMEOUT_MS, signal, priority = 'normal' }: TransactionOptions,
): Promise<void> {
  const { id, payer, payee, amount } = record
  record.attempts += 1
  const rows = await sql<{ token: string }[]>`
    with locked as (select id from accounts where id in (${payer}, ${payee}) order by id for update),
    moved as (
      update accounts set balance = balance + case accounts.id when ${payer} then -${amount}::int else ${amount}::int end
      from locked where accounts.id = locked.id returning accounts.id)
    insert into ledger select ${id}, ${payer}::int, ${payee}::int, ${amount}::int from moved having count(*) = 2 returning id as token
  `.with({ timeoutMs, signal, priority })
  if (rows.length !== 1 || rows[0]?.token !== id) record.wrongAnswers.push(JSON.stringify(rows))
}

function toldBy(error: unknown): Told {
  if (error instanceof Withdrawal) return { kind: 'withdrawn' }
  if (error instanceof DbError) {
    return { kind: 'failed', code: error.code, outcome: error.outcome, waitedMs: error.waitedMs }
  }
  return { kind: 'strange', what: String(error) }
}
