// Writes plain counters in Prometheus' text format.
//
// The hot path counts in numbers and typed arrays; only a scrape makes text of them. (prom-client's own objects look up a hash of
// labels for each count.) Format: https://prometheus.io/docs/instrumenting/exposition_formats/ , version 0.0.4.

/** Labels of one sample; values are escaped here. */
export type Labels = Readonly<Record<string, string>>

export class Exposition {
  #text = ''

  /** Begins a metric: its HELP and TYPE lines. All its samples must follow before the next one begins. */
  metric(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): this {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    return this
  }

  sample(name: string, labels: Labels, value: number): this {
    this.#text += `${name}${formatLabels(labels)} ${formatNumber(value)}\n`
    return this
  }

  /** The samples of a histogram: cumulative buckets, sum and count. */
  histogram(name: string, labels: Labels, histogram: DurationHistogram): this {
    let cumulative = 0
    for (let i = 0; i < histogram.boundsSeconds.length; i++) {
      cumulative += histogram.counts[i] ?? 0
      this.sample(`${name}_bucket`, { ...labels, le: formatNumber(histogram.boundsSeconds[i] ?? 0) }, cumulative)
    }
    cumulative += histogram.counts[histogram.boundsSeconds.length] ?? 0
    this.sample(`${name}_bucket`, { ...labels, le: '+Inf' }, cumulative)
    this.sample(`${name}_sum`, labels, histogram.sumSeconds)
    return this.sample(`${name}_count`, labels, cumulative)
  }

  /** A counter without labels. */
  counter(name: string, help: string, value: number): this {
    return this.metric(name, 'counter', help).sample(name, {}, value)
  }

  /** A counter with one label. */
  tally(name: string, help: string, label: string, counts: ReadonlyMap<string, number>): this {
    this.metric(name, 'counter', help)
    for (const [value, count] of counts) this.sample(name, { [label]: value }, count)
    return this
  }

  toString(): string {
    return this.#text
  }
}

/** Durations counted in buckets; recording allocates nothing. */
export class DurationHistogram {
  readonly boundsSeconds: readonly number[]
  /** One count per bound (not cumulative), and one for everything above. */
  readonly counts: Float64Array
  sumSeconds = 0

  constructor(boundsSeconds: readonly number[]) {
    this.boundsSeconds = boundsSeconds
    this.counts = new Float64Array(boundsSeconds.length + 1)
  }

  record(seconds: number): void {
    const bounds = this.boundsSeconds
    let i = 0
    while (i < bounds.length && seconds > (bounds[i] as number)) i++
    this.counts[i] = (this.counts[i] ?? 0) + 1
    this.sumSeconds += seconds
  }
}

function formatLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`,
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return String(value)
}
