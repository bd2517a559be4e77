// What's left of the application without each of its parts: nothing of the part is registered or counted, and everything else answers as before.
import t from 'tap'
import { channels } from '@plimsoll/db-optimizer'
import { LOAD_REPORT_HEADER } from '@plimsoll/load-report'
import { ALL_FEATURES, type Features } from '../src/config/feature-options.ts'
import { demoDatabase } from './fixture/demo-database.ts'
import { testApp, type TestApp } from './fixture/test-app.ts'

// A dozen applications on a database: on a busy machine that takes its time.
t.setTimeout(60_000)

type Feature = keyof Features

const FEATURES = Object.keys(ALL_FEATURES) as Feature[]
const OPERATOR = { authorization: 'Bearer a-token-of-operators' }
const WATCHED = { recycle: false, shareBytes: undefined, workers: 2, collectWhenIdle: false, profileFolder: undefined }

const database = await demoDatabase(t)

/** As in production, with a balancer in front; all parts but those. */
async function without(...off: Feature[]): Promise<TestApp> {
  const tested = await testApp(t, database.url, {
    app: { trustedProxies: ['127.0.0.1'], metricsRoute: true, operatorToken: 'a-token-of-operators' },
    features: { ...ALL_FEATURES, ...Object.fromEntries(off.map(name => [name, false])) },
    memory: WATCHED,
  })
  await tested.app.ready()
  return tested
}

const ask = ({ app }: TestApp, url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { ...(url === '/metrics' ? OPERATOR : {}), ...headers } })

const unmonitored = await without('monitoring')
// The channels are the process's: no other application is there yet.
const isListenedTo = [channels.queryFinished, channels.poolAcquired].map(channel => channel.hasSubscribers)
const [whole, bare, uncached, uncompressed, insecure, unoptimized, unbroken, unlimited] = await Promise.all([
  without(),
  without(...FEATURES),
  without('caching'),
  without('compression'),
  without('security'),
  without('optimization'),
  without('circuitBreaker'),
  without('rateLimit'),
])
const ids = (await ask(whole, '/api/courses?limit=5')).json<{ items: { id: number }[] }>().items.map(({ id }) => id)

await t.test('without monitoring nobody listens to the database, and the figures of the process are left', async t => {
  t.same(isListenedTo, [false, false])
  t.ok(channels.queryFinished.hasSubscribers, 'the others do')
  t.equal((await ask(unmonitored, '/api/courses')).statusCode, 200)
  t.same(
    figuresOf(unmonitored).filter(name => !/^api_(process|nodejs)_/.test(name)),
    [],
  )
  t.match((await ask(unmonitored, '/metrics')).body, /^api_process_resident_memory_bytes \d+$/m)
  t.notOk(LOAD_REPORT_HEADER in (await ask(unmonitored, '/health/live')).headers)
  t.equal((await ask(unmonitored, '/health')).statusCode, 200)
})

await t.test('what is switched off is not registered, and nothing else is missing', t => {
  const all = pluginsOf(whole)
  const gone = (app: TestApp) => {
    const left = pluginsOf(app)
    return all.filter(name => !left.includes(name))
  }
  t.same(gone(uncached), ['private-answers', 'http-caching'])
  t.same(gone(uncompressed), ['@fastify/compress'])
  t.same(gone(insecure), ['helmet-headers', 'strict-transport', '@fastify/cors'])
  t.same(gone(unmonitored), ['metrics', 'load-report', 'performanceRoutes'])
  t.same(gone(unoptimized), ['load-shedding'])
  t.same(gone(unbroken), [])
  t.same(gone(unlimited), ['rate-limits'])
  t.end()
})

await t.test('without any of them every route answers the same, and what is closed stays closed', async t => {
  const none = Object.fromEntries(FEATURES.map(name => [name, false]))
  t.same((await ask(bare, '/health/detailed')).json<{ features: Features }>().features, none)
  const one = `/api/courses/${ids[0]}`
  for (const url of ['/api/courses?limit=50', one, `${one}/lessons`, '/api/courses/999999']) {
    const [expected, answer] = await Promise.all([ask(whole, url), ask(bare, url)])
    t.equal(answer.statusCode, expected.statusCode, url)
    const { requestId: _, ...body } = answer.json<Record<string, unknown>>()
    const { requestId: __, ...expectedBody } = expected.json<Record<string, unknown>>()
    t.same(body, expectedBody)
  }
  t.equal((await ask(bare, '/api/courses?limit=51')).statusCode, 400)
  t.equal((await bare.app.inject({ method: 'POST', url: '/api/blogs', payload: {} })).statusCode, 401)
  for (const url of ['/health/live', '/health/ready', '/health', '/api/db-test', '/metrics'])
    t.equal((await ask(bare, url)).statusCode, 200, url)
})

await t.test('without caching every answer is loaded, and nothing is warmed', async t => {
  const loadsOf = async (app: TestApp) => {
    for (let count = 0; count < 3; count += 1) await ask(app, `/api/courses/${ids[1]}`)
    return app.dependencies.cache.stats().namespaces['courses']?.loads
  }
  const before = whole.dependencies.cache.stats().namespaces['courses']?.loads ?? 0
  t.equal(await loadsOf(whole), before + 1)
  t.equal(await loadsOf(uncached), 3)
  t.equal(uncached.dependencies.warmUp, null)
})

await t.test('without optimization each read by id is a statement, and nobody watches the memory', async t => {
  const read = async (app: TestApp) => {
    const answers = await Promise.all(ids.map(id => ask(app, `/api/courses/${id}`)))
    t.same(
      answers.map(answer => answer.json<{ id: number }>().id),
      ids,
    )
  }
  const lessons = () => Promise.all(ids.map(id => ask(unoptimized, `/api/courses/${id}/lessons`)))
  t.equal(await statements('courses.find', () => read(uncached)), 1, 'with it they share one')
  t.equal(await statements('courses.find', () => read(unoptimized)), ids.length)
  t.equal(await statements('courses.lessons', lessons), ids.length)
  t.equal((await ask(unoptimized, '/api/courses/999999')).statusCode, 404)

  const { warmUp, admission } = unoptimized.dependencies
  t.equal(warmUp, null)
  const watched = (app: TestApp) => figuresOf(app).some(name => name.startsWith('memory_'))
  t.same([watched(whole), watched(unoptimized)], [true, false])
  admission.admitFrom('critical')
  t.equal((await ask(unoptimized, '/api/courses')).statusCode, 200, 'nobody asks who may come in')
})

await t.test('without circuit breakers no route has one', async t => {
  const circuits = async (app: TestApp) =>
    (await ask(app, '/health/detailed'))
      .json<{ components: { routes: { circuit: string }[] } }>()
      .components.routes.map(({ circuit }) => circuit)
  t.same(await circuits(whole), ['closed'])
  t.same(await circuits(unbroken), ['off'])
})

function pluginsOf({ app }: TestApp): readonly string[] {
  const names = app.printPlugins().matchAll(/[─┬] ([\w@/-]+) \d+ ms$/gm)
  return Array.from(names, ([, name = '']) => name)
}

function figuresOf({ dependencies }: TestApp): readonly string[] {
  return dependencies.registry.getMetricsAsArray().map(({ name }) => name)
}

/** How many statements of this name were made meanwhile. */
async function statements(name: string, work: () => Promise<unknown>): Promise<number> {
  let count = 0
  const onFinished = (message: unknown) => {
    if ((message as { name?: string }).name === name) count += 1
  }
  channels.queryFinished.subscribe(onFinished)
  await work()
  channels.queryFinished.unsubscribe(onFinished)
  return count
}
