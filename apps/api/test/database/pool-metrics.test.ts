import t from 'tap'
import type { PoolStatistics, RouteStatistics } from '@plimsoll/db-optimizer'
import { createRegistry } from '@plimsoll/telemetry'
import { poolMetrics, type PoolFigures } from '../../src/database/pool-metrics.ts'

const duration = { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 }
const pool: PoolStatistics = {
  open: 7,
  idle: 4,
  busy: 3,
  opening: 1,
  waiting: 2,
  saturation: 0.3,
  acquiredTotal: 100,
  refusedTotal: 0,
  openedTotal: 9,
  openFailedTotal: 3,
  openFailures: { ECONNREFUSED: 1, 'connect to db.internal': 1, 'as admin': 1 },
  discarded: { 'closed-by-server': 2 },
  fencesTotal: 0,
  cancelsTotal: 5,
  acquireWait: duration,
  openDuration: duration,
}
const route: RouteStatistics = {
  name: 'pooled',
  state: 'away',
  reason: 'unreachable',
  forMs: 1000,
  circuit: 'closed',
  probes: { ok: 8, failed: 2, recentSuccessRatio: 0.8, lastFailure: null, lastDurationMs: 1 },
  pool,
}

await t.test('each scrape shows the pools and routes as they are, and codes only', async t => {
  const registry = createRegistry({ prefix: 'test_' })
  let statistics: PoolFigures = {
    route: 'direct',
    routes: [route, { ...route, name: 'direct', state: 'available', reason: undefined }],
  }
  poolMetrics(registry, () => statistics)
  const samples = async () =>
    (await registry.metrics()).split('\n').filter(line => line.startsWith('db_') && line.includes('route="pooled"'))
  const first = await samples()
  t.same(first, [
    'db_pool_connections{route="pooled",state="idle"} 4',
    'db_pool_connections{route="pooled",state="busy"} 3',
    'db_pool_connections{route="pooled",state="opening"} 1',
    'db_pool_waiting{route="pooled"} 2',
    'db_pool_saturation_ratio{route="pooled"} 0.3',
    'db_pool_opened_total{route="pooled"} 9',
    'db_pool_open_failures_total{route="pooled",reason="ECONNREFUSED"} 1',
    'db_pool_open_failures_total{route="pooled",reason="OTHER"} 2',
    'db_pool_discarded_total{route="pooled",reason="closed-by-server"} 2',
    'db_pool_cancels_total{route="pooled"} 5',
    'db_route_available{route="pooled"} 0',
    'db_route_used{route="pooled"} 0',
    'db_route_probes_total{route="pooled",outcome="ok"} 8',
    'db_route_probes_total{route="pooled",outcome="failed"} 2',
  ])
  t.same(await samples(), first, 'a second scrape counts nothing twice')
  t.match(await registry.metrics(), /^db_route_used\{route="direct"\} 1$/m)
  statistics = { route: 'pooled', routes: [{ ...route, pool: { ...pool, waiting: 0 } }] }
  t.match((await samples()).join('\n'), /db_pool_waiting\{route="pooled"\} 0\n/)
})
