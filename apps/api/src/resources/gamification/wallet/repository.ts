// Reads of wallets: SQL, and nothing else. What writes is ledger.ts.
import type { Database } from '../../../database/database.ts'
import { ledgerColumns, toLedgerLine, type LedgerRow } from './ledger-line.ts'
import type { LedgerLine } from './schema.ts'

/** Which part of a wallet to read. */
export interface WalletPart {
  readonly userId: number
  /** Only lines before this one. */
  readonly before?: number
  /** Lines at most. */
  readonly limit: number
}

export interface WalletState {
  readonly balance: number
  /** Newest first. */
  readonly lines: readonly LedgerLine[]
}

export interface WalletRepository {
  /** Null when there is no such user; one without a wallet has an empty one. */
  read(part: WalletPart, signal?: AbortSignal): Promise<WalletState | null>
}

/** A line beside the balance, or nulls when there's none. */
type Row = { balance: number } & (LedgerRow | { [Field in keyof LedgerRow]: null })

export function createWalletRepository(database: Database): WalletRepository {
  const { sql } = database
  return {
    async read({ userId, before, limit }, signal) {
      // One statement: the balance is the one that belongs to these lines.
      const query = sql<Row[]>`
        select coalesce(w.balance, 0) as balance, line.*
        from users u
        left join wallets w on w.user_id = u.id
        left join lateral (
          select ${ledgerColumns(sql)}
          from wallet_transactions
          where user_id = u.id ${before === undefined ? sql`` : sql`and sequence < ${before}`}
          order by sequence desc
          limit ${limit}
        ) as line on true
        where u.id = ${userId}
        order by line.sequence desc`
      const rows = await database.read('gamification.wallet', query, signal)
      const [first] = rows
      return first === undefined ? null : { balance: first.balance, lines: rows.filter(hasLine).map(toLedgerLine) }
    },
  }
}

function hasLine(row: Row): row is { balance: number } & LedgerRow {
  return row.sequence !== null
}
