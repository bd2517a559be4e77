export {
  createDatabase,
  openDatabase,
  type Database,
  type DatabaseStatistics,
  type DatabaseTools,
  type TypesOf,
} from './database.ts'
export { POOL_DEFAULTS, type DatabaseOptions, type RouteOptions } from './options.ts'
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
  type CacheBypassed,
  type CacheInvalidationFailed,
  type DiscardReason,
  type PoolAcquired,
  type PoolRefused,
  type QueryCancelled,
  type QueryFinished,
  type QueryRetried,
  type RouteChanged,
  type RouteProbed,
  type SlotDiscarded,
  type SlotOpened,
  type SlotOpenFailed,
  type TransactionFinished,
} from './channels.ts'
export type { CacheOptions } from './cached/cache-options.ts'
export type { CachedOptions, CachedQuery } from './cached/cached-query.ts'
export type { CachedRows } from './cached/cached-rows.ts'
export type { FunctionWrites } from './cached/dependencies.ts'
export { ANY_TABLE, tableTag, type CachedStatement, type QueryCache, type StoredRows } from './cached/query-cache.ts'
export { connectionBudget, type BudgetOptions, type ConnectionBudget } from './pool/connection-budget.ts'
export type { DurationSummary, PoolStatistics } from './pool/pool-statistics.ts'
export { PRIORITIES, type Priority } from './pool/wait-queue.ts'
export type { Batching } from './batching/batching.ts'
export type { KeyForm, KeyType } from './batching/canonical-key.ts'
export type { Loader, LoaderOptions, LoaderStatistics } from './batching/loader.ts'
export type { TableLoaderOptions, TableWriterOptions } from './batching/table-batches.ts'
export type { WaitOptions } from './batching/waiter.ts'
export type { Writer, WriterStatistics, Written } from './batching/writer.ts'
export { listenChannels, type ListenLost, type ListenRestored } from './listen/channels.ts'
export type { ListenOptions, ListenStatistics, StopListening } from './listen/notifications.ts'
export type { GapHandler, HandlerFailure, ListenGap, MessageHandler } from './listen/subscription.ts'
export type { RouteStatistics } from './routes/route.ts'
export type { AwayReason, ProbeFigures, RouteState } from './routes/route-health.ts'
export type { BatchableQuery, BatchResult } from './sql/batch.ts'
export type { SlowQuery } from './statements/slow-query-log.ts'
export type { Statements } from './statements/statements.ts'
export type { StatementSummary, TopOrder } from './statements/top-statements.ts'
export type { Query, QueryOptions } from './sql/query.ts'
export type { CachedTemplate, Sql } from './sql/sql.ts'
export type { IsolationLevel, TransactionOptions } from './transaction/transaction-options.ts'
export type { Transaction } from './transaction/transaction.ts'
