export { migrate, type AppliedMigration, type MigrationResult } from './migrate.ts'
export {
  planMigrations,
  rehearseMigrations,
  type MigrationPlan,
  type PendingMigration,
  type RehearsedMigration,
} from './plan.ts'
export { repairMigration, type RepairOptions } from './repair.ts'
export { readMigrations, type Migration } from './migrations-folder.ts'
export type { Statement } from './split-statements.ts'
export type { MigrationOptions, MigrationTools } from './options.ts'
export type { MigrationProgress, OnProgress } from './progress.ts'
export { MIGRATION_ERRORS, MigrationError, type MigrationErrorCode, type MigrationErrorDetails } from './errors.ts'
export { DbError } from '../errors.ts'
