// The database goes away and comes back, seen from outside. Between the worker and PostgreSQL stands a relay that the test can cut.
import t from 'tap'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { until, type TestScope } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'
import { testApp } from '../fixture/test-app.ts'

const database = await demoDatabase(t)

interface Relay {
  readonly port: number
  /** Refuses new connections and resets the ones there are. */
  cut(): Promise<void>
  /** Keeps the connections and passes nothing on. */
  freeze(): void
  mend(): Promise<void>
}

async function relay(t: TestScope, target: { host: string; port: number }): Promise<Relay> {
  const sockets = new Set<Socket>()
  let server: Server
  const open = (port: number) =>
    new Promise<void>(resolve => {
      server = createServer(near => {
        const far = connect(target)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on('error', () => {})
          socket.on('close', () => sockets.delete(socket))
        }
        near.pipe(far).pipe(near)
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
      for (const socket of sockets) socket.unpipe().pause()
    },
    async mend() {
      await cut()
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

await t.test(
  'while the database is away everything is answered soon; when it is back all is well by itself',
  async t => {
    const line = await relay(t, target)
    const { app } = await testApp(t, urlThrough(line), { probe: { intervalMs: 200, downAfter: 2, timeoutMs: 500 } })
    const get = (url: string) => app.inject({ url })
    t.equal((await get('/api/courses/1')).statusCode, 200)

    await line.cut()
    const startedMs = performance.now()
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/api/courses/1')))
    t.ok(performance.now() - startedMs < 4000, 'well before the deadline of 5 s')
    for (const answer of answers)
      t.match(
        { status: answer.statusCode, ...answer.json<object>() },
        { status: 503, code: 'API_ERR_DATABASE_UNAVAILABLE' },
      )
    await until(async () => (await get('/health/ready')).statusCode === 503, { what: 'the worker to be unready' })
    t.equal((await get('/health/live')).statusCode, 200)

    await line.mend()
    await until(async () => (await get('/health/ready')).statusCode === 200, { what: 'the worker to be ready' })
    await until(async () => (await get('/api/courses/1')).statusCode === 200, { what: 'an answer' })
    const after = await Promise.all(Array.from({ length: 20 }, () => get('/api/courses/1')))
    t.same([...new Set(after.map(({ statusCode }) => statusCode))], [200])
  },
)

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
