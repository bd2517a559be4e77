// Figures about the database for Prometheus, of this worker: calls by name, and what the background probe sees. Pools and routes: pool-metrics.ts; what
// happens inside them: event-metrics.ts.
import { Counter, Gauge, Histogram, type Registry } from '@plimsoll/telemetry'
import type { Database, ObserveQuery } from './database.ts'
import { DATABASE_BUCKETS_SECONDS, eventMetrics } from './event-metrics.ts'
import type { OutageWatch } from './outage-watch.ts'
import { poolMetrics } from './pool-metrics.ts'
import type { DatabaseHealth } from './probe.ts'

/** Registers the figures of calls; the returned function is told about each. */
export function callMetrics(registry: Registry): ObserveQuery {
  const registers = [registry]
  const queries = new Counter({
    name: 'db_queries_total',
    help: 'Calls that have ended, by name and outcome (ok, failed, abandoned: nobody waited any more).',
    labelNames: ['name', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'db_query_duration_seconds',
    help: 'Time of a call: the wait for a connection, and all attempts, included.',
    labelNames: ['name'],
    buckets: [...DATABASE_BUCKETS_SECONDS],
    registers,
  })
  return (name, outcome, durationMs) => {
    queries.inc({ name, outcome })
    durations.observe({ name }, durationMs / 1000)
  }
}

/** Registers all other figures; the returned function ends the counting. */
export function databaseMetrics(
  registry: Registry,
  sources: {
    readonly database: Pick<Database, 'statistics'>
    readonly outage: Pick<OutageWatch, 'isAway' | 'refused'> | undefined
    readonly health: () => DatabaseHealth
  },
): () => void {
  const { database, outage, health } = sources
  registry.registerMetric(
    new Gauge({
      name: 'db_up',
      help: 'Whether the last background probe was answered; the lowest of all workers.',
      registers: [],
      aggregator: 'min',
      collect() {
        this.set(health().status === 'up' ? 1 : 0)
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'db_probe_latency_seconds',
      help: 'Round trip of the last answered probe; the highest of all workers.',
      registers: [],
      aggregator: 'max',
      collect() {
        this.set((health().latencyMs ?? 0) / 1000)
      },
    }),
  )
  if (outage !== undefined) outageMetrics(registry, outage)
  poolMetrics(registry, () => database.statistics())
  return eventMetrics(
    registry,
    database.statistics().routes.map(route => route.name),
  )
}

function outageMetrics(registry: Registry, outage: Pick<OutageWatch, 'isAway' | 'refused'>): void {
  registry.registerMetric(
    new Gauge({
      name: 'db_away',
      help: 'Workers that refuse what needs the database, since it is away.',
      registers: [],
      aggregator: 'sum',
      collect() {
        this.set(outage.isAway ? 1 : 0)
      },
    }),
  )
  registry.registerMetric(
    new Counter({
      name: 'db_refused_total',
      help: 'Calls that were refused, or given up, since the database was away.',
      registers: [],
      collect() {
        this.reset()
        this.inc(outage.refused)
      },
    }),
  )
}
