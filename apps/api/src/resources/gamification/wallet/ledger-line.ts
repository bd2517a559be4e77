// How a line of the ledger is read, wherever it is: the answer to a request, and to every repetition of it, is made from the same columns in the same way.
import type { Fragment } from 'postgres'
import type { DatabaseSql } from '../../../database/database.ts'
import type { LedgerLine } from './schema.ts'

export type LedgerRow = Omit<LedgerLine, 'createdAt'> & { createdAt: Date }

/** Columns of a {@link LedgerRow}. */
export function ledgerColumns(sql: DatabaseSql): Fragment {
  return sql`sequence, kind, amount, balance_after as "balanceAfter", reason, created_at as "createdAt"`
}

export function toLedgerLine({ sequence, kind, amount, balanceAfter, reason, createdAt }: LedgerRow): LedgerLine {
  return { sequence, kind, amount, balanceAfter, reason, createdAt: createdAt.toISOString() }
}
