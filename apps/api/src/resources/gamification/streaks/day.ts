// Days of streaks: calendar days in UTC, as PostgreSQL's date and ISO 8601 write them.

/** The day of a moment, `YYYY-MM-DD`. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 'YYYY-MM-DD'.length)
}
