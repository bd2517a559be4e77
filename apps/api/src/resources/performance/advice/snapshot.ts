// All that the rules look at, as plain figures of one moment. Whatever isn't known isn't there, so no rule can speak of it.
import { PROBE_NAME } from '../../../database/probe.ts'
import { cacheNamespaces } from '../cache-page.ts'
import type { Look } from '../look.ts'
import type { MetricFigures } from '../metric-figures.ts'
import { nearestLimit, serverErrors } from '../metrics-page.ts'
import type { ServerStatistics } from '../repository.ts'

export interface NamespaceFigures {
  readonly name: string
  readonly hits: number
  readonly misses: number
}

export interface StatementFigures {
  readonly name: string
  readonly count: number
  readonly averageMs: number
  readonly p99Ms: number
}

export interface PoolFigures {
  readonly route: string
  /** Whether all workers may use it. */
  readonly isAvailable: boolean
  /** Whether this worker leaves it alone for a while after failures. */
  readonly isCircuitOpen: boolean
  readonly waiting: number
  readonly saturationRatio: number
  readonly acquired: number
  readonly refused: number
  readonly waitP99Ms: number
}

export interface LoopFigures {
  readonly worker: number
  readonly utilisationRatio: number
}

export interface LeakFigures {
  readonly worker: number
  /** Null where only the worker itself knows. */
  readonly slopeMibPerMinute: number | null
  readonly timeToLimitS: number | null
  /** Whether it has asked to be replaced for it. */
  readonly asksToBeReplaced: boolean
}

export interface MemoryFigures {
  /** 0 normal, 1 warning, 2 critical, 3 emergency; of the worker that's nearest to a limit. */
  readonly pressureLevel: number
  readonly nearestLimitRatio: number
  /** Infinity: none is on the way there. */
  readonly limitInS: number
}

export interface Snapshot {
  readonly fleet: { readonly ready: number; readonly workers: number; readonly crashLoops: number }
  readonly requests: { readonly total: number; readonly errors: number }
  /** False: some worker gets no answer. */
  readonly isDatabaseUp: boolean
  readonly pools: readonly PoolFigures[]
  /** Null until the server has answered a probe. */
  readonly connections: { readonly used: number; readonly limit: number } | null
  readonly statements: readonly StatementFigures[]
  /** Null while the database can't be asked. */
  readonly server: ServerStatistics | null
  /** Null where nobody watches. */
  readonly memory: MemoryFigures | null
  readonly leaks: readonly LeakFigures[]
  readonly loops: readonly LoopFigures[]
  /** Of the slowest loop. */
  readonly loopDelayP99Ms: number | null
  /** None where nothing is kept. */
  readonly namespaces: readonly NamespaceFigures[]
  readonly cache: { readonly tiersDown: readonly string[]; readonly workersOutOfTouch: number }
}

/** What a look doesn't show: what this worker alone knows, and what the database says. */
export interface Beside {
  readonly worker: number
  readonly isReady: boolean
  /** Whether answers are kept at all: where they aren't every look-up is a miss, as it's meant to be. */
  readonly caching: boolean
  readonly openCircuits: readonly string[]
  readonly connections: Snapshot['connections']
  /** This worker's own leak. */
  readonly leak: Omit<LeakFigures, 'worker' | 'asksToBeReplaced'> | null
  readonly server: ServerStatistics | null
}

export function takeSnapshot(look: Look, beside: Beside): Snapshot {
  const { figures, fleet } = look
  const delayS = figures.gauge('memory_loop_delay_p99_seconds')
  return {
    fleet: {
      ready: fleet?.health.ready ?? Number(beside.isReady),
      workers: fleet?.health.workers ?? 1,
      crashLoops: figures.total('supervisor_workers_in_crash_loop'),
    },
    requests: { total: figures.total('api_requests_total'), errors: serverErrors(figures) },
    isDatabaseUp: figures.gauge('db_up') !== 0,
    pools: poolsOf(figures, beside.openCircuits),
    connections: beside.connections,
    statements: Array.from(figures.durationsBy('db_statement_duration_seconds', 'name'), ([name, times]) => ({
      name,
      count: times.count,
      averageMs: times.averageMs,
      p99Ms: times.quantileMs(0.99),
    })).filter(({ name }) => name !== PROBE_NAME),
    server: beside.server,
    memory: memoryOf(figures),
    leaks: leaksOf(look, beside),
    loops: loopsOf(look, beside),
    loopDelayP99Ms: delayS === null ? null : delayS * 1000,
    namespaces: beside.caching ? namespacesOf(figures) : [],
    cache: {
      tiersDown: Array.from(figures.totalsBy('cache_tier_down', 'tier')).flatMap(([tier, isDown]) =>
        isDown === 0 ? [] : [tier],
      ),
      workersOutOfTouch: figures.total('cache_out_of_touch'),
    },
  }
}

function namespacesOf(figures: MetricFigures): NamespaceFigures[] {
  return cacheNamespaces(figures).map(({ name, hits, misses }) => ({
    name,
    hits: hits.memory + hits.machine + hits.far,
    misses,
  }))
}

function poolsOf(figures: MetricFigures, openCircuits: readonly string[]): PoolFigures[] {
  const available = figures.totalsBy('db_route_available', 'route')
  const waiting = figures.totalsBy('db_pool_waiting', 'route')
  const saturation = figures.totalsBy('db_pool_saturation_ratio', 'route')
  const refused = figures.totalsBy('db_pool_refused_total', 'route')
  const waits = figures.durationsBy('db_pool_acquire_wait_seconds', 'route')
  return Array.from(available, ([route, isAvailable]) => ({
    route,
    isAvailable: isAvailable === 1,
    isCircuitOpen: openCircuits.includes(route),
    waiting: waiting.get(route) ?? 0,
    saturationRatio: saturation.get(route) ?? 0,
    acquired: waits.get(route)?.count ?? 0,
    refused: refused.get(route) ?? 0,
    waitP99Ms: waits.get(route)?.quantileMs(0.99) ?? 0,
  }))
}

function memoryOf(figures: MetricFigures): MemoryFigures | null {
  const pressureLevel = figures.gauge('memory_pressure_level')
  if (pressureLevel === null) return null
  return {
    pressureLevel,
    nearestLimitRatio: nearestLimit(figures) ?? 0,
    limitInS: figures.gauge('memory_predicted_limit_seconds') ?? Number.POSITIVE_INFINITY,
  }
}

/** Those that have asked for it, and this worker's own, of which more is known. */
function leaksOf({ fleet }: Look, { worker, leak }: Beside): LeakFigures[] {
  const asking =
    fleet?.workers.filter(({ recycleRequested }) => recycleRequested?.reason === 'leak').map(each => each.worker) ?? []
  const workers = new Set(leak === null ? asking : [...asking, worker])
  return Array.from(workers, of => ({
    worker: of,
    slopeMibPerMinute: of === worker ? (leak?.slopeMibPerMinute ?? null) : null,
    timeToLimitS: of === worker ? (leak?.timeToLimitS ?? null) : null,
    asksToBeReplaced: asking.includes(of),
  }))
}

function loopsOf({ figures, fleet }: Look, { worker }: Beside): LoopFigures[] {
  if (fleet !== null)
    return fleet.workers.flatMap(({ worker: of, state, utilization }) =>
      state === 'ready' && utilization !== null ? [{ worker: of, utilisationRatio: utilization }] : [],
    )
  const utilisationRatio = figures.gauge('memory_loop_utilization_ratio')
  return utilisationRatio === null ? [] : [{ worker, utilisationRatio }]
}
