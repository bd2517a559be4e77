export { createDatabase, openDatabase, type Database, type DatabaseTools, type TypesOf } from './database.ts'
export { POOL_DEFAULTS, type DatabaseOptions } from './options.ts'
export {
  DB_ERRORS,
  DbError,
  type DbErrorCode,
  type DbErrorDetails,
  type Outcome,
  type ServerDiagnosis,
} from './errors.ts'
export {
  channels,
  type DiscardReason,
  type PoolAcquired,
  type PoolRefused,
  type QueryCancelled,
  type QueryFinished,
  type SlotDiscarded,
  type SlotOpened,
  type SlotOpenFailed,
  type TransactionFinished,
} from './channels.ts'
export { connectionBudget, type BudgetOptions, type ConnectionBudget } from './pool/connection-budget.ts'
export type { DurationSummary, PoolStatistics } from './pool/pool-statistics.ts'
export { PRIORITIES, type Priority } from './pool/wait-queue.ts'
export type { Query, QueryOptions } from './sql/query.ts'
export type { Sql } from './sql/sql.ts'
export type { IsolationLevel, TransactionOptions } from './transaction/transaction-options.ts'
export type { Transaction } from './transaction/transaction.ts'
