// Who is told of every statement that has ended, in case it wrote something that is cached.
import type { DbError } from '../errors.ts'
import type { QueryOptions } from '../sql/query.ts'
import type { StatementText } from './dependencies.ts'

/** Told of each statement that has ended. */
export interface WriteWatcher {
  /** What has to be waited for before the caller is told; undefined for nothing. Never rejects. @hot */
  executed(statement: StatementText, settings: QueryOptions, error: DbError | undefined): Promise<void> | undefined
}
