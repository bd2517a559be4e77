export { invalidationLogSql, type LogNames } from './log-tables.ts'
export {
  createInvalidationLog,
  type InvalidationLog,
  type InvalidationLogOptions,
  type InvalidationLogTools,
  type LogEntry,
  type LogPage,
  type Subject,
} from './invalidation-log.ts'
