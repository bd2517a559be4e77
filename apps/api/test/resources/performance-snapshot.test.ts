// What the rules get to see: what the fleet's figures say, and what one worker knows beside them.
import t from 'tap'
import type { FleetFigures, MetricSnapshot } from '@plimsoll/supervisor'
import { takeSnapshot } from '../../src/resources/performance/advice/snapshot.ts'
import { MetricFigures } from '../../src/resources/performance/metric-figures.ts'

await t.test('a snapshot takes from the fleet what is the fleet’s, and from this worker what only it knows', t => {
  const gauge = (name: string, ...values: MetricSnapshot['values']): MetricSnapshot => ({
    name,
    help: '',
    type: 'gauge',
    aggregator: 'sum',
    values,
  })
  const worker = (number: number, change: object = {}): FleetFigures['workers'][number] => ({
    worker: number,
    generation: 1,
    pid: 100 + number,
    state: 'ready',
    retiring: false,
    onProbation: false,
    unreadyReason: null,
    utilization: 0.25,
    reportAgeMs: 900,
    startedAtMs: 0,
    uptimeMs: 0,
    restarts: 0,
    crashLoop: false,
    recycleRequested: null,
    ...change,
  })
  const fleet = {
    atMs: 5,
    size: { wanted: 3, min: 3, max: 3 },
    health: { status: 'degraded' as const, ready: 2, workers: 3, reasons: [] },
    workers: [
      worker(0, { recycleRequested: { reason: 'leak', detail: '', sinceMs: 0 } }),
      worker(1, { recycleRequested: { reason: 'age', detail: '', sinceMs: 0 } }),
      worker(2, { state: 'unready', utilization: 0.99 }),
    ],
  }
  const figures = new MetricFigures([
    gauge('db_up', { labels: {}, value: 0 }),
    gauge('db_route_available', { labels: { route: 'main' }, value: 1 }, { labels: { route: 'direct' }, value: 0 }),
    gauge('db_pool_waiting', { labels: { route: 'main' }, value: 3 }),
    gauge('cache_tier_down', { labels: { tier: 'machine' }, value: 0 }, { labels: { tier: 'far' }, value: 1 }),
    gauge('supervisor_workers_in_crash_loop', { labels: {}, value: 1 }),
    gauge('cache_misses_total', { labels: { namespace: 'courses' }, value: 7 }),
  ])
  const beside = {
    worker: 2,
    isReady: true,
    caching: true,
    openCircuits: ['direct'],
    connections: { used: 1, limit: 2 },
    leak: { slopeMibPerMinute: 1, timeToLimitS: 60 },
    server: null,
  }
  t.match(takeSnapshot({ scope: 'fleet', atMs: 5, figures, fleet }, beside), {
    fleet: { ready: 2, workers: 3, crashLoops: 1 },
    isDatabaseUp: false,
    pools: [
      { route: 'main', isAvailable: true, isCircuitOpen: false, waiting: 3 },
      { route: 'direct', isAvailable: false, isCircuitOpen: true, waiting: 0 },
    ],
    connections: { used: 1, limit: 2 },
    memory: null,
    leaks: [
      { worker: 0, slopeMibPerMinute: null, asksToBeReplaced: true },
      { worker: 2, slopeMibPerMinute: 1, timeToLimitS: 60, asksToBeReplaced: false },
    ],
    loops: [
      { worker: 0, utilisationRatio: 0.25 },
      { worker: 1, utilisationRatio: 0.25 },
    ],
    loopDelayP99Ms: null,
    namespaces: [{ name: 'courses', hits: 0, misses: 7 }],
    cache: { tiersDown: ['far'] },
  })
  t.match(takeSnapshot({ scope: 'worker', atMs: 5, figures, fleet: null }, { ...beside, caching: false, leak: null }), {
    fleet: { ready: 1, workers: 1 },
    namespaces: { length: 0 },
    leaks: [],
    loops: [],
  })
  t.end()
})
