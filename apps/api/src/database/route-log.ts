// A line in the log whenever a way to the database is left, and when it's used again.
import type { Logger } from '@plimsoll/telemetry'
import { listen } from './events.ts'

/** Logs the changes of these routes; the returned function ends that. */
export function logRouteChanges(logger: Logger, routes: readonly string[]): () => void {
  return listen('routeChanged', ({ route, state, reason }) => {
    if (!routes.includes(route)) return
    if (state === 'away') logger.warn({ route, reason }, 'The route to the database is left')
    else logger.info({ route }, 'The route to the database is used again')
  })
}
