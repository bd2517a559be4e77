// Figures of what happens inside the database layer, for Prometheus: told by the optimizer's channels as it happens.
//
// Labels are bounded: names of statements are constants of the code, and past a hundred of them the rest are one; all other labels are closed sets.
import { Counter, DURATION_BUCKETS_SECONDS, Histogram, type Registry } from '@plimsoll/telemetry'
import { listen } from './events.ts'
import { PROBE_NAME } from './probe.ts'

/** A keyed read takes a fraction of a millisecond: the bounds for HTTP begin too late. */
export const DATABASE_BUCKETS_SECONDS: readonly number[] = [0.0005, 0.001, 0.0025, ...DURATION_BUCKETS_SECONDS]

const MAX_NAMES = 100
const NO_NAME = '(none)'
const OTHER_NAMES = '(others)'

/**
 * Registers the figures and counts from now on; the returned function ends that.
 * @param routes names of this database's routes: the channels tell about every database of the process
 */
export function eventMetrics(registry: Registry, routes: readonly string[]): () => void {
  const registers = [registry]
  const buckets = [...DATABASE_BUCKETS_SECONDS]
  const waits = new Histogram({
    name: 'db_pool_acquire_wait_seconds',
    help: 'Wait of a statement for its connection, until it got one.',
    labelNames: ['route'],
    buckets,
    registers,
  })
  const refused = new Counter({
    name: 'db_pool_refused_total',
    help: 'Callers that got no connection, by the code of their error.',
    labelNames: ['route', 'code'],
    registers,
  })
  const statements = new Histogram({
    name: 'db_statement_duration_seconds',
    help: 'Time of a statement on its connection, by name; a statement may answer many calls, and a call may take several.',
    labelNames: ['name'],
    buckets,
    registers,
  })
  const retries = new Counter({
    name: 'db_retries_total',
    help: 'Failed attempts that were repeated, by what became of them (outcome) and why they failed (reason).',
    labelNames: ['outcome', 'reason'],
    registers,
  })
  const notRetried = new Counter({
    name: 'db_retries_refused_total',
    help: 'Failed attempts that were not repeated, by why not.',
    labelNames: ['because'],
    registers,
  })
  const nameOf = boundedNames()
  const ours = new Set(routes)
  const stops = [
    listen('poolAcquired', ({ pool, waitedMs }) => {
      if (ours.has(pool)) waits.observe({ route: pool }, waitedMs / 1000)
    }),
    listen('poolRefused', ({ pool, code }) => {
      if (ours.has(pool)) refused.inc({ route: pool, code })
    }),
    listen('queryFinished', ({ pool, name, executeMs }) => {
      if (ours.has(pool)) statements.observe({ name: nameOf(name) }, executeMs / 1000)
    }),
    // It names no route: a call may have had several.
    listen('queryRetried', ({ name, outcome, reason, again, because }) => {
      if (name === PROBE_NAME) return
      if (again) retries.inc({ outcome, reason })
      else if (because !== undefined) notRetried.inc({ because })
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** Gives each name as long as there aren't too many different ones. */
function boundedNames(): (name: string | undefined) => string {
  const known = new Set<string>()
  return (name = NO_NAME) => {
    if (known.size < MAX_NAMES) known.add(name)
    return known.has(name) ? name : OTHER_NAMES
  }
}
