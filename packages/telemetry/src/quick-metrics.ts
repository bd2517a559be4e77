// Metrics for what happens with every request: a label set is looked up once and kept, and an observation is an addition.
//
// prom-client's own check their labels, sort and join them to a text, and look that up each time: about 8 µs of a request's 100 for a counter and a histogram. These
// give the registry the same samples when it's read.
import { Counter, type Histogram, type Registry } from 'prom-client'

export interface QuickMetricOptions {
  readonly name: string
  readonly help: string
  readonly registry: Registry
}

export type Labels = Readonly<Record<string, string>>

/** One label set of a counter; only ever counts up. */
export interface Count {
  value: number
}

export class QuickCounter {
  readonly #counts: { readonly labels: Labels; readonly count: Count }[] = []

  /** @param options.labelNames of all label sets */
  constructor({ name, help, registry, labelNames }: QuickMetricOptions & { readonly labelNames: readonly string[] }) {
    const counts = this.#counts
    registry.registerMetric(
      new Counter({
        name,
        help,
        labelNames: [...labelNames],
        registers: [],
        collect() {
          this.reset()
          for (const { labels, count } of counts) this.inc(labels, count.value)
        },
      }),
    )
  }

  /** A new label set, at 0: ask once for each. */
  count(labels: Labels): Count {
    const count = { value: 0 }
    this.#counts.push({ labels, count })
    return count
  }
}

/** One label set of a histogram. */
export class Distribution {
  readonly labels: Labels
  readonly bounds: readonly number[]
  /** By bound, not cumulated; the last is what's above all of them. */
  readonly counts: Float64Array
  sum = 0

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1
    counts[bucket] = (counts[bucket] as number) + 1
    this.sum += value
  }
}

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

export class QuickHistogram {
  readonly #bounds: readonly number[]
  readonly #distributions: Distribution[] = []

  /** @param options.buckets upper bounds, ascending, without infinity */
  constructor({ name, help, registry, buckets }: QuickMetricOptions & { readonly buckets: readonly number[] }) {
    this.#bounds = [...buckets]
    const metric = {
      name,
      get: () =>
        Promise.resolve({
          name,
          help,
          type: 'histogram',
          aggregator: 'sum',
          values: this.#distributions.flatMap(distribution => samplesOf(name, distribution)),
        }),
    }
    // A registry reads no more of a metric than these two; the type asks for the whole class.
    registry.registerMetric(metric as unknown as Histogram)
  }

  /** A new label set, empty: ask once for each. */
  distribution(labels: Labels): Distribution {
    const distribution = new Distribution(labels, this.#bounds)
    this.#distributions.push(distribution)
    return distribution
  }
}

/** As prom-client gives them: cumulated buckets, then the sum and the count. */
function samplesOf(name: string, { labels, bounds, counts, sum }: Distribution): Sample[] {
  let count = 0
  const buckets = [...bounds, '+Inf'].map((le, bucket): Sample => {
    count += counts[bucket] ?? 0
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
