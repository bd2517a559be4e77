// All who tell figures tell the same: the pages of each worker, the supervisor's `/metrics`, and its list of workers. On a real cluster, when traffic has stopped.
//
// Looking is a request too, and one is counted when it has ended, so it isn't in its own answer. What is expected is therefore counted along: every request that was
// answered before. Looks at the supervisor are none of the workers' requests.
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { startCluster } from '../fixture/cluster.ts'
import { demoDatabase } from '../fixture/demo-database.ts'
import type { DetailedHealth } from '../../src/resources/health/schema.ts'
import type { CacheStats } from '../../src/resources/performance/cache-schema.ts'
import type { PerformanceMetrics } from '../../src/resources/performance/metrics-schema.ts'

// A cluster is started: on a busy machine that takes its time.
t.setTimeout(90_000)

const OPERATOR_TOKEN = 'the-operator-of-this-test'
const database = await demoDatabase(t)
const folder = mkdtempSync(path.join(tmpdir(), 'api-agreement-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const cluster = await startCluster(t, {
  DATABASE_URL: database.url,
  API_OPERATOR_TOKEN: OPERATOR_TOKEN,
  // Some of it looks until two samples agree, which may be often.
  API_LIMIT_EXPENSIVE: '10000',
  FEATURE_CACHING: 'true',
  CACHE_FOLDER: folder,
})
const sockets = (await cluster.endpoints())
  .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  .map(({ url }) => url.replace('unix:', ''))

/** What clients have seen so far. */
const seen = { requests: 0, errors: 0 }

async function ask(worker: number, url: string, headers: Record<string, string> = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  request({ socketPath: sockets[worker], path: url, agent: false, headers }, response => {
    let body = ''
    response.setEncoding('utf8').on('data', (text: string) => (body += text))
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
  })
    .on('error', reject)
    .end()
  const { status, body } = await promise
  seen.requests += 1
  if (status >= 500) seen.errors += 1
  return body
}

async function page<Page>(worker: number, url: string): Promise<Page> {
  return JSON.parse(await ask(worker, url, { authorization: `Bearer ${OPERATOR_TOKEN}` })) as Page
}

/** Sum of the series of one metric whose labels match, as the supervisor prints them. */
function sumOf(text: string, name: string, labels = /./): number {
  return text
    .split('\n')
    .filter(line => line.startsWith(`${name} `) || (line.startsWith(`${name}{`) && labels.test(line)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

await t.test('requests, errors, calls and the cache’s counts are equal wherever they are told', async t => {
  for (const id of [1, 1, 2, 999_999]) for (const worker of [0, 1, 1]) await ask(worker, `/api/courses/${id}`)
  for (const url of ['/api/courses?limit=3', '/api/blogs', '/nowhere'])
    for (const worker of [0, 1]) await ask(worker, url)
  // Lists that nobody has asked for, with no time for the answer.
  for (let limit = 1; seen.errors < 2 && limit <= 50; limit++)
    await ask(limit % 2, `/api/courses?limit=${limit}&level=advanced`, { 'x-request-deadline-ms': '0' })
  t.ok(seen.errors >= 2, 'errors are among them')

  const before = await until(
    async () => {
      const text = await cluster.metrics()
      return sumOf(text, 'api_requests_total') === seen.requests && text
    },
    { what: `the supervisor to count ${seen.requests} requests` },
  )
  const { requests, errors } = seen
  const metrics = await page<PerformanceMetrics>(0, '/performance/metrics')
  t.match(metrics, { scope: 'fleet', worker: { number: 0 } })
  t.match(metrics.server, { requests, errors, abandoned: 0, active: 1 })
  t.equal(sumOf(before, 'api_requests_total', /code="5\d\d"/), errors)

  const caches = await page<CacheStats>(1, '/performance/cache/stats')
  const healths = [await page<DetailedHealth>(0, '/health/detailed'), await page<DetailedHealth>(1, '/health/detailed')]
  t.same(
    healths.map(({ worker }) => worker.number),
    [0, 1],
  )
  // The two pages about performance have ended by now; of the two looks at health each is only in the other one's past, of another worker.
  t.equal(sum(healths.map(({ system }) => system.requests.total)), requests + 2)
  t.equal(sum(healths.map(({ system }) => system.errors.requests)), errors)
  const after = await cluster.metrics()
  t.equal(sumOf(after, 'api_requests_total'), requests + 4)
  t.equal(sumOf(after, 'api_requests_total', /code="5\d\d"/), errors)

  const calls = sumOf(after, 'db_queries_total')
  t.ok(calls > 0)
  t.equal(metrics.database.queries.calls, calls)
  t.equal(sum(healths.map(({ components }) => components.queries.total)), calls)
  t.equal(metrics.database.errors.failedCalls, sum(healths.map(({ system }) => system.errors.queries)))

  const hits = sumOf(after, 'cache_hits_total')
  t.ok(hits > 0)
  t.equal(metrics.optimizer.optimizations.cacheHits, hits)
  t.equal(sum(caches.namespaces.flatMap(({ hits: by }) => [by.memory, by.machine, by.far])), hits)
  t.equal(sum(caches.namespaces.map(({ misses }) => misses)), sumOf(after, 'cache_misses_total'))
  t.equal(sum(healths.map(({ components }) => components.cache.entries)), caches.tiers.memory.entries)
  t.match(
    healths.map(({ components }) => [components.cache.state, components.cache.machine.state]),
    [
      ['on', 'on'],
      ['on', 'on'],
    ],
  )
})

await t.test('how many workers there are, which, and since when, is the same', async t => {
  const metrics = await page<PerformanceMetrics>(1, '/performance/metrics')
  const [text, workers] = [await cluster.metrics(), await cluster.workers()]
  const healths = await Promise.all([0, 1].map(worker => page<DetailedHealth>(worker, '/health/detailed')))
  const { components, scaling, health } = metrics.architecture
  const identity = components.workers.map(({ number, generation, pid, state }) => ({ number, generation, pid, state }))
  t.same(
    identity,
    workers.map(({ worker, generation, pid, state }) => ({ number: worker, generation, pid, state })),
  )
  t.same(
    identity.map(({ number, generation, pid }) => ({ number, generation, pid })),
    healths.map(({ worker }) => worker),
  )
  t.same([scaling.workers, scaling.wanted, health.ready], [2, 2, 2])
  t.equal(sumOf(text, 'supervisor_workers', /state="ready"/), 2)

  const atMs = Date.parse(metrics.at)
  const startOfFleetMs = sumOf(text, 'supervisor_process_start_time_seconds') * 1000
  t.ok(Math.abs(atMs - startOfFleetMs - metrics.server.uptimeS * 1000) <= 2, 'but for what rounding leaves')
  for (const [index, { number, uptimeS }] of components.workers.entries()) {
    const { startedAtMs } = workers[index] as unknown as { readonly startedAtMs: number }
    t.ok(Math.abs(atMs - startedAtMs - uptimeS * 1000) <= 2, `worker ${number}`)
    // By its own clock a process begins when Node does, after it was forked; and it was asked after the fleet was looked at.
    t.ok((healths[index]?.uptimeS ?? 0) <= uptimeS + (Date.now() - atMs) / 1000)
    t.ok((healths[index]?.uptimeS ?? 0) > 0)
  }
})

await t.test('memory is that of the same samples', async t => {
  const look = async () => {
    const [first, second] = [
      await page<DetailedHealth>(0, '/health/detailed'),
      await page<DetailedHealth>(1, '/health/detailed'),
    ]
    return [first.system.memory, second.system.memory]
  }
  // A worker takes a sample every second, or every five while it has nothing to do: what lies between two looks that show the same is of one sample.
  const found = await until(
    async () => {
      const before = await look()
      const startMs = Date.now()
      const metrics = await page<PerformanceMetrics>(0, '/performance/metrics')
      const text = await cluster.metrics()
      const isOfOneSample = JSON.stringify(await look()) === JSON.stringify(before)
      return isOfOneSample && Date.parse(metrics.at) >= startMs && { before, metrics, text }
    },
    { what: 'looks between two samples', timeoutMs: 30_000, intervalMs: 250 },
  )
  const rssBytes = sum(found.before.map(memory => memory.rssBytes))
  const heapUsedBytes = sum(found.before.map(memory => memory.heapUsedBytes))
  t.match(found.metrics.optimizer.memory, { rssBytes, heapUsedBytes })
  t.equal(sumOf(found.text, 'memory_rss_bytes'), rssBytes)
  t.equal(sumOf(found.text, 'memory_heap_used_bytes'), heapUsedBytes)
})

await t.test('what one worker clears, the other one forgets within a second', async t => {
  const misses = async () => sumOf(await cluster.metrics(), 'cache_misses_total', /namespace="courses"/)
  await ask(1, '/api/courses/1')
  const before = await misses()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const clear = request(
    {
      socketPath: sockets[0],
      method: 'POST',
      path: '/performance/cache/clear',
      agent: false,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    },
    response => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
  )
  clear.on('error', reject).end(JSON.stringify({ namespace: 'courses' }))
  t.equal(await promise, 200)
  await until(async () => (await ask(1, '/api/courses/1')) !== '' && (await misses()) > before, {
    what: 'the other worker to load again',
  })
  t.pass()
})
