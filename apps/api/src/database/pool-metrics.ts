// Figures of pools and routes for Prometheus. They're taken from the database's own statistics at each scrape, so nothing is counted twice and between scrapes
// nothing is done.
import type { DatabaseStatistics, RouteStatistics } from '@plimsoll/db-optimizer'
import { Counter, Gauge, type Registry } from '@plimsoll/telemetry'
import { boundedCode } from './failures.ts'

/** What is read of the database's statistics. */
export type PoolFigures = Pick<DatabaseStatistics, 'route' | 'routes'>

/** One value, with its labels beside the route. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

interface Figure {
  readonly name: string
  readonly help: string
  /** Labels beside the route. */
  readonly labels?: readonly string[]
  /** How the workers' values become the fleet's; none: it's a counter. */
  readonly over?: 'sum' | 'min' | 'max'
  readonly samples: (route: RouteStatistics, statistics: PoolFigures) => readonly Sample[]
}

const FIGURES: readonly Figure[] = [
  {
    name: 'db_pool_connections',
    help: 'Connections by state: idle and busy ones are open, opening ones are about to be.',
    labels: ['state'],
    over: 'sum',
    samples: ({ pool }) => [
      [{ state: 'idle' }, pool.idle],
      [{ state: 'busy' }, pool.busy],
      [{ state: 'opening' }, pool.opening],
    ],
  },
  {
    name: 'db_pool_waiting',
    help: 'Callers that wait for a connection.',
    over: 'sum',
    samples: ({ pool }) => [[{}, pool.waiting]],
  },
  {
    name: 'db_pool_saturation_ratio',
    help: 'Busy connections by the most that the pool may open, 0 to 1; the highest of all workers.',
    over: 'max',
    samples: ({ pool }) => [[{}, pool.saturation]],
  },
  {
    name: 'db_pool_opened_total',
    help: 'Connections that were opened.',
    samples: ({ pool }) => [[{}, pool.openedTotal]],
  },
  {
    name: 'db_pool_open_failures_total',
    help: 'Connections that could not be opened, by reason: a code of the system, or an SQLSTATE.',
    labels: ['reason'],
    samples: ({ pool }) => byReason(pool.openFailures),
  },
  {
    name: 'db_pool_discarded_total',
    help: 'Connections that were given up, by reason.',
    labels: ['reason'],
    samples: ({ pool }) => byReason(pool.discarded),
  },
  {
    name: 'db_pool_cancels_total',
    help: 'Statements that were to be cancelled.',
    samples: ({ pool }) => [[{}, pool.cancelsTotal]],
  },
  {
    name: 'db_route_available',
    help: 'Whether the route may be used (1), or is away (0); the lowest of all workers.',
    over: 'min',
    samples: ({ state }) => [[{}, state === 'available' ? 1 : 0]],
  },
  {
    name: 'db_route_used',
    help: 'Workers that use this route now.',
    over: 'sum',
    samples: ({ name }, { route }) => [[{}, name === route ? 1 : 0]],
  },
  {
    name: 'db_route_probes_total',
    help: 'Background probes of the route, by outcome (ok, failed).',
    labels: ['outcome'],
    samples: ({ probes }) => [
      [{ outcome: 'ok' }, probes.ok],
      [{ outcome: 'failed' }, probes.failed],
    ],
  },
]

/** Registers the figures. */
export function poolMetrics(registry: Registry, statistics: () => PoolFigures): void {
  for (const { name, help, labels = [], over, samples } of FIGURES) {
    const labelNames = ['route', ...labels]
    const each = (tell: (labels: Record<string, string>, value: number) => void): void => {
      const now = statistics()
      for (const route of now.routes)
        for (const [more, value] of samples(route, now)) tell({ route: route.name, ...more }, value)
    }
    const common = { name, help, labelNames, registers: [] }
    registry.registerMetric(
      over === undefined
        ? new Counter({
            ...common,
            collect() {
              this.reset()
              each((labels, value) => this.inc(labels, value))
            },
          })
        : new Gauge({
            ...common,
            aggregator: over,
            collect() {
              each((labels, value) => this.set(labels, value))
            },
          }),
    )
  }
}

/** Reasons are codes; what isn't one is counted under OTHER, all of them together. */
function byReason(counts: Readonly<Record<string, number>>): readonly Sample[] {
  const sums = new Map<string, number>()
  for (const [text, count] of Object.entries(counts)) {
    const reason = boundedCode(text)
    sums.set(reason, (sums.get(reason) ?? 0) + count)
  }
  return [...sums].map(([reason, count]) => [{ reason }, count])
}
