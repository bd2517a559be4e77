// A worker as the cluster runs it: on a Unix socket, with the balancer's fields believed there and nowhere else.
import t from 'tap'
import { request, type IncomingHttpHeaders } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLogger } from '@plimsoll/telemetry'
import { rawClient, until, type TestScope } from '@plimsoll/testing'
import { systemClock } from '../../src/programs.ts'
import { ALL_FEATURES } from '../../src/config/feature-options.ts'
import { DEFAULT_LIMITS } from '../../src/limits/kinds.ts'
import { NO_CACHE, NO_SUPERVISION, TEST_AUTH } from '../fixture/test-app.ts'
import { startWorker, type Listen, type Worker, type WorkerOptions } from '../../src/worker/worker.ts'
import { demoDatabase } from '../fixture/demo-database.ts'

const database = await demoDatabase(t)

interface Started {
  readonly worker: Worker
  readonly logged: Record<string, unknown>[]
}

async function start(t: TestScope, listen: Listen, app: Partial<WorkerOptions['app']> = {}): Promise<Started> {
  const logged: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'info',
    name: 'test',
    destination: { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  })
  const worker = await startWorker(
    {
      listen,
      dependencies: {
        version: '1.2.3',
        identity: { worker: 0, generation: 1, pid: process.pid },
        features: { ...ALL_FEATURES, caching: false },
        database: {
          url: database.url,
          applicationName: 'worker-test',
          minConnections: 1,
          maxConnections: 2,
          connectTimeoutS: 5,
          commandTimeoutS: 5,
          acquireTimeoutMs: 5000,
          slowQueryMs: 1000,
        },
        probe: { intervalMs: 60_000, downAfter: 3, timeoutMs: 3000 },
        auth: TEST_AUTH,
        limits: DEFAULT_LIMITS,
        cache: NO_CACHE,
        warmUp: { file: undefined, critical: [] },
        memory: undefined,
        loadReport: true,
      },
      app: {
        version: '1.2.3',
        environment: 'production',
        trustedProxies: [],
        corsOrigins: [],
        requestIdPrefix: 'worker-test',
        handlerTimeoutMs: 5000,
        maxBodyBytes: 1024,
        operatorToken: undefined,
        metricsRoute: false,
        ...app,
      },
      drain: { acceptMs: 1000, closeMs: 5000 },
    },
    { logger, clock: systemClock, random: { next: () => 0.5 }, supervision: NO_SUPERVISION },
  )
  let drained = false
  t.teardown(() => drained || worker.drain())
  return { worker: { ...worker, drain: () => ((drained = true), worker.drain()) }, logged }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

function get(
  target: { socketPath: string } | { port: number },
  url: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ ...target, path: url, headers, agent: false }, response => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    })
      .on('error', reject)
      .end()
  })
}

/** Socket addresses hold about a hundred bytes: too few for a folder named after a test. */
async function freshSocketPath(t: TestScope): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'api-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return path.join(folder, 'w.sock')
}

const portOf = (worker: Worker) => Number(new URL(worker.address).port)
const FORWARDED = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
  'x-request-id': 'from-the-balancer',
}

await t.test('on a Unix socket the balancer says who the client is, and under which id the request runs', async t => {
  const socketPath = await freshSocketPath(t)
  const { worker, logged } = await start(t, { path: socketPath })
  t.equal(worker.address, `unix:${socketPath}`)
  const { headers } = await get({ socketPath }, '/api/courses', FORWARDED)
  t.match(headers, { 'x-request-id': 'from-the-balancer', 'strict-transport-security': /max-age/ })
  const line = await until(() => logged.find(({ msg }) => msg === 'request'), { what: 'the log line' })
  t.match(line, { ip: '203.0.113.9', requestId: 'from-the-balancer' })
})

await t.test(
  'on a Unix socket three clients have three counts, and none gets a fourth by adding addresses',
  async t => {
    const socketPath = await freshSocketPath(t)
    await start(t, { path: socketPath })
    const ask = async (forwarded: string) =>
      (await get({ socketPath }, '/health/detailed', { 'x-forwarded-for': forwarded })).status
    const statuses = new Map<string, number[]>()
    for (let count = 0; count < 31; count += 1) {
      for (const client of ['203.0.113.1', '203.0.113.2']) {
        // The balancer appends the address that it sees; what stands before came from the client.
        statuses.set(client, [...(statuses.get(client) ?? []), await ask(`198.51.100.${count}, ${client}`)])
      }
    }
    for (const [client, seen] of statuses) t.same(seen, [...Array.from({ length: 30 }, () => 200), 429], client)
    t.equal(await ask('203.0.113.3'), 200)
    t.equal((await get({ socketPath }, '/health/detailed')).status, 200, 'without a forwarded address')
  },
)

await t.test('over TCP the same fields change nothing', async t => {
  const { worker, logged } = await start(t, { host: '127.0.0.1', port: 0 })
  const port = portOf(worker)
  const { headers } = await get({ port }, '/api/courses', FORWARDED)
  t.match(headers['x-request-id'], /^worker-test-/)
  t.equal(headers['strict-transport-security'], undefined)
  t.match(await until(() => logged.find(({ msg }) => msg === 'request'), { what: 'the log line' }), { ip: '127.0.0.1' })
})

await t.test('over TCP a listed address is believed', async t => {
  const { worker, logged } = await start(t, { host: '127.0.0.1', port: 0 }, { trustedProxies: ['127.0.0.0/8'] })
  const { headers } = await get({ port: portOf(worker) }, '/api/courses', FORWARDED)
  t.match(headers, { 'x-request-id': 'from-the-balancer', 'strict-transport-security': /max-age/ })
  t.match(await until(() => logged.find(({ msg }) => msg === 'request'), { what: 'the log line' }), {
    ip: '203.0.113.9',
  })
})

await t.test('idle connections are kept for longer than the balancer keeps them', async t => {
  const { worker } = await start(t, { host: '127.0.0.1', port: 0 })
  const client = await rawClient(t, { port: portOf(worker) })
  await client.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
  t.match((await client.readResponse()).raw.toString(), /keep-alive: timeout=72\r\n/i)
})

await t.test('a drain answers everything, over old connections and new, says close, and loses nothing', async t => {
  const socketPath = await freshSocketPath(t)
  const { worker } = await start(t, { path: socketPath })
  const kept = await rawClient(t, { path: socketPath })
  await kept.write('GET /api/courses/1 HTTP/1.1\r\nhost: x\r\n\r\n')
  t.equal((await kept.readResponse()).status, 200)
  const drained = worker.drain()
  const newcomer = await get({ socketPath }, '/health/ready')
  t.match(newcomer, { status: 503, headers: { connection: 'close' } })
  t.match(await get({ socketPath }, '/api/courses'), { status: 200, headers: { connection: 'close' } })
  await kept.write('GET /api/courses/1 HTTP/1.1\r\nhost: x\r\n\r\n')
  const last = await kept.readResponse()
  t.equal(last.status, 200)
  t.match(last.raw.toString(), /connection: close/i)
  t.equal(await kept.expectClosed(), 'ended')
  await drained
  await t.rejects(get({ socketPath }, '/health/live'), { code: /ENOENT|ECONNREFUSED/ })
})

await t.test('an address that is taken is an error, and nothing is left open', async t => {
  const { worker } = await start(t, { host: '127.0.0.1', port: 0 })
  await t.rejects(start(t, { host: '127.0.0.1', port: portOf(worker) }), { code: 'EADDRINUSE' })
})
