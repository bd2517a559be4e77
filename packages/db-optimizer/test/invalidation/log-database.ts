// A database with the log's tables, made as an application's migration makes them.
import type { TestDatabase, TestScope } from '@plimsoll/testing'
import { invalidationLogSql, type LogNames } from '../../src/invalidation/log-tables.ts'
import { emptyDatabase } from '../fixture/database.ts'

export async function logDatabase(t: TestScope, names: LogNames = {}): Promise<TestDatabase> {
  const database = await emptyDatabase(t)
  await database.sql.unsafe(invalidationLogSql(names))
  return database
}
