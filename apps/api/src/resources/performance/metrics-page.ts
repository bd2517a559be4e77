// The answer of `GET /performance/metrics`, made of one look. Pure: the same look gives the same answer.
import { PRESSURE_LEVELS } from '@plimsoll/memory-optimizer'
import { PROBE_NAME } from '../../database/probe.ts'
import { CLIENT_WENT_AWAY } from '../../plugins/request-end.ts'
import { thousandths } from '../health/thousandths.ts'
import type { Look } from './look.ts'
import type { DurationFigures, MetricFigures } from './metric-figures.ts'
import type { PerformanceMetrics } from './metrics-schema.ts'
import type { About } from './parts.ts'

/** What a look at metrics doesn't show. */
export interface Surroundings {
  readonly about: About
  /** When this worker's process was started, in milliseconds since the epoch. */
  readonly startedAtMs: number
  /** Whether this worker wants traffic. */
  readonly isReady: boolean
  /** Whether answers are kept at all. */
  readonly caching: boolean
  /** Connections to all databases of the server, of all programs, as last seen. */
  readonly connections: { readonly used: number; readonly limit: number } | null
}

export function metricsPage(look: Look, surroundings: Surroundings): PerformanceMetrics {
  return {
    ...surroundings.about,
    server: server(look, surroundings),
    optimizer: {
      optimizations: optimizations(look.figures),
      performance: performance(look, surroundings),
      memory: memory(look.figures),
    },
    architecture: {
      components: components(look, surroundings),
      scaling: scaling(look, surroundings),
      health: health(look, surroundings),
    },
    database: database(look.figures, surroundings),
  }
}

function server({ figures, atMs }: Look, { startedAtMs }: Surroundings): PerformanceMetrics['server'] {
  const startOfFleetS = figures.gauge('supervisor_process_start_time_seconds')
  const times = figures.durations('api_request_duration_seconds')
  return {
    requests: figures.total('api_requests_total'),
    active: figures.total('api_requests_active'),
    errors: serverErrors(figures),
    abandoned: figures.total('api_requests_total', ({ code }) => code === String(CLIENT_WENT_AWAY)),
    avgResponseTimeMs: thousandths(times.averageMs),
    p50ResponseTimeMs: thousandths(times.quantileMs(0.5)),
    p99ResponseTimeMs: thousandths(times.quantileMs(0.99)),
    uptimeS: since(startOfFleetS === null ? startedAtMs : startOfFleetS * 1000, atMs),
  }
}

/** Answers that the server is to blame for. */
export function serverErrors(figures: MetricFigures): number {
  return figures.total('api_requests_total', ({ code }) => Number(code) >= 500)
}

function optimizations(figures: MetricFigures): PerformanceMetrics['optimizer']['optimizations'] {
  const answered = figures.totalsBy('db_queries_total', 'name', ({ outcome }) => outcome === 'ok')
  const statements = figures.durationsBy('db_statement_duration_seconds', 'name')
  let savedStatements = 0
  // Of a name that took more statements than calls, by retries or in transactions, nothing was saved.
  for (const [name, calls] of answered) savedStatements += Math.max(0, calls - (statements.get(name)?.count ?? calls))
  return {
    cacheHits: figures.total('cache_hits_total'),
    sharedLoads: figures.total('cache_joins_total'),
    staleServed: figures.total('cache_stale_served_total'),
    earlyRefreshes: figures.total('cache_early_refreshes_total'),
    savedStatements,
    retries: figures.total('db_retries_total'),
  }
}

function performance(
  { figures, fleet }: Look,
  { caching }: Surroundings,
): PerformanceMetrics['optimizer']['performance'] {
  const hits = figures.total('cache_hits_total')
  const lookUps = hits + figures.total('cache_misses_total')
  const ownUtilisation = figures.gauge('memory_loop_utilization_ratio')
  const told = fleet?.workers.flatMap(({ utilization }) => utilization ?? []) ?? []
  const all = fleet !== null ? told : ownUtilisation === null ? [] : [ownUtilisation]
  const delayS =
    figures.gauge('memory_loop_delay_p99_seconds') ?? figures.gauge('api_nodejs_eventloop_lag_p99_seconds') ?? 0
  return {
    cacheHitRatio: !caching || lookUps === 0 ? null : thousandths(hits / lookUps),
    averageUtilisationRatio: all.length === 0 ? null : ratio(all.reduce((sum, one) => sum + one, 0) / all.length),
    highestUtilisationRatio: all.length === 0 ? null : ratio(Math.max(...all)),
    eventLoopDelayP99Ms: Math.max(0, thousandths(delayS * 1000)),
  }
}

function memory(figures: MetricFigures): PerformanceMetrics['optimizer']['memory'] {
  // Of the last samples where memory is watched, since those are what the health pages show; else read for this look.
  const bytes = (watched: string, read: string): number =>
    Math.round(figures.gauge(watched) ?? figures.gauge(read) ?? 0)
  const level = figures.gauge('memory_pressure_level')
  const limitInS = figures.gauge('memory_predicted_limit_seconds')
  return {
    rssBytes: bytes('memory_rss_bytes', 'api_process_resident_memory_bytes'),
    heapUsedBytes: bytes('memory_heap_used_bytes', 'api_nodejs_heap_size_used_bytes'),
    heapTotalBytes: bytes('memory_heap_total_bytes', 'api_nodejs_heap_size_total_bytes'),
    externalBytes: bytes('memory_external_bytes', 'api_nodejs_external_memory_bytes'),
    pressure: level === null ? null : (PRESSURE_LEVELS[level] ?? null),
    nearestLimitRatio: nearestLimit(figures),
    limitInS: limitInS === null || !Number.isFinite(limitInS) ? null : Math.round(limitInS),
  }
}

/** Use of the limit that is nearest, of whichever worker; null where nobody watches. */
export function nearestLimit(figures: MetricFigures): number | null {
  const ratios = ['memory_heap_ratio', 'memory_share_ratio', 'memory_container_ratio'].flatMap(
    name => figures.gauge(name) ?? [],
  )
  return ratios.length === 0 ? null : Math.max(0, thousandths(Math.max(...ratios)))
}

type Architecture = PerformanceMetrics['architecture']

function components(look: Look, { about, startedAtMs, isReady }: Surroundings): Architecture['components'] {
  const { figures, fleet, atMs } = look
  const available = figures.totalsBy('db_route_available', 'route')
  const used = figures.totalsBy('db_route_used', 'route')
  const down = figures.totalsBy('cache_tier_down', 'tier')
  const tier = (name: string): 'none' | 'up' | 'down' => {
    const isDown = down.get(name)
    return isDown === undefined ? 'none' : isDown === 0 ? 'up' : 'down'
  }
  const alone = {
    ...about.worker,
    state: isReady ? ('ready' as const) : ('unready' as const),
    uptimeS: since(startedAtMs, atMs),
    utilisationRatio: figures.gauge('memory_loop_utilization_ratio'),
    restarts: 0,
    crashLoop: false,
    unreadyReason: null,
  }
  return {
    workers: fleet?.workers.map(worker => ({
      number: worker.worker,
      generation: worker.generation,
      pid: worker.pid,
      state: worker.state,
      uptimeS: thousandths(worker.uptimeMs / 1000),
      utilisationRatio: worker.utilization === null ? null : ratio(worker.utilization),
      restarts: worker.restarts,
      crashLoop: worker.crashLoop,
      unreadyReason: worker.unreadyReason,
    })) ?? [alone],
    database: {
      status: figures.gauge('db_up') === 1 ? 'up' : 'down',
      routes: Array.from(available, ([name, value]) => ({
        name,
        available: value === 1,
        usedBy: used.get(name) ?? 0,
      })),
    },
    cache: {
      machine: tier('machine'),
      far: tier('far'),
      workersOutOfTouch: figures.total('cache_out_of_touch'),
    },
  }
}

function scaling({ figures, fleet }: Look, { isReady }: Surroundings): Architecture['scaling'] {
  const restarts = figures.totalsBy('supervisor_worker_restarts_total', 'reason')
  const replaced = restarts.get('replaced') ?? 0
  const scalings = figures.totalsBy('supervisor_scalings_total', 'direction')
  return {
    workers: fleet?.health.ready ?? Number(isReady),
    ...(fleet?.size ?? { wanted: 1, min: 1, max: 1 }),
    added: scalings.get('add') ?? 0,
    removed: scalings.get('remove') ?? 0,
    restarted: figures.total('supervisor_worker_restarts_total') - replaced,
    replaced,
    recyclesWaiting: figures.total('supervisor_recycles_deferred'),
  }
}

function health({ fleet }: Look, { isReady }: Surroundings): Architecture['health'] {
  if (fleet === null) return { status: isReady ? 'ok' : 'down', ready: Number(isReady), workers: 1, reasons: [] }
  return { ...fleet.health, reasons: [...fleet.health.reasons] }
}

function database(figures: MetricFigures, { connections }: Surroundings): PerformanceMetrics['database'] {
  const byState = figures.totalsBy('db_pool_connections', 'state')
  const [idle, busy, opening] = ['idle', 'busy', 'opening'].map(state => byState.get(state) ?? 0) as [
    number,
    number,
    number,
  ]
  const calls = figures.totalsBy('db_queries_total', 'outcome')
  const statements = figures.durations('db_statement_duration_seconds', ({ name }) => name !== PROBE_NAME)
  return {
    connections: {
      open: idle + busy,
      idle,
      busy,
      opening,
      waiting: figures.total('db_pool_waiting'),
      saturationRatio: ratio(Math.max(0, ...figures.totalsBy('db_pool_saturation_ratio', 'route').values())),
      serverUsed: connections?.used ?? null,
      serverLimit: connections?.limit ?? null,
    },
    queries: {
      calls: figures.total('db_queries_total'),
      abandoned: calls.get('abandoned') ?? 0,
      statements: statements.count,
    },
    performance: {
      calls: summary(figures.durations('db_query_duration_seconds')),
      statements: summary(statements),
      waits: summary(figures.durations('db_pool_acquire_wait_seconds')),
      probeLatencyMs: thousandths((figures.gauge('db_probe_latency_seconds') ?? 0) * 1000),
    },
    errors: {
      failedCalls: calls.get('failed') ?? 0,
      refused: figures.total('db_pool_refused_total'),
      failedConnects: figures.total('db_pool_open_failures_total'),
      discardedConnections: figures.total('db_pool_discarded_total'),
      retriesRefused: figures.total('db_retries_refused_total'),
    },
  }
}

function summary(durations: DurationFigures) {
  return {
    averageMs: thousandths(durations.averageMs),
    p50Ms: thousandths(durations.quantileMs(0.5)),
    p99Ms: thousandths(durations.quantileMs(0.99)),
  }
}

function ratio(value: number): number {
  return thousandths(Math.min(1, Math.max(0, value)))
}

function since(startMs: number, nowMs: number): number {
  return Math.max(0, thousandths((nowMs - startMs) / 1000))
}
