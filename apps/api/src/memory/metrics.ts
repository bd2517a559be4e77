// Figures of each worker's memory for Prometheus, under the names that the memory package gives them. They're those of the last sample, which is at most
// five seconds old: a scrape reads nothing.
import { MEMORY_FIGURES, type MemoryFigures } from '@plimsoll/memory-optimizer'
import { Gauge, type Registry } from '@plimsoll/telemetry'

/** What all workers together have; of everything else the worker that's nearest to its limit counts. */
const SUMMED: ReadonlySet<string> = new Set([
  'memory_heap_used_bytes',
  'memory_heap_total_bytes',
  'memory_live_heap_bytes',
  'memory_external_bytes',
  'memory_array_buffers_bytes',
  'memory_rss_bytes',
  'memory_private_bytes',
])
/** The worker that's first. */
const LEAST: ReadonlySet<string> = new Set(['memory_predicted_limit_seconds'])

export function memoryMetrics(registry: Registry, figures: () => MemoryFigures): void {
  for (const [name, help] of Object.entries(MEMORY_FIGURES) as [keyof MemoryFigures, string][]) {
    const over = SUMMED.has(name) ? 'sum' : LEAST.has(name) ? 'min' : 'max'
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        aggregator: over,
        collect() {
          const value = figures()[name]
          // What isn't known has no series.
          this.remove()
          if (!Number.isNaN(value)) this.set(value)
        },
      }),
    )
  }
}
