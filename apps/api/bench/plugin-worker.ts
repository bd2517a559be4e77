// A worker for `npm run bench -- api --plugins`: a bare application, one with one part of app.ts, or createApp itself. Started over IPC, told what to be, ends with whoever
// started it.
//
//   waiting ──order──► listening on a Unix socket
//
// A bare application answers texts that it was given, by the schemas of the real routes; so all variants have the same answers. All of them load the same modules.
import path from 'node:path'
import { fastify, type FastifyInstance } from 'fastify'
import { createServerDrain } from '@plimsoll/supervisor'
import { createLogger } from '@plimsoll/telemetry'
import { createApp } from '../src/app.ts'
import { ENVIRONMENTS } from '../src/config/environments.ts'
import { ALL_FEATURES } from '../src/config/feature-options.ts'
import { BENCH_AUTH } from './auth-options.ts'
import { DEFAULT_LIMITS } from '../src/limits/kinds.ts'
import { createDependencies, type Dependencies } from '../src/dependencies.ts'
import { compileValidator } from '../src/http/validation.ts'
import { systemClock, systemRandom } from '../src/programs.ts'
import { Course, CoursePage } from '../src/resources/courses/schema.ts'
import { coursesRoutes } from '../src/resources/courses/routes.ts'
import { Draining } from '../src/worker/drain.ts'
import { CACHED_READ, createTools, forgottenParts, PARTS, unmeasuredPlugins } from './plugin-parts.ts'

interface Order {
  /** Of a part; empty: the bare application; null: createApp. */
  readonly part: string | null
  readonly socketPath: string
  /** With the migrations and demo data. */
  readonly databaseUrl: string
  /** Empty, for what workers of a machine share. */
  readonly cacheFolder: string
  /** What a bare application answers. */
  readonly course: string
  readonly page: string
}

interface Listening {
  readonly kind: 'listening'
  readonly parts: readonly { readonly name: string; readonly kind: string; readonly bySize: boolean }[]
  /** Of createApp. */
  readonly unmeasured: readonly string[]
  readonly forgotten: readonly string[]
}

const APP = {
  version: '0',
  environment: 'production',
  unixSocket: true,
  trustedProxies: [],
  corsOrigins: [],
  requestIdPrefix: 'bench-of-plugins',
  handlerTimeoutMs: 30_000,
  maxBodyBytes: 64 * 1024,
  operatorToken: undefined,
  metricsRoute: false,
} as const

async function serve(order: Order): Promise<Listening> {
  const app = order.part === null ? await wholeApp(order) : await partialApp(order.part, order)
  await app.listen({ path: order.socketPath })
  const printed = order.part === null ? app.printPlugins() : null
  return {
    kind: 'listening',
    parts: PARTS.map(({ name, kind, bySize }) => ({ name, kind, bySize })),
    unmeasured: printed === null ? [] : unmeasuredPlugins(printed),
    forgotten: printed === null ? [] : forgottenParts(printed),
  }
}

async function wholeApp(order: Order): Promise<FastifyInstance> {
  const app = createApp(await openDependencies(order), APP)
  createServerDrain(app.server, () => app.close())
  return app
}

async function partialApp(name: string, order: Order): Promise<FastifyInstance> {
  const tools = createTools()
  const part = PARTS.find(part => part.name === name)
  if (part === undefined && name !== '') throw new Error(`there is no part "${name}"`)
  const app: FastifyInstance = fastify({ ...part?.server?.(tools) })
  part?.register?.(app, tools)
  if (name === CACHED_READ) {
    app.setValidatorCompiler(compileValidator)
    app.register(coursesRoutes, { service: (await openDependencies(order)).courses })
  } else app.register(readyAnswers, order)
  return app
}

/** The cheapest route that there is for these answers: nothing is checked, looked up or waited for. */
function readyAnswers(app: FastifyInstance, { course, page }: Order, done: () => void): void {
  const config = { access: 'public', caching: 'courses' } as const
  const documented = { summary: 'Of the bench', tags: ['bench'] }
  const one = deeplyFrozen(JSON.parse(course) as Course)
  const list = deeplyFrozen(JSON.parse(page) as object)
  app.get('/api/courses/:id', { config, schema: { ...documented, response: { 200: Course } } }, (_request, reply) => {
    void reply.send(one)
  })
  app.get('/api/courses', { config, schema: { ...documented, response: { 200: CoursePage } } }, (_request, reply) => {
    void reply.send(list)
  })
  done()
}

/** As a worker in production has them. */
function openDependencies({ databaseUrl, cacheFolder }: Order): Promise<Dependencies> {
  const { logLevel, minConnections, maxConnections, slowQueryMs } = ENVIRONMENTS.production
  return createDependencies(
    {
      version: '0',
      identity: { worker: 0, generation: 1, pid: process.pid },
      features: ALL_FEATURES,
      database: {
        url: databaseUrl,
        applicationName: 'bench of plugins',
        minConnections: Math.min(1, minConnections),
        maxConnections,
        connectTimeoutS: 10,
        commandTimeoutS: 30,
        acquireTimeoutMs: 5000,
        slowQueryMs,
      },
      probe: { intervalMs: 60_000, downAfter: 3, timeoutMs: 3000 },
      auth: BENCH_AUTH,
      limits: DEFAULT_LIMITS,
      cache: { machine: true, folder: path.resolve(cacheFolder), maxMib: 64, diskFolder: undefined, redis: undefined },
      warmUp: { file: undefined, critical: [] },
      memory: { recycle: false, shareBytes: undefined, workers: 2, collectWhenIdle: false, profileFolder: undefined },
      loadReport: true,
    },
    {
      logger: createLogger({ level: logLevel, name: 'bench' }),
      clock: systemClock,
      random: systemRandom,
      drainState: new Draining(),
      supervision: { requestRecycle: () => undefined },
    },
  )
}

/** As the cache hands values out. */
function deeplyFrozen<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deeplyFrozen(part as object)
  return Object.freeze(value)
}

process.once('message', (order: Order) => {
  void serve(order).then(
    listening => process.send?.(listening),
    (error: unknown) => {
      process.stderr.write(`${String((error as Error).stack)}\n`)
      process.exit(1)
    },
  )
})
process.once('disconnect', () => process.exit(0))
