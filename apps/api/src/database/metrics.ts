// Figures about the database for Prometheus: every query by name, and what the background probe sees.
import { Counter, DURATION_BUCKETS_SECONDS, Gauge, Histogram, type Registry } from '@plimsoll/telemetry'
import type { ObserveQuery } from './database.ts'
import type { DatabaseHealth } from './probe.ts'

/** Registers the figures; the returned function is told about each query. */
export function databaseMetrics(registry: Registry, health: () => DatabaseHealth): ObserveQuery {
  const registers = [registry]
  const queries = new Counter({
    name: 'db_queries_total',
    help: 'Queries that have ended, by name and outcome (ok, failed, abandoned: nobody waited any more).',
    labelNames: ['query', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'db_query_duration_seconds',
    help: 'Time of a query, the wait for a connection included.',
    labelNames: ['query'],
    buckets: [...DURATION_BUCKETS_SECONDS],
    registers,
  })
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
  return (name, outcome, durationMs) => {
    queries.inc({ query: name, outcome })
    durations.observe({ query: name }, durationMs / 1000)
  }
}
