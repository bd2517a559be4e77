// The health check that every request waits for before anything else is done.
import type { Sql } from 'postgres'

export const HEALTH_STATEMENTS = ['select 1', 'select count(*) from users'] as const

/** @throws the server's error: the request isn't answered then */
export async function checkHealth(sql: Sql): Promise<void> {
  for (const statement of HEALTH_STATEMENTS) await sql.unsafe(statement, [], { prepare: true })
}
