// The pages about performance of one worker without a supervisor, on a real database. The fleet's: performance-agreement.test.ts; rules: performance-advice.test.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { CacheError } from '@plimsoll/cache'
import { SupervisorError } from '@plimsoll/supervisor'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, NO_DATABASE, testApp } from '../fixture/test-app.ts'
import { lookAround } from '../../src/resources/performance/look.ts'
import type { Recommendations } from '../../src/resources/performance/advice/schema.ts'
import type { CacheStats } from '../../src/resources/performance/cache-schema.ts'
import { createPerformanceRepository } from '../../src/resources/performance/repository.ts'
import type { PerformanceMetrics } from '../../src/resources/performance/metrics-schema.ts'

const database = await demoDatabase(t)
const OPERATOR = { authorization: 'Bearer the-operator-of-this-test' }
const operator = { app: { operatorToken: 'the-operator-of-this-test' } }
const WORKER = { number: 7, generation: 2, pid: process.pid }
const PAGES = [
  '/performance/metrics',
  '/performance/cache/stats',
  '/api/cache/stats',
  '/performance/optimization/recommendations',
]

await t.test('one worker without a fleet tells what it has counted itself', async t => {
  const { app, dependencies } = await testApp(t, database.url, operator)
  const page = async <Page>(url: string | undefined) =>
    (await app.inject({ url: url ?? '', headers: OPERATOR })).json<Page>()

  await t.test('the metrics are what was counted', async t => {
    for (const url of ['/api/courses', '/api/courses/1', '/api/courses/999999', '/nowhere']) await app.inject({ url })
    const { server, optimizer, architecture, database: figures } = await page<PerformanceMetrics>(PAGES[0])
    t.match(server, { requests: 4, active: 1, errors: 0, abandoned: 0 })
    t.ok(server.avgResponseTimeMs > 0 && server.p50ResponseTimeMs > 0)
    t.ok(server.p99ResponseTimeMs >= server.p50ResponseTimeMs)
    t.ok(server.uptimeS > 0 && server.uptimeS <= process.uptime())
    t.match(optimizer, {
      optimizations: { cacheHits: 0, staleServed: 0, savedStatements: 0, retries: 0 },
      performance: { cacheHitRatio: null, averageUtilisationRatio: null },
      memory: { pressure: null, limitInS: null, nearestLimitRatio: null },
    })
    t.ok(optimizer.memory.rssBytes > optimizer.memory.heapUsedBytes && optimizer.memory.heapUsedBytes > 1e6)
    t.match(architecture, {
      components: {
        workers: [{ ...WORKER, state: 'ready', restarts: 0, crashLoop: false, unreadyReason: null }],
        database: { status: 'up', routes: [{ name: 'main', available: true, usedBy: 1 }] },
        cache: { machine: 'none', far: 'none' },
      },
      scaling: { workers: 1, wanted: 1, min: 1, max: 1, added: 0, restarted: 0 },
      health: { status: 'ok', ready: 1, workers: 1, reasons: [] },
    })
    t.match(figures, {
      connections: { busy: 0, waiting: 0, serverLimit: Number },
      queries: { calls: 3, abandoned: 0, statements: 3 },
      errors: { failedCalls: 0, refused: 0, failedConnects: 0 },
    })
    t.ok((figures.connections.serverUsed ?? 0) >= 1)
    t.ok(figures.performance.calls.averageMs >= figures.performance.statements.averageMs)
  })

  await t.test('reads that shared a statement are told as saved', async t => {
    const before = await page<PerformanceMetrics>(PAGES[0])
    await Promise.all([1, 2, 3, 4].map(id => app.inject({ url: `/api/courses/${id}/lessons` })))
    const after = await page<PerformanceMetrics>(PAGES[0])
    const statements = after.database.queries.statements - before.database.queries.statements
    t.equal(after.database.queries.calls - before.database.queries.calls, 4)
    t.ok(statements < 4, 'four reads by id at once are fewer than four statements')
    t.equal(after.optimizer.optimizations.savedStatements, 4 - statements)
  })

  await t.test('the database is asked for the use of what no constraint and no reference needs', async t => {
    const { sql } = dependencies.database
    await dependencies.database.transaction('test.scan', async tx => {
      await tx`select summary from courses`
      await tx`select pg_stat_force_next_flush()`
    })
    const { since, ageS, replicas, buffers, indexes, tables } = await createPerformanceRepository(
      dependencies.database,
    ).statistics()
    const [migrated] = await sql<{ at: Date }[]>`select max(applied_at) as at from schema_migrations`
    t.ok(since.getTime() >= (migrated?.at.getTime() ?? Number.NaN), 'an index is no older than the last migration')
    t.ok(ageS >= 0 && replicas === 0 && buffers.hits > 0)
    const names = new Set(indexes.map(({ name }) => name))
    for (const free of ['idx_blogs_tags', 'idx_pitches_search']) t.ok(names.has(free), free)
    for (const needed of ['courses_pkey', 'blogs_slug_unique', 'idx_user_tokens_token', 'idx_pitches_founder'])
      t.notOk(names.has(needed), needed)
    t.match(
      indexes.find(({ name }) => name === 'idx_blogs_tags'),
      { table: 'blogs', scans: Number, bytes: Number, rows: Number },
    )
    const courses = tables.find(({ name }) => name === 'courses')
    t.match(courses, { rows: Number, sequentialScans: Number, sequentialRows: Number, indexScans: Number })
    t.ok((courses?.sequentialScans ?? 0) >= 1 && (courses?.sequentialRows ?? 0) >= 40)
  })

  await t.test('nobody but operators sees the pages, or clears the cache, and nobody stores them', async t => {
    for (const url of PAGES) {
      t.match((await app.inject({ url })).json(), { status: 401, code: 'API_ERR_ACCESS_TOKEN' }, url)
      const shown = await app.inject({ url, headers: OPERATOR })
      t.equal(shown.statusCode, 200, url)
      t.equal(shown.headers['cache-control'], 'no-store')
      t.match(shown.json(), { scope: 'worker', worker: WORKER, at: /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/ })
      t.equal((await app.inject({ url: `${url}?x=1`, headers: OPERATOR })).statusCode, 400)
    }
    const clear = { method: 'POST', url: '/performance/cache/clear', payload: { all: true } } as const
    t.equal((await app.inject(clear)).statusCode, 401)
    t.equal((await app.inject({ ...clear, headers: OPERATOR })).statusCode, 200)
  })

  await t.test('what is well gets no recommendation about it; the age of the statistics is told', async t => {
    const advice = await page<Recommendations>(PAGES[3])
    // The server may be short of connections while other tests run.
    t.same(
      advice.items.map(({ id }) => id).filter(id => id !== 'connection-budget'),
      [],
    )
    t.equal(advice.statisticsMissing, null)
    const sinceMs = Date.parse(advice.statisticsSince ?? '')
    t.ok(sinceMs > 0 && sinceMs <= Date.now(), 'since the last migration at the earliest')
  })
})

await t.test('without its database the pages are there, and say so', async t => {
  const { app } = await testApp(t, NO_DATABASE, { ...operator, probe: { downAfter: 1 } })
  const metrics = (await app.inject({ url: PAGES[0] ?? '', headers: OPERATOR })).json<PerformanceMetrics>()
  t.match(metrics, {
    architecture: { components: { database: { status: 'down' } }, health: { status: 'down', ready: 0 } },
    database: { connections: { serverUsed: null, serverLimit: null } },
  })
  const advice = (await app.inject({ url: PAGES[3] ?? '', headers: OPERATOR })).json<Recommendations>()
  t.match(advice, { statisticsSince: null, statisticsMissing: 'API_ERR_DATABASE_UNAVAILABLE' })
  t.match(advice.items.slice(0, 2), [
    { id: 'workers-not-ready', severity: 'critical' },
    { id: 'database-down', severity: 'critical' },
  ])
})

await t.test('the cache tells what it did, and forgets what it is told to', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'api-performance-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const cache = { ...NO_CACHE, machine: true, folder }
  const { app, dependencies, logged } = await testApp(t, database.url, { ...operator, cache })

  await t.test('each namespace by its tiers, under both addresses', async t => {
    for (const id of [1, 1, 1, 2]) await app.inject({ url: `/api/courses/${id}` })
    const [stats, same] = await Promise.all(
      PAGES.slice(1, 3).map(async url => (await app.inject({ url, headers: OPERATOR })).json<CacheStats>()),
    )
    t.same({ ...stats, at: '' }, { ...same, at: '' })
    t.match(
      stats?.namespaces.find(({ name }) => name === 'courses'),
      {
        hits: { memory: 2, machine: 0, far: 0 },
        misses: 2,
        hitRatio: 0.5,
        staleServed: 0,
        loads: { ok: 2, failed: 0, timedOut: 0 },
        entries: 2,
        bytes: Number,
      },
    )
    t.match(
      stats?.namespaces.find(({ name }) => name === 'courses.lessons'),
      { hitRatio: null, entries: 0 },
    )
    t.match(stats, {
      hitRatio: 0.5,
      tiers: { memory: { entries: 2 }, machine: { state: 'on', entries: Number }, far: { state: 'none' } },
      workersOutOfTouch: 0,
    })
    const names = stats?.namespaces.map(({ name }) => name) ?? []
    t.same(names, names.toSorted())
  })

  const clear = async (payload: object) => {
    const response = await app.inject({ method: 'POST', url: '/performance/cache/clear', payload, headers: OPERATOR })
    return {
      status: response.statusCode,
      retryAfter: response.headers['retry-after'],
      body: response.json<Record<string, unknown>>(),
    }
  }

  await t.test('a namespace, what carries a tag, or all, and each is in the log', async t => {
    const before = dependencies.cache.stats().namespaces['courses']?.loads ?? Number.NaN
    const loadsAfter = async (payload: object) => {
      t.equal((await clear(payload)).status, 200)
      await app.inject({ url: '/api/courses/1' })
      return (dependencies.cache.stats().namespaces['courses']?.loads ?? Number.NaN) - before
    }
    t.equal(await loadsAfter({ namespace: 'courses' }), 1)
    t.equal(await loadsAfter({ tags: ['course:1'] }), 2)
    t.equal(await loadsAfter({ tags: ['course:2'] }), 2, 'what does not carry the tag stays')
    t.equal(await loadsAfter({ namespace: 'courses.lessons' }), 2)
    t.equal(await loadsAfter({ all: true }), 3)
    t.match((await clear({ namespace: 'courses' })).body, {
      cleared: 'namespace',
      namespace: 'courses',
      tags: [],
      freedBytes: Number,
      onThisMachineWithinMs: 1000,
    })
    t.match((await clear({ tags: ['x'] })).body, { cleared: 'tags', namespace: null, tags: ['x'], freedBytes: null })
    t.equal(logged.filter(({ msg }) => msg === 'An operator has cleared the cache').length, 7)
  })

  await t.test('anything but one of the three is refused', async t => {
    t.match(await clear({ namespace: '__proto__' }), { status: 404, body: { code: 'API_ERR_CACHE_NAMESPACE' } })
    for (const wrong of [
      {},
      { all: false },
      { all: true, namespace: 'courses' },
      { tags: [] },
      { tags: ['a', 'a'] },
      { tags: 'course:1' },
      { namespace: '' },
      { everything: true },
    ])
      t.match(await clear(wrong), { status: 400, body: { code: 'API_ERR_VALIDATION' } }, JSON.stringify(wrong))
  })

  await t.test('where others can not be told it is 503, without what is in the way', async t => {
    t.intercept(dependencies.cache, 'clear', {
      value: () => Promise.reject(new CacheError('CACHE_ERR_NOT_SPREAD', '/dev/shm/secret is full')),
    })
    const refused = await clear({ all: true })
    t.match(refused, { status: 503, retryAfter: '1', body: { code: 'API_ERR_CACHE_NOT_CLEARED' } })
    t.notMatch(JSON.stringify(refused.body), /secret/)
  })
})

await t.test(
  'a supervisor that does not answer makes it 503, and no figures of one worker in place of all',
  async t => {
    const registry = { getMetricsAsJSON: () => Promise.resolve([]) }
    const clock = { now: () => 5 }
    const silent = () => Promise.reject(new SupervisorError('SUPERVISOR_ERR_FLEET_FIGURES', 'no answer'))
    await t.rejects(lookAround({ source: { fleet: silent }, registry, clock }), {
      code: 'API_ERR_FLEET_SILENT',
      status: 503,
      retryAfterS: 1,
    })
    const alone = { scope: 'worker', atMs: 5, fleet: null }
    t.match(await lookAround({ source: { fleet: () => Promise.resolve(null) }, registry, clock }), alone)
    t.match(await lookAround({ source: {}, registry, clock }), alone)
  },
)

await t.test('with monitoring switched off there is none of it', async t => {
  const { app } = await testApp(t, NO_DATABASE, { ...operator, features: { monitoring: false } })
  for (const url of PAGES) t.equal((await app.inject({ url, headers: OPERATOR })).statusCode, 404)
})
