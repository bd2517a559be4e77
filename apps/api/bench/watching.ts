// What watching memory and reporting load cost a worker per request: `node apps/api/bench/watching.ts DATABASE_URL [TURNS]`, with a database that has
// the migrations and the small demo data.
//
// Two processes that run the same code differ by several per cent, and what's looked for is one. So both are in one process: the application twice on one database, with everything
// and without, which take turns every second under the same load from another process. While it's the turn of the one without, nobody watches. A third application, without
// as well, shows what means nothing. CPU time is that of the whole process, so collections and the thread pool count.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLogger } from '@plimsoll/telemetry'
import { createApp } from '../src/app.ts'
import { BENCH_AUTH } from './auth-options.ts'
import { ALL_FEATURES } from '../src/config/feature-options.ts'
import { DEFAULT_LIMITS } from '../src/limits/kinds.ts'
import { createDependencies, type DependenciesOptions } from '../src/dependencies.ts'
import { Admission } from '../src/memory/admission.ts'
import { watchWorkerMemory } from '../src/memory/worker-memory.ts'
import { systemClock, systemRandom } from '../src/programs.ts'
import { Draining } from '../src/worker/drain.ts'

const TARGETS = ['/health/live', '/api/courses?limit=20']
const CONNECTIONS = 8
const SLICE_MS = 1000
const WARMUP_MS = 3000

interface Order {
  readonly socketPath: string
  readonly target: string
  readonly durationMs: number
}

const USAGE = `node apps/api/bench/watching.ts DATABASE_URL [TURNS]

  DATABASE_URL   a PostgreSQL with the migrations and the small demo data: postgres://user:password@host:port/database
  TURNS          how often each variant is measured, a second each; 1 to 10000, 40 unless given
`

const [url, turns = '40'] = process.argv.slice(2)
if (url === 'client') runClient()
else if (url !== undefined && /^postgres(ql)?:\/\//.test(url) && /^[1-9]\d{0,3}$|^10000$/.test(turns)) {
  await runBench(url, Number(turns))
} else {
  process.stderr.write(USAGE)
  process.exitCode = 2
}

async function runBench(url: string, pairs: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-watching-'))
  const client = fork(import.meta.filename, ['client'])
  try {
    const variants = []
    for (const name of ['off', 'off, again', 'on']) variants.push(await openVariant(name, url, folder))
    const ask = (order: Order) =>
      new Promise<number>(resolve => {
        client.once('message', answers => resolve(answers as number))
        client.send(order)
      })
    for (const target of TARGETS) {
      const costs = variants.map(() => [] as number[])
      for (const { socketPath } of variants) await ask({ socketPath, target, durationMs: WARMUP_MS })
      for (let pair = 0; pair < pairs; pair++) {
        for (let i = 0; i < variants.length; i++) {
          const at = (i + pair) % variants.length
          const variant = variants[at]
          if (variant === undefined) continue
          const stop = variant.watch()
          const before = process.cpuUsage()
          const answers = await ask({ socketPath: variant.socketPath, target, durationMs: SLICE_MS })
          const { user, system } = process.cpuUsage(before)
          stop()
          costs[at]?.push((user + system) / answers)
        }
      }
      process.stdout.write(`GET ${target}, ${pairs} turns of ${SLICE_MS} ms each\n`)
      for (const [i, { name }] of variants.entries()) process.stdout.write(line(name, costs[i] ?? [], costs[0] ?? []))
    }
    for (const variant of variants) await variant.close()
  } finally {
    client.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function openVariant(name: string, url: string, folder: string) {
  const on = name === 'on'
  const logger = createLogger({ level: 'warn', name: 'bench' })
  const socketPath = path.join(folder, `${name.replaceAll(/\W+/g, '-')}.sock`)
  const options: DependenciesOptions = {
    version: '0',
    identity: { worker: 0, generation: 1, pid: process.pid },
    features: ALL_FEATURES,
    database: {
      url,
      applicationName: 'watching',
      minConnections: 2,
      maxConnections: 4,
      connectTimeoutS: 5,
      commandTimeoutS: 5,
      acquireTimeoutMs: 5000,
      slowQueryMs: 60_000,
    },
    auth: BENCH_AUTH,
    limits: DEFAULT_LIMITS,
    probe: { intervalMs: 60_000, downAfter: 3, timeoutMs: 3000 },
    cache: { machine: false, folder: undefined, maxMib: 8, diskFolder: undefined, redis: undefined },
    warmUp: { file: undefined, critical: [] },
    memory: undefined,
    loadReport: on,
  }
  const surroundings = {
    logger,
    clock: systemClock,
    random: systemRandom,
    drainState: new Draining(),
    supervision: { requestRecycle: () => undefined },
  }
  const dependencies = await createDependencies(options, surroundings)
  const app = createApp(dependencies, {
    version: '0',
    environment: 'production',
    unixSocket: true,
    trustedProxies: [],
    corsOrigins: [],
    requestIdPrefix: 'watching-bench',
    handlerTimeoutMs: 9000,
    maxBodyBytes: 64 * 1024,
    operatorToken: undefined,
    metricsRoute: false,
  })
  await app.listen({ path: socketPath })
  const settings = {
    recycle: true,
    shareBytes: undefined,
    workers: 2,
    collectWhenIdle: false,
    profileFolder: undefined,
  }
  const tools = {
    cache: dependencies.cache,
    stopWarming: () => undefined,
    admission: new Admission(),
    supervision: surroundings.supervision,
    logger,
  }
  return {
    name,
    socketPath,
    watch() {
      if (!on) return () => undefined
      const memory = watchWorkerMemory(settings, tools)
      return () => memory.close()
    },
    async close() {
      await app.close()
      await dependencies.close()
    },
  }
}

/** Median of the values, and of their ratios to the reference with its 95 % interval (sign test, normal approximation). */
function line(name: string, values: readonly number[], reference: readonly number[]): string {
  const ratios = values.map((value, i) => value / (reference[i] as number)).toSorted((a, b) => a - b)
  const outside = Math.max(0, Math.floor(ratios.length / 2 - 0.98 * Math.sqrt(ratios.length)))
  const interval = `${ratios[outside]?.toFixed(3)}-${ratios[ratios.length - 1 - outside]?.toFixed(3)}`
  const middle = (of: readonly number[]) => of.toSorted((a, b) => a - b)[of.length >> 1] ?? Number.NaN
  return `  ${name.padEnd(12)} ${middle(values).toFixed(1).padStart(7)} µs   ${middle(ratios).toFixed(3)} (${interval})\n`
}

function runClient(): void {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const one = ({ socketPath, target }: Order) =>
    new Promise<void>((resolve, reject) => {
      request({ socketPath, path: target, agent }, response => {
        response.resume()
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(String(response.statusCode))),
        )
      })
        .on('error', reject)
        .end()
    })
  process.on('message', (order: Order) => {
    const endMs = performance.now() + order.durationMs
    let answers = 0
    const loop = async () => {
      for (; performance.now() < endMs; answers++) await one(order)
    }
    void Promise.all(Array.from({ length: CONNECTIONS }, loop)).then(() => process.send?.(answers))
  })
}
