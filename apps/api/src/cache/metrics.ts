// Figures of the cache for Prometheus, taken from its own statistics at each scrape: between scrapes nothing is done.
import {
  type CacheStatistics,
  channels,
  LOAD_SECONDS,
  type LoadFinished,
  type NamespaceStatistics,
} from '@plimsoll/cache'
import { Counter, Gauge, Histogram, type Registry } from '@plimsoll/telemetry'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

interface Figure {
  readonly name: string
  readonly help: string
  /** Labels beside the namespace. */
  readonly labels?: readonly string[]
  /** How the workers' values become the fleet's; none: it's a counter. */
  readonly over?: 'sum' | 'max'
  readonly samples: (namespace: NamespaceStatistics) => readonly Sample[]
}

const FIGURES: readonly Figure[] = [
  {
    name: 'cache_hits_total',
    help: 'Values that were there, by the tier that had them.',
    labels: ['tier'],
    samples: ({ hits }) => Object.entries(hits).map(([tier, count]) => [{ tier }, count]),
  },
  {
    name: 'cache_misses_total',
    help: 'Calls that found nothing to serve, and waited for a load.',
    samples: ({ misses }) => [[{}, misses]],
  },
  {
    name: 'cache_stale_served_total',
    help: 'Values that were served past their time, within their windows.',
    samples: ({ staleServed }) => [[{}, staleServed]],
  },
  {
    name: 'cache_loads_total',
    help: 'Loads that have ended, by outcome (ok, failed, timeout).',
    labels: ['outcome'],
    samples: ({ loads, loadFailures, loadTimeouts }) => [
      [{ outcome: 'ok' }, loads - loadFailures],
      [{ outcome: 'failed' }, loadFailures - loadTimeouts],
      [{ outcome: 'timeout' }, loadTimeouts],
    ],
  },
  {
    name: 'cache_joins_total',
    help: 'Calls that waited for a load of the same worker.',
    samples: ({ joins }) => [[{}, joins]],
  },
  {
    name: 'cache_lease_waits_total',
    help: 'Loads that waited for another worker, or machine, to load.',
    samples: ({ leaseWaits }) => [[{}, leaseWaits]],
  },
  {
    name: 'cache_early_refreshes_total',
    help: 'Values that were refreshed before their time was over.',
    samples: ({ earlyRefreshes }) => [[{}, earlyRefreshes]],
  },
  {
    name: 'cache_overtaken_total',
    help: 'Loads whose value was not kept, since something about it was invalidated meanwhile.',
    samples: ({ overtaken }) => [[{}, overtaken]],
  },
  {
    name: 'cache_unshareable_total',
    help: 'Values without a serialised form, kept by the worker alone.',
    samples: ({ unshareable }) => [[{}, unshareable]],
  },
  {
    name: 'cache_evictions_total',
    help: 'Values that left a worker’s memory before their time, by reason.',
    labels: ['reason'],
    samples: ({ evictions }) => Object.entries(evictions).map(([reason, count]) => [{ reason }, count]),
  },
  {
    name: 'cache_memory_entries',
    help: 'Values in the workers’ memory.',
    over: 'sum',
    samples: ({ entries }) => [[{}, entries]],
  },
  {
    name: 'cache_memory_bytes',
    help: 'Bytes of values in the workers’ memory, estimated.',
    over: 'sum',
    samples: ({ bytes }) => [[{}, bytes]],
  },
]

/** Registers the figures of every namespace, and the states of the tiers; the returned function ends the counting. */
export function cacheMetrics(registry: Registry, statistics: () => CacheStatistics): () => void {
  for (const figure of FIGURES) registry.registerMetric(metricOf(figure, statistics))
  const tier = (
    name: string,
    help: string,
    of: (state: NonNullable<CacheStatistics['machine']>) => number | undefined,
  ) =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ['tier'],
        registers: [],
        // Every worker sees the same tier.
        aggregator: 'max',
        collect() {
          const { machine, far } = statistics()
          for (const [label, state] of [
            ['machine', machine],
            ['far', far],
          ] as const)
            if (state && of(state) !== undefined) this.set({ tier: label }, of(state) ?? 0)
        },
      }),
    )
  tier('cache_tier_bytes', 'Bytes that a shared tier takes; Redis does not say.', ({ bytes }) => bytes)
  tier('cache_tier_entries', 'Values in a shared tier; Redis does not say.', ({ entries }) => entries)
  tier('cache_tier_down', 'Whether a shared tier is off or fails (1), as any worker sees it.', ({ state }) =>
    state === 'on' ? 0 : 1,
  )
  registry.registerMetric(
    new Gauge({
      name: 'cache_out_of_touch',
      help: 'Workers that can not know of all invalidations, and serve within their bound only.',
      registers: [],
      aggregator: 'sum',
      collect() {
        this.set(statistics().inTouch ? 0 : 1)
      },
    }),
  )
  return loadDurations(registry)
}

function loadDurations(registry: Registry): () => void {
  const durations = new Histogram({
    name: 'cache_load_duration_seconds',
    help: 'Time of a load, from its beginning to the value or the failure.',
    labelNames: ['namespace'],
    buckets: [...LOAD_SECONDS],
    registers: [registry],
  })
  const observe = (message: unknown) => {
    const { namespace, durationMs } = message as LoadFinished
    durations.observe({ namespace }, durationMs / 1000)
  }
  channels.loadFinished.subscribe(observe)
  return () => {
    channels.loadFinished.unsubscribe(observe)
  }
}

function metricOf(figure: Figure, statistics: () => CacheStatistics): Counter | Gauge {
  const { name, help, labels = [], over, samples } = figure
  const all = function* (): Generator<Sample> {
    for (const [namespace, figures] of Object.entries(statistics().namespaces))
      for (const [more, value] of samples(figures)) yield [{ namespace, ...more }, value]
  }
  const labelNames = ['namespace', ...labels]
  if (over === undefined)
    return new Counter({
      name,
      help,
      labelNames,
      registers: [],
      collect() {
        this.reset()
        for (const [sampleLabels, value] of all()) this.inc(sampleLabels, value)
      },
    })
  return new Gauge({
    name,
    help,
    labelNames,
    registers: [],
    aggregator: over,
    collect() {
      this.reset()
      for (const [sampleLabels, value] of all()) this.set(sampleLabels, value)
    },
  })
}
