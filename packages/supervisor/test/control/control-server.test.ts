// The control server over real HTTP: with a scripted supervisor where only HTTP matters, and once with a real fleet.
import { request, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import {
  createControlServer,
  OthersNotReadyError,
  ReplaceFailedError,
  systemClock,
  UnknownWorkerError,
  type ControlServerOptions,
  type Supervisor,
  type WorkerStatus,
} from '@plimsoll/supervisor'
import { MemoryLog, startFleet } from '../fixture/fleet.ts'

const TOKEN = 'a-token-for-the-tests'
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` }

const ready: WorkerStatus = {
  worker: 0,
  generation: 1,
  pid: 1,
  state: 'ready',
  onProbation: false,
  retiring: false,
  unreadyReason: null,
  utilization: null,
  reportAgeMs: null,
  recycleRequested: null,
  socketPath: '/run/x/0-1.sock',
  startedAtMs: 0,
  uptimeMs: 0,
  restarts: 0,
  crashLoop: false,
  recentCrashes: 0,
  lastExit: null,
}
const looping: WorkerStatus = {
  ...ready,
  worker: 1,
  generation: 7,
  pid: null,
  state: 'backing-off',
  crashLoop: true,
  recentCrashes: 5,
  lastExit: { code: null, signal: 'SIGSEGV', atMs: 0, reason: 'crashed' },
  nextStartAtMs: 0,
}

class ScriptedSupervisor implements Pick<Supervisor, 'metrics' | 'workers' | 'replace'> {
  statuses: WorkerStatus[] = [ready]
  readonly replaced: (number | undefined)[] = []
  outcome: () => Promise<void> = () => Promise.resolve()
  metrics(): Promise<string> {
    return Promise.resolve('# HELP x X.\n')
  }
  workers(): WorkerStatus[] {
    return this.statuses
  }
  replace(worker?: number): Promise<void> {
    this.replaced.push(worker)
    return this.outcome()
  }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

type Ask = (method: string, path: string, headers?: Record<string, string>) => Promise<Answer>

async function startServer(
  t: Test,
  options: Partial<ControlServerOptions> = {},
): Promise<{ ask: Ask; port: number; log: MemoryLog }> {
  const log = new MemoryLog()
  const server = createControlServer({
    supervisor: new ScriptedSupervisor(),
    logger: log,
    token: TOKEN,
    listen: { host: '127.0.0.1', port: 0 },
    ...options,
  })
  const { port } = await server.listen()
  t.teardown(() => server.close())
  const ask: Ask = (method, path, headers = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const message = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
      })
    })
    message.on('error', reject)
    message.end()
    return promise
  }
  return { ask, port, log }
}

const problem = ({ status, headers, text }: Answer): unknown => ({
  status,
  type: headers['content-type'],
  body: JSON.parse(text) as unknown,
})
const problemOf = (status: number, code: string): object => ({
  status,
  type: 'application/problem+json',
  body: { status, code, type: String, title: String, detail: String },
})

await t.test('serves metrics, workers and health to anybody who can reach it', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask } = await startServer(t, { supervisor })
  t.match(await ask('GET', '/metrics?x=1'), {
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
    text: '# HELP x X.\n',
  })
  const workers = await ask('GET', '/workers')
  t.match(workers, { status: 200, headers: { 'content-type': 'application/json' } })
  t.same(JSON.parse(workers.text), { workers: [ready] })
  t.match(await ask('HEAD', '/metrics'), { status: 200, headers: { 'content-length': '12' }, text: '' })
})

await t.test('health is ok, degraded or down, with a reason for each worker that is not well', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask } = await startServer(t, { supervisor })
  const health = async (statuses: WorkerStatus[]): Promise<unknown> => {
    supervisor.statuses = statuses
    const { status, text } = await ask('GET', '/health')
    return { code: status, ...(JSON.parse(text) as object) }
  }
  t.same(await health([ready]), { code: 200, status: 'ok', ready: 1, workers: 1, reasons: [] })
  const reason =
    'worker 1 is backing-off, in a crash loop (5 crashes), next start in 0.0 s, last exit: SIGSEGV, crashed'
  t.same(await health([ready, looping]), { code: 200, status: 'degraded', ready: 1, workers: 2, reasons: [reason] })
  t.same(await health([looping]), { code: 503, status: 'down', ready: 0, workers: 1, reasons: [reason] })
  t.same(await health([]), { code: 503, status: 'down', ready: 0, workers: 0, reasons: [] })
  const draining = [
    { ...ready, state: 'draining' as const },
    { ...ready, generation: 2 },
  ]
  t.same(
    await health(draining),
    { code: 200, status: 'ok', ready: 1, workers: 1, reasons: [] },
    'one worker, two processes',
  )
  t.same(
    await health([ready, { ...ready, worker: 1, state: 'draining', retiring: true }]),
    { code: 200, status: 'ok', ready: 1, workers: 1, reasons: [] },
    'one that is taken away is not missing',
  )
  const unready = { ...ready, worker: 1, state: 'unready' as const, unreadyReason: 'the database is away' }
  t.match(await health([ready, unready]), {
    code: 200,
    status: 'degraded',
    ready: 1,
    workers: 2,
    reasons: ['worker 1 is unready, it says: the database is away'],
  })
  const recycleRequested = { reason: 'leak' as const, detail: '3 MiB/min', sinceMs: systemClock.now() + 60_000 }
  t.match(
    await health([{ ...ready, recycleRequested }]),
    { status: 'ok', reasons: ['worker 0 has waited to be recycled for 0.0 s: leak (3 MiB/min)'] },
    'a worker that asks to be recycled still serves',
  )
})

await t.test('replaces one worker or all, for whoever has the token', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask } = await startServer(t, { supervisor })
  t.match(await ask('POST', '/workers/replace', AUTHORIZED), { status: 200 })
  t.match(await ask('POST', '/workers/3/replace', AUTHORIZED), { status: 200 })
  t.same(supervisor.replaced, [undefined, 3])

  for (const headers of [{}, { authorization: 'Bearer wrong-token-of-somebody' }, { authorization: TOKEN }]) {
    const refused = await ask('POST', '/workers/replace', headers)
    t.match(problem(refused), problemOf(401, 'SUPERVISOR_ERR_UNAUTHORIZED'))
    t.equal(refused.headers['www-authenticate'], 'Bearer realm="supervisor"')
  }
  t.equal(supervisor.replaced.length, 2)
})

await t.test('a POST for another host is refused, even with the token', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask, port } = await startServer(t, { supervisor, allowedHosts: ['fleet.internal'] })
  const refused = await ask('POST', '/workers/replace', { ...AUTHORIZED, host: 'evil.example' })
  t.match(problem(refused), problemOf(421, 'SUPERVISOR_ERR_HOST'))
  t.same(supervisor.replaced, [])
  for (const host of [`localhost:${port}`, 'fleet.internal']) {
    t.match(await ask('POST', '/workers/replace', { ...AUTHORIZED, host }), { status: 200 })
  }
  t.match(
    await ask('GET', '/metrics', { host: 'supervisor:9902' }),
    { status: 200 },
    'a scrape by another name is fine',
  )
})

await t.test('a replacement that fails says why', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask } = await startServer(t, { supervisor })
  supervisor.outcome = () => Promise.reject(new ReplaceFailedError(0, 2, 'start', 'exit code 3', true, 'on fire\n'))
  const failed = await ask('POST', '/workers/0/replace', AUTHORIZED)
  t.match(problem(failed), problemOf(500, 'SUPERVISOR_ERR_REPLACE_FAILED'))
  t.match(failed.text, /on fire/)
  supervisor.outcome = () => Promise.reject(new UnknownWorkerError(9, 2))
  t.match(problem(await ask('POST', '/workers/9/replace', AUTHORIZED)), problemOf(404, 'SUPERVISOR_ERR_UNKNOWN_WORKER'))
  supervisor.outcome = () => Promise.reject(new OthersNotReadyError(0, [1], 30_000))
  t.match(
    problem(await ask('POST', '/workers/0/replace', AUTHORIZED)),
    problemOf(409, 'SUPERVISOR_ERR_OTHERS_NOT_READY'),
  )
  t.match(problem(await ask('POST', '/workers/x/replace', AUTHORIZED)), problemOf(404, 'SUPERVISOR_ERR_UNKNOWN_WORKER'))
})

await t.test('who prefers not to wait gets 202 at once, and a failure goes to the log', async t => {
  const supervisor = new ScriptedSupervisor()
  const { ask, log } = await startServer(t, { supervisor })
  const outcome = Promise.withResolvers<void>()
  supervisor.outcome = () => outcome.promise
  const answer = await ask('POST', '/workers/replace', { ...AUTHORIZED, prefer: 'respond-async' })
  t.match(answer, { status: 202, headers: { 'preference-applied': 'respond-async' } })
  outcome.reject(new Error('did not start'))
  await new Promise(resolve => setImmediate(resolve))
  t.match(log.lines, [{ level: 'error', fields: { error: 'did not start' } }])
})

await t.test('what is not there is 404, what is not allowed 405 with what is', async t => {
  const { ask } = await startServer(t)
  for (const path of [
    '/',
    '/worker',
    '/workers/',
    '/workers//replace',
    '/workers/1/replace/now',
    '/%2e%2e/metrics',
    '//metrics',
  ]) {
    t.match(problem(await ask('GET', path)), problemOf(404, 'SUPERVISOR_ERR_NOT_FOUND'), path)
  }
  const posted = await ask('POST', '/metrics', AUTHORIZED)
  t.match(problem(posted), problemOf(405, 'SUPERVISOR_ERR_METHOD'))
  t.equal(posted.headers.allow, 'GET, HEAD')
  const got = await ask('GET', '/workers/replace')
  t.match(problem(got), problemOf(405, 'SUPERVISOR_ERR_METHOD'))
  t.equal(got.headers.allow, 'POST')
  t.match(await ask('OPTIONS', '/health'), { status: 405 })
})

await t.test('more routes can be added; one that throws is answered with 500 and logged', async t => {
  const { ask, log } = await startServer(t, {
    routes: [
      {
        method: 'GET',
        path: '/notes/:name',
        handle: ({ parameters }, response) => void response.end(parameters['name']),
      },
      { method: 'GET', path: '/secret', needsToken: true, handle: (_request, response) => void response.end('told') },
      { method: 'GET', path: '/broken', handle: () => Promise.reject(new Error('no such table')) },
    ],
  })
  t.match(await ask('GET', '/notes/one'), { status: 200, text: 'one' })
  t.match(await ask('GET', '/secret'), { status: 401 })
  t.match(await ask('GET', '/secret', AUTHORIZED), { status: 200, text: 'told' })
  const broken = await ask('GET', '/broken')
  t.match(problem(broken), problemOf(500, 'SUPERVISOR_ERR_INTERNAL'))
  t.notMatch(broken.text, /table/)
  t.match(log.lines, [{ fields: { error: 'no such table' } }])
})

await t.test('a port in use is said, with what to do', async t => {
  const { port } = await startServer(t)
  const second = createControlServer({
    supervisor: new ScriptedSupervisor(),
    logger: new MemoryLog(),
    token: TOKEN,
    listen: { host: '127.0.0.1', port },
  })
  await t.rejects(second.listen(), {
    code: 'SUPERVISOR_ERR_CONTROL_LISTEN',
    message: /EADDRINUSE.*choose another port/,
  })
  await second.close()
})

await t.test('a short token is refused', t => {
  const listen = { host: '127.0.0.1', port: 0 }
  const make = (): unknown =>
    createControlServer({ supervisor: new ScriptedSupervisor(), logger: new MemoryLog(), token: 'short', listen })
  t.throws(make, { code: 'SUPERVISOR_ERR_OPTION', message: /5 characters/ })
  t.end()
})

await t.test('closes although a client keeps its connection open', async t => {
  const server = createControlServer({
    supervisor: new ScriptedSupervisor(),
    logger: new MemoryLog(),
    token: TOKEN,
    listen: { host: '127.0.0.1', port: 0 },
  })
  const { port } = await server.listen()
  const idle = connect(port, '127.0.0.1')
  t.teardown(() => idle.destroy())
  const closed = new Promise<void>(resolve => idle.on('close', () => resolve()))
  idle.resume()
  idle.write('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await new Promise(resolve => idle.once('data', resolve))
  await server.close()
  await closed
  t.pass('the server closed it')
})

await t.test('with a real fleet: healthy, replaced, healthy', async t => {
  const { supervisor } = await startFleet(t, { workers: 1 })
  const { ask } = await startServer(t, { supervisor })
  t.match(await ask('GET', '/health'), { status: 200 })
  const replaced = await ask('POST', '/workers/replace', AUTHORIZED)
  t.equal(replaced.status, 200)
  t.match(JSON.parse(replaced.text), { workers: [{ worker: 0, generation: 2, state: 'ready' }] })
  t.match((await ask('GET', '/metrics')).text, /supervisor_worker_restarts_total\{reason="replaced"\} 1/)
  await supervisor.stop()
  t.match(await ask('GET', '/health'), { status: 503 })
  t.match(problem(await ask('POST', '/workers/replace', AUTHORIZED)), problemOf(503, 'SUPERVISOR_ERR_NOT_RUNNING'))
})
