// The Prometheus registry of one process, with Node's own figures under the program's prefix.
//
// There are no switches on purpose: what a program exports is the same everywhere, so that dashboards fit.
import { collectDefaultMetrics, Registry } from 'prom-client'

export { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Bounds for durations in seconds, the ones OpenTelemetry recommends for HTTP (semantic conventions, http.server.request.duration). */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

export interface RegistryOptions {
  /** Prefix of the process figures, with the underscore: `api_`. */
  readonly prefix: string
  /** Label values that every sample carries. */
  readonly labels?: Readonly<Record<string, string>>
}

/** A registry with the process figures (CPU, memory, event loop, garbage collection, handles) under the prefix. */
export function createRegistry(options: RegistryOptions): Registry {
  const registry = new Registry()
  if (options.labels) registry.setDefaultLabels({ ...options.labels })
  collectDefaultMetrics({ register: registry, prefix: options.prefix })
  // Gauges whose names end like counters': `promtool check metrics` refuses them. The same figures by type stay.
  for (const name of MISNAMED) registry.removeSingleMetric(options.prefix + name)
  return registry
}
