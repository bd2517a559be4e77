// The database goes away and comes back, seen from outside. Between the worker and PostgreSQL stands a relay that the test can cut.
import t from 'tap'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { until, type TestScope } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'
import { KINDS } from '../../src/cache/kinds.ts'
import { CourseParams } from '../../src/resources/courses/schema.ts'
import { NO_CACHE, probeSchema, testApp, type TestAppOptions } from '../fixture/test-app.ts'

const database = await demoDatabase(t)

interface Relay {
  readonly port: number
  /** Refuses new connections and resets the ones there are. */
  cut(): Promise<void>
  /** Takes connections, keeps those there are, and passes nothing on. */
  freeze(): void
  mend(): Promise<void>
}

async function relay(t: TestScope, target: { host: string; port: number }): Promise<Relay> {
  const sockets = new Set<Socket>()
  let server: Server
  let isFrozen = false
  const open = (port: number) =>
    new Promise<void>(resolve => {
      server = createServer(near => {
        const far = connect(target)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on('error', () => {})
          socket.on('close', () => sockets.delete(socket))
        }
        if (!isFrozen) near.pipe(far).pipe(near)
      }).listen(port, '127.0.0.1', resolve)
    })
  const cut = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  await open(0)
  const { port } = server!.address() as AddressInfo
  t.teardown(cut)
  return {
    port,
    cut,
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    async mend() {
      await cut()
      isFrozen = false
      await open(port)
    },
  }
}

function urlThrough(relay: Relay): string {
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String(relay.port)
  return url.href
}

const server = new URL(database.url)
const target = { host: server.hostname, port: Number(server.port) }

/** Whoever waits longer gets API_ERR_DEADLINE, which is what these tests look for. */
const LIMIT_MS = 1000

/** An application on the relay, with an address whose values are past their time in a moment, and kept for as long as courses are. */
async function appOn(t: TestScope, line: Relay, options: TestAppOptions = {}) {
  const made = await testApp(t, urlThrough(line), {
    probe: { intervalMs: 60_000, downAfter: 2, timeoutMs: 500 },
    cache: NO_CACHE,
    ...options,
  })
  const { cache, database } = made.dependencies
  const titles = database.loader<{ id: number; title: string }>({
    name: 'test.titles',
    idOf: row => row.id,
    query: ids => database.sql`select id, title from courses where id = any(${ids}::bigint[])`,
  })
  const brief = cache.namespace<{ id: number; title: string } | null>('test.titles', {
    ...KINDS.courses,
    ttlMs: 1,
    staleWhileRevalidateMs: 0,
    load: ({ key, signal }) => titles(Number(key), signal),
  })
  made.app.register((app, _options, done) => {
    const schema = { ...probeSchema, params: CourseParams }
    app.get<{ Params: { id: number } }>(
      '/titles/:id',
      { schema, config: { access: 'public', caching: 'courses' } },
      request => brief.getOrLoad(String(request.params.id), undefined, request.caller),
    )
    done()
  })
  const get = async (url: string) => {
    const { statusCode, headers, body } = await made.app.inject({ url })
    const { code } = statusCode === 200 ? {} : (JSON.parse(body) as { code?: string })
    return {
      status: statusCode,
      code,
      retryAfter: headers['retry-after'],
      cacheStatus: String(headers['cache-status']),
    }
  }
  return { ...made, get }
}

const AWAY = { status: 503, code: 'API_ERR_DATABASE_UNAVAILABLE', retryAfter: '1' }
const STALE = { status: 200, cacheStatus: /^plimsoll-api; hit; ttl=-\d+; detail=memory$/ }

for (const [how, limitMs] of [
  ['cut', LIMIT_MS],
  ['freeze', 5000],
] as const)
  await t.test(
    `a database that is ${how === 'cut' ? 'gone' : 'silent'}: what is cached goes on, the rest is refused, nobody waits`,
    async t => {
      const line = await relay(t, target)
      const { get, app, logged } = await appOn(t, line, { app: { handlerTimeoutMs: limitMs } })
      t.match(await get('/titles/1'), { status: 200, cacheStatus: 'plimsoll-api; fwd=miss' })
      t.match(await get('/api/courses/1'), { status: 200 })
      await (how === 'cut' ? line.cut() : line.freeze())

      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          get(['/titles/1', '/api/courses/1', `/api/courses/${2 + index}`][index % 3] ?? ''),
        ),
      )
      for (const [index, answer] of answers.entries())
        t.match(answer, [STALE, { status: 200, cacheStatus: /; hit; ttl=\d/ }, AWAY][index % 3] ?? {})
      t.equal(logged.filter(({ msg }) => String(msg).startsWith('The database is away')).length, 1)
      t.match(await get('/titles/1'), STALE)
      t.match(await get('/api/courses/40'), AWAY)
      t.equal((await get('/health/live')).status, 200)
      if (how === 'cut')
        await until(async () => (await get('/health/ready')).status === 503, { what: 'the worker to be unready' })

      await line.mend()
      await until(async () => (await get('/api/courses/40')).status !== 503, { what: 'an answer' })
      await until(async () => (await get('/health/ready')).status === 200, { what: 'the worker to be ready' })
      const after = await Promise.all(
        Array.from({ length: 20 }, (_, index) => app.inject({ url: `/api/courses/${1 + index}` })),
      )
      t.notOk(after.some(({ statusCode }) => statusCode >= 500))
      t.match(await get('/titles/1'), { status: 200, cacheStatus: 'plimsoll-api; fwd=miss' })
    },
  )

await t.test('a probe that finds no slot for its connection is no outage: the pool has its own', async t => {
  const { app, dependencies, logged } = await testApp(t, database.url, {
    database: { minConnections: 2, maxConnections: 2 },
    probe: { intervalMs: 100, downAfter: 1, timeoutMs: 500 },
  })
  const { sql, name } = database
  const has = (text: string) => logged.some(({ msg }) => String(msg).startsWith(text))
  await until(() => dependencies.database.statistics().pool.idle === 2, { what: 'the connections of the pool' })
  // As when others have taken them all: nobody new is let in, and who is there stays.
  await sql`alter database ${sql(name)} connection limit 1`
  t.teardown(() => sql`alter database ${sql(name)} connection limit -1`)
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name} and application_name = 'test probe'`
  await until(() => logged.some(({ failure }) => failure === '53300'), { what: 'the probe to be refused' })
  for (let asked = 0; asked < 5; asked++) t.equal((await app.inject({ url: '/api/courses/1' })).statusCode, 200)
  t.notOk(has('The database is away'))
  await sql`alter database ${sql(name)} connection limit -1`
  await until(async () => (await app.inject({ url: '/health/ready' })).statusCode === 200, {
    what: 'the probe to be let in',
  })
})

await t.test('a worker that starts without its database is there, and works as soon as the database does', async t => {
  const line = await relay(t, target)
  await line.cut()
  const { app, logged } = await testApp(t, urlThrough(line), {
    database: { minConnections: 2 },
    probe: { intervalMs: 200, downAfter: 1, timeoutMs: 500 },
  })
  const get = (url: string) => app.inject({ url })
  t.equal((await get('/health/live')).statusCode, 200)
  t.match((await get('/health/ready')).json(), { status: 'database-down' })
  t.match((await get('/api/courses/1')).json(), { code: 'API_ERR_DATABASE_UNAVAILABLE' })
  t.ok(logged.some(({ msg, category }) => category === 'database' && /starting without it/.test(String(msg))))

  await line.mend()
  await until(async () => (await get('/health/ready')).statusCode === 200, { what: 'the worker to be ready' })
  await until(async () => (await get('/api/courses/1')).statusCode === 200, { what: 'an answer' })
})

await t.test('a database that takes questions and answers none keeps nobody waiting beyond the deadline', async t => {
  const line = await relay(t, target)
  const { app } = await testApp(t, urlThrough(line), {
    app: { handlerTimeoutMs: 200 },
    probe: { intervalMs: 100, downAfter: 2, timeoutMs: 200 },
  })
  t.equal((await app.inject({ url: '/api/courses/1' })).statusCode, 200)
  line.freeze()
  const answer = await app.inject({ url: '/api/courses/1' })
  t.match({ status: answer.statusCode, ...answer.json<object>() }, { status: 503, code: 'API_ERR_DEADLINE' })
  await line.cut()
})
