import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createCache } from '@plimsoll/cache'
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { createLogger } from '@plimsoll/telemetry'
import { until } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, NO_DATABASE, testApp } from '../fixture/test-app.ts'
import { ALL_FEATURES } from '../../src/config/feature-options.ts'
import { WarmUp } from '../../src/cache/warm-up.ts'
import type { DetailedHealth, Health } from '../../src/resources/health/schema.ts'

const database = await demoDatabase(t)

await t.test('health shows the database as the probe saw it, without asking it', async t => {
  const { app, dependencies } = await testApp(t, database.url)
  const before = dependencies.registry.getSingleMetric('db_queries_total')
  const response = await app.inject({ url: '/health' })
  const body = response.json<Health>()
  t.equal(response.statusCode, 200)
  t.match(body, {
    status: 'ok',
    version: '1.2.3',
    worker: { number: 7, generation: 2, pid: process.pid },
    database: { status: 'up', failure: null, successRatio: 1 },
    requests: { total: 0, active: 1, errors: 0 },
  })
  t.ok((body.database.latencyMs ?? 0) > 0)
  t.ok((body.database.connections?.used ?? 0) >= 1)
  t.same((await before?.get())?.values, [], 'no query ran on the pool')
  t.equal(response.headers['cache-control'], 'no-store')
})

await t.test('live and ready say so in few words', async t => {
  const { app } = await testApp(t, database.url)
  const live = await app.inject({ url: '/health/live' })
  t.same([live.statusCode, live.json()], [200, { status: 'ok' }])
  const ready = await app.inject({ url: '/health/ready' })
  t.same(
    [ready.statusCode, ready.json()],
    [200, { status: 'ready', database: { route: 'main', saturation: 0, waiting: 0 } }],
  )
})

await t.test('a draining worker is not ready, still alive, and asks to leave its connections', async t => {
  const { app, draining } = await testApp(t, database.url)
  await app.ready()
  draining.begin()
  const ready = await app.inject({ url: '/health/ready' })
  t.match([ready.statusCode, ready.json()], [503, { status: 'draining' }])
  t.equal((await app.inject({ url: '/health' })).statusCode, 503)
  t.equal((await app.inject({ url: '/health/live' })).statusCode, 200)
  const course = await app.inject({ url: '/api/courses/1' })
  t.equal(course.statusCode, 200, 'requests are answered as before')
  t.equal(course.headers.connection, 'close')
})

await t.test('without its database a worker is degraded at first, then down and not ready', async t => {
  // One failed probe has been made when the app is there; two more are to come, a second apart.
  const { app } = await testApp(t, NO_DATABASE, { probe: { downAfter: 1 } })
  const health = await app.inject({ url: '/health' })
  t.equal(health.statusCode, 503)
  t.match(health.json(), {
    status: 'down',
    database: { status: 'down', failure: 'ECONNREFUSED', latencyMs: null, successRatio: 0 },
  })
  t.notMatch(health.body, /secret-password|127\.0\.0\.1/, 'nothing about where the database is')
  const ready = await app.inject({ url: '/health/ready' })
  t.match([ready.statusCode, ready.json()], [503, { status: 'database-down', database: { route: 'main' } }])
  t.equal((await app.inject({ url: '/health/live' })).statusCode, 200)

  const { app: failing } = await testApp(t, NO_DATABASE, { probe: { downAfter: 3 } })
  t.match((await failing.inject({ url: '/health' })).json(), { status: 'degraded', database: { status: 'failing' } })
  t.equal((await failing.inject({ url: '/health/ready' })).statusCode, 200)
})

await t.test('the detailed page has the figures of the system and of its components', async t => {
  const { app } = await testApp(t, database.url)
  await app.inject({ url: '/api/courses' })
  const body = (await app.inject({ url: '/health/detailed' })).json<DetailedHealth>()
  const { memory, cpu, eventLoop, requests } = body.system
  t.ok(memory.heapUsedBytes > 1e6 && memory.heapUsedBytes <= memory.heapLimitBytes)
  t.ok(memory.rssBytes > memory.heapUsedBytes)
  t.ok(cpu.cores >= 1 && cpu.userS > 0)
  t.ok(eventLoop.utilisationRatio >= 0 && eventLoop.utilisationRatio <= 1)
  t.match(requests, { total: 1, active: 1, errors: 0 })
  t.match(body.components, { database: { status: 'up' }, queries: { active: 0, total: 1, failed: 0 } })
  t.match(body.system.errors, { requests: 0, requestRatio: 0, queries: 0, queryRatio: 0, cacheLoads: 0 })
  t.match(body.components, {
    cache: { state: 'off', hitRatio: null, entries: 0, machine: { state: 'none' }, far: { state: 'none' } },
    integrations: { redis: { state: 'none' } },
    services: {
      databaseProbe: { state: 'running', checkedAt: /Z$/ },
      warmUp: { state: 'none' },
      memoryWatcher: { state: 'none', pressure: null, leak: null },
      loadReports: { state: 'running' },
    },
  })
  t.same(body.features, { ...ALL_FEATURES, caching: false })
  t.match(body.components.routes, [
    {
      name: 'main',
      used: true,
      state: 'available',
      reason: null,
      circuit: 'closed',
      pool: { busy: 0, waiting: 0, saturation: 0, refused: 0 },
      probes: { ok: 0, failed: 0, successRatio: null, latencyMs: null, failure: null },
    },
  ])
})

await t.test('the detailed page shows cache, integrations and background services as they are', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'api-health-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { app, dependencies } = await testApp(t, database.url, {
    // Nobody listens there.
    cache: { ...NO_CACHE, machine: true, folder, redis: { host: '127.0.0.1', port: 1, password: 'secret-password' } },
    memory: { recycle: false, shareBytes: undefined, workers: 1, collectWhenIdle: false, profileFolder: undefined },
  })
  const page = async () => {
    const response = await app.inject({ url: '/health/detailed' })
    t.equal(response.statusCode, 200)
    t.notMatch(response.body, /secret-password|127\.0\.0\.1|ECONNREFUSED/)
    return response.json<DetailedHealth>()
  }
  t.equal((await page()).components.services.warmUp.state, 'waiting')
  await dependencies.warmUp?.run()
  for (const id of [1, 1]) await app.inject({ url: `/api/courses/${id}` })
  const rss = async (): Promise<number | undefined> =>
    (await dependencies.registry.getSingleMetric('memory_rss_bytes')?.get())?.values[0]?.value
  const sampledBefore = await rss()
  const { system, components } = await page()
  const sampledAfter = await rss()
  t.ok([sampledBefore, sampledAfter].includes(system.memory.rssBytes), 'the sample that the metrics show')
  t.match(components, {
    cache: { state: 'degraded', hitRatio: 0.5, entries: 1, machine: { state: 'on', entries: Number } },
    services: {
      warmUp: { state: 'done' },
      memoryWatcher: { state: 'running', pressure: /normal|warning|critical|emergency/, leak: 'gathering' },
    },
  })
  t.match(components.integrations.redis.state, /^(degraded|off)$/)
  t.equal(components.cache.far.state, components.integrations.redis.state)
})

await t.test('a warm-up that is stopped says so, before or while it runs', async t => {
  const cache = createCache()
  t.teardown(() => cache.close())
  const loading = Promise.withResolvers<void>()
  const loaded = Promise.withResolvers<string>()
  cache.namespace<string>('slow', {
    load: () => {
      loading.resolve()
      return loaded.promise
    },
  })
  const logger = createLogger({ level: 'fatal', name: 'test' })
  const warmUp = new WarmUp(cache, { file: undefined, critical: ['slow key'] }, logger)
  t.equal(warmUp.state, 'waiting')
  const running = warmUp.run()
  await loading.promise
  t.equal(warmUp.state, 'running')
  warmUp.stop()
  t.equal(warmUp.state, 'stopped')
  loaded.resolve('value')
  await running
  t.equal(warmUp.state, 'stopped')
  const never = new WarmUp(cache, { file: undefined, critical: [] }, logger)
  never.stop()
  await never.run()
  t.equal(never.state, 'stopped')
})

await t.test('a worker whose pool is full stays ready, says so, and does not wait for the pool', async t => {
  const { app, dependencies } = await testApp(t, database.url, { database: { maxConnections: 1 } })
  const held = Promise.withResolvers<void>()
  const holding = Promise.withResolvers<void>()
  const transaction = dependencies.database.transaction('test.hold', async tx => {
    await tx`select 1`
    holding.resolve()
    await held.promise
  })
  await holding.promise
  const waiting = app.inject({ url: '/api/courses' })
  await until(() => dependencies.database.statistics().pool.waiting === 1, { what: 'a request to wait' })
  const ready = await app.inject({ url: '/health/ready' })
  t.same(
    [ready.statusCode, ready.json()],
    [200, { status: 'ready', database: { route: 'main', saturation: 1, waiting: 1 } }],
  )
  const body = (await app.inject({ url: '/health/detailed' })).json<DetailedHealth>()
  t.match(body.components.routes, [{ pool: { open: 1, idle: 0, busy: 1, waiting: 1, saturation: 1 } }])
  held.resolve()
  await transaction
  t.equal((await waiting).statusCode, 200)
})

await t.test('with the pooler away a worker is ready on the direct route, and degraded', async t => {
  const { app } = await testApp(t, NO_DATABASE, { database: { directUrl: database.url, minConnections: 1 } })
  t.equal((await app.inject({ url: '/api/courses/1' })).statusCode, 200)
  const ready = await app.inject({ url: '/health/ready' })
  t.match([ready.statusCode, ready.json()], [200, { status: 'ready', database: { route: 'direct' } }])
  const detailed = await app.inject({ url: '/health/detailed' })
  t.match([detailed.statusCode, detailed.json()], [200, { status: 'degraded' }])
  t.match(detailed.json<DetailedHealth>().components.routes, [
    { name: 'pooled', used: false, state: 'away', reason: 'unreachable' },
    { name: 'direct', used: true, state: 'available', reason: null },
  ])
  t.notMatch(detailed.body, /secret-password|127\.0\.0\.1/)
})

await t.test('the database test runs a query now, and says 503 when it can not', async t => {
  const { app } = await testApp(t, database.url)
  const test = await app.inject({ url: '/api/db-test' })
  t.equal(test.statusCode, 200)
  t.match(test.json(), {
    status: 'ok',
    latencyMs: Number,
    schemaVersion: (await readMigrations(MIGRATIONS_FOLDER)).length,
  })

  const { app: without } = await testApp(t, NO_DATABASE)
  const failed = await without.inject({ url: '/api/db-test' })
  t.equal(failed.statusCode, 503)
  t.equal(failed.headers['retry-after'], '1')
  t.match(failed.json(), { code: 'API_ERR_DATABASE_UNAVAILABLE' })
  t.notMatch(failed.body, /ECONNREFUSED|127\.0\.0\.1|secret-password/)
})
