// What a worker's registry says at one moment, as it comes over the IPC channel: checked here, trusted behind.
//
// Counters, histograms and summaries of a fleet are sums, whatever their definition asks for: another way to put counts together has no
// meaning, and could run backwards. Only `omit` is honoured. Of summaries the quantiles are left out: the quantile of a fleet can't be
// had from those of its workers. Gauges follow their `aggregator`.

/** Ways to put the values of several workers together, by the names that prom-client knows. */
export type Aggregator = 'sum' | 'first' | 'min' | 'max' | 'average' | 'omit'

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary'

export interface MetricSample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** Name of the series where it isn't the metric's own: `..._bucket`, `..._sum`, `..._count`. */
  readonly metricName?: string
}

export interface MetricSnapshot {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly aggregator: Aggregator
  readonly values: readonly MetricSample[]
}

const TYPES: readonly string[] = ['counter', 'gauge', 'histogram', 'summary'] satisfies MetricType[]
const AGGREGATORS: readonly string[] = ['sum', 'first', 'min', 'max', 'average', 'omit'] satisfies Aggregator[]

/** Reads what `registry.getMetricsAsJSON()` gave; leaves out what isn't of its form, and names with a reserved prefix, if there's one. */
export function parseMetrics(value: unknown, reservedPrefix?: string): MetricSnapshot[] {
  if (!Array.isArray(value)) return []
  const snapshots: MetricSnapshot[] = []
  for (const metric of value as readonly unknown[]) {
    if (!isRecord(metric)) continue
    const { name, help, type, aggregator, values } = metric
    if (typeof name !== 'string' || typeof help !== 'string') continue
    if (reservedPrefix !== undefined && name.startsWith(reservedPrefix)) continue
    if (!isType(type) || !Array.isArray(values)) continue
    const isCounting = type !== 'gauge'
    snapshots.push({
      name,
      help,
      type,
      aggregator: aggregator === 'omit' ? 'omit' : isCounting || !isAggregator(aggregator) ? 'sum' : aggregator,
      values: (values as readonly unknown[])
        .filter(isSample)
        .filter(sample => type !== 'summary' || !isQuantile(sample)),
    })
  }
  return snapshots
}

function isSample(value: unknown): value is MetricSample {
  if (!isRecord(value) || typeof value['value'] !== 'number' || !isRecord(value['labels'])) return false
  return value['metricName'] === undefined || typeof value['metricName'] === 'string'
}

function isQuantile(sample: MetricSample): boolean {
  return sample.metricName === undefined
}

function isType(value: unknown): value is MetricType {
  return typeof value === 'string' && TYPES.includes(value)
}

function isAggregator(value: unknown): value is Aggregator {
  return typeof value === 'string' && AGGREGATORS.includes(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
