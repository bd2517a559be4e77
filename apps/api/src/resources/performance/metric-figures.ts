// Reads values out of metrics that were taken as values: of one worker's registry, or of the whole fleet. Names that aren't there count as nothing.
//
// All pages about performance are made of these figures, so what they say is what Prometheus is told.
import type { MetricSample, MetricSnapshot } from '@plimsoll/supervisor'

type Labels = MetricSample['labels']
type Keep = (labels: Labels) => boolean

const ALL: Keep = () => true

/** A histogram of durations. */
export interface DurationFigures {
  readonly count: number
  readonly averageMs: number
  /**
   * The duration below which this share of them lies, by the bounds of the buckets and a straight line between them; beyond the last bound that bound, and 0
   * without any.
   */
  quantileMs(share: number): number
}

export class MetricFigures {
  readonly #metrics: ReadonlyMap<string, MetricSnapshot>

  constructor(metrics: readonly MetricSnapshot[]) {
    this.#metrics = new Map(metrics.map(metric => [metric.name, metric]))
  }

  /** Sum over all label values, or over those kept. */
  total(name: string, keep: Keep = ALL): number {
    let sum = 0
    for (const { labels, value } of this.#samples(name)) if (keep(labels)) sum += value
    return sum
  }

  /** The same per value of one label. */
  totalsBy(name: string, label: string, keep: Keep = ALL): Map<string, number> {
    const totals = new Map<string, number>()
    for (const { labels, value } of this.#samples(name)) {
      const of = labels[label]
      if (of !== undefined && keep(labels)) totals.set(String(of), (totals.get(String(of)) ?? 0) + value)
    }
    return totals
  }

  /** The value of a gauge that has one; null where nobody knows it. */
  gauge(name: string): number | null {
    const value = this.#samples(name)[0]?.value
    return value === undefined || Number.isNaN(value) ? null : value
  }

  durations(name: string, keep: Keep = ALL): DurationFigures {
    return durationsOf(this.#samples(name).filter(({ labels }) => keep(labels)))
  }

  /** The same per value of one label. */
  durationsBy(name: string, label: string): Map<string, DurationFigures> {
    const groups = Map.groupBy(this.#samples(name), ({ labels }) => String(labels[label]))
    return new Map(Array.from(groups, ([of, samples]) => [of, durationsOf(samples)] as const))
  }

  #samples(name: string): readonly MetricSample[] {
    return this.#metrics.get(name)?.values ?? []
  }
}

/** Buckets hold all that took at most as long as their bound. */
function durationsOf(samples: readonly MetricSample[]): DurationFigures {
  const buckets = new Map<number, number>()
  let count = 0
  let sumS = 0
  for (const { metricName = '', labels, value } of samples) {
    if (metricName.endsWith('_count')) count += value
    else if (metricName.endsWith('_sum')) sumS += value
    else {
      const boundS = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'])
      buckets.set(boundS, (buckets.get(boundS) ?? 0) + value)
    }
  }
  const bounds = [...buckets].toSorted(([a], [b]) => a - b)
  return {
    count,
    averageMs: count === 0 ? 0 : (sumS / count) * 1000,
    quantileMs: share => quantileS(bounds, share * count) * 1000,
  }
}

function quantileS(bounds: readonly (readonly [boundS: number, atMost: number])[], rank: number): number {
  let lowerS = 0
  let below = 0
  for (const [boundS, atMost] of bounds) {
    if (rank > 0 && atMost >= rank) {
      if (boundS === Number.POSITIVE_INFINITY) return lowerS
      return lowerS + (boundS - lowerS) * ((rank - below) / (atMost - below))
    }
    if (boundS !== Number.POSITIVE_INFINITY) lowerS = boundS
    below = atMost
  }
  return 0
}
