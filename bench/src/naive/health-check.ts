// The health check that every request waits for before anything else is done.
import type { Sql } from 'postgres'

export const HEALTH_STATEMENT = 'select 1'

/** @throws the server's error: the request isn't answered then */
export async function checkHealth(sql: Sql): Promise<void> {
  await sql.unsafe(HEALTH_STATEMENT, [], { prepare: true })
}
