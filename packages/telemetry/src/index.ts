export { categoryLogger, createLogger, defaultLogLevel, LOG_CATEGORIES, LOG_LEVELS } from './logger.ts'
export type { LogCategory, Logger, LoggerOptions, LogLevel } from './logger.ts'
export { openLogFile } from './log-file.ts'
export type { LogFile, LogFileOptions } from './log-file.ts'
export { Counter, createRegistry, DURATION_BUCKETS_SECONDS, Gauge, Histogram, Registry } from './registry.ts'
export type { RegistryOptions } from './registry.ts'
export {
  type Count,
  type Distribution,
  type Labels,
  QuickCounter,
  QuickHistogram,
  type QuickMetricOptions,
} from './quick-metrics.ts'
