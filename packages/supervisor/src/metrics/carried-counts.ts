// What workers that have ended had counted: added to the living ones, so that a fleet's counters never run backwards.
//
// Without it a worker's end looks to Prometheus like a reset of the whole fleet's counter, and rate() invents an increase of its full value.
// Gauges aren't carried: nobody holds a connection any more after the end. Size is bounded by the label sets that workers ever had.
import type { MetricSample, MetricSnapshot } from './metric-snapshot.ts'

interface CarriedMetric {
  readonly snapshot: MetricSnapshot
  readonly series: Map<string, MetricSample>
}

export class CarriedCounts {
  readonly #metrics = new Map<string, CarriedMetric>()

  /** Adds the last figures of a worker that has ended. */
  add(snapshots: readonly MetricSnapshot[]): void {
    for (const snapshot of snapshots) {
      if (snapshot.type === 'gauge' || snapshot.aggregator === 'omit') continue
      let metric = this.#metrics.get(snapshot.name)
      // A new version of the program may have changed the type; the newer one's counts start from zero then.
      if (metric === undefined || metric.snapshot.type !== snapshot.type) {
        metric = { snapshot, series: new Map() }
        this.#metrics.set(snapshot.name, metric)
      }
      for (const sample of snapshot.values) {
        const key = seriesKey(sample)
        const carried = metric.series.get(key)
        metric.series.set(key, carried === undefined ? sample : { ...carried, value: carried.value + sample.value })
      }
    }
  }

  /** The sums so far, in the form of a worker's figures. */
  snapshots(): MetricSnapshot[] {
    return [...this.#metrics.values()].map(({ snapshot, series }) => ({ ...snapshot, values: [...series.values()] }))
  }
}

function seriesKey({ metricName, labels }: MetricSample): string {
  // Two workers may have set the same labels in another order.
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([metricName, pairs])
}
