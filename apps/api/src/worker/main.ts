// The program of one worker: in a cluster on the Unix socket that the supervisor names, by itself on `--listen`.
//
// Signals, draining and the end of the supervisor are the link's business (@plimsoll/supervisor); what it calls back is set here.
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { loadConfig } from '@plimsoll/config'
import { connectToSupervisor } from '@plimsoll/supervisor'
import { workerProgram } from '../config/config.ts'
import { ENVIRONMENTS } from '../config/environments.ts'
import type { WorkerConfig } from '../config/schemas.ts'
import { authOptions, cacheSettings, drainTimes, slowQueryMs, workerMemory, workerPool } from '../config/settings.ts'
import { logFeatures } from '../feature-log.ts'
import { explain, openLogger, systemClock, systemRandom, VERSION } from '../programs.ts'
import { watchReadiness } from './readiness-watch.ts'
import { reportUtilization } from './utilization-report.ts'
import { startWorker, type Listen } from './worker.ts'

/** From the first probe that fails, two more, a second apart, each up to its time-out: two to eight seconds until a worker that has reached the database calls itself unready. */
const DATABASE_DOWN_AFTER_PROBES = 3
const PROBE_TIMEOUT_MS = 3000
/** Alone nobody tells a balancer that this worker ends: one that checks every two seconds sees it within this time. */
const ALONE_ACCEPT_MS = 3000

async function run(): Promise<void> {
  const loaded = loadConfig(workerProgram, { env: process.env, argv: process.argv.slice(2) })
  if (loaded.kind === 'help') return void process.stdout.write(loaded.text)
  if (loaded.kind === 'check') return void process.stdout.write('The configuration is valid.\n')
  const { config } = loaded
  const link = connectToSupervisor(process)
  const { worker: number, generation } = link
  // Generations of a worker overlap while one replaces the other, also a third when the second has crashed meanwhile; a drain takes seconds,
  // so by the time a name comes round again nobody writes to that file.
  const logger = await openLogger(config, `worker-${number}-${generation % 4}`, {
    worker: number,
    generation,
  })
  // In a fleet the cluster says it once for all.
  if (!link.supervised) logFeatures(logger, config.features)
  process.on('uncaughtExceptionMonitor', error => logger.fatal({ err: error }, 'uncaught error'))

  const { database } = config
  const pool = workerPool(config, link.supervised ? (config.workers ?? 1) : 1)
  const worker = await startWorker(
    {
      listen: link.socketPath === null ? parseListen(config.listen) : { path: link.socketPath },
      dependencies: {
        version: VERSION,
        identity: { worker: number, generation, pid: process.pid },
        features: config.features,
        database: {
          url: database.url,
          directUrl: database.directUrl,
          applicationName: `plimsoll-api worker ${number}`,
          minConnections: pool.min,
          maxConnections: pool.max,
          connectTimeoutS: database.connectTimeoutS,
          commandTimeoutS: database.commandTimeoutS,
          acquireTimeoutMs: database.acquireTimeoutMs,
          slowQueryMs: slowQueryMs(config),
        },
        probe: {
          intervalMs: database.probeIntervalMs,
          downAfter: DATABASE_DOWN_AFTER_PROBES,
          timeoutMs: PROBE_TIMEOUT_MS,
        },
        auth: authOptions(config, link.supervised ? (config.workers ?? 1) : 1),
        limits: { ...config.limits, exemptThisMachine: ENVIRONMENTS[config.environment].exemptThisMachine },
        retention: config.retention,
        loggedAddresses: config.log.addresses,
        cache: cacheSettings(config),
        warmUp: {
          file:
            link.socketPath === null ? undefined : path.join(path.dirname(link.socketPath), `hot-keys-${number}.json`),
          critical: config.cache.warmKeys,
        },
        memory: workerMemory(config, link.supervised ? (config.workers ?? 1) : 1),
        loadReport: config.http.loadReport,
      },
      app: appOptions(config, link.supervised),
      drain: { ...drainTimes(config), ...(link.supervised ? {} : { acceptMs: ALONE_ACCEPT_MS }) },
    },
    { logger, clock: systemClock, random: systemRandom, supervision: link },
  )
  link.serveMetrics(worker.registry)
  link.onDrain(() => worker.drain())
  link.ready()
  watchReadiness(() => worker.unreadyReason(), link)
  reportUtilization(link)
  if (!link.supervised)
    process.stdout.write(
      `${JSON.stringify({ msg: 'listening', name: 'plimsoll-api-worker', pid: process.pid, address: worker.address })}\n`,
    )
}

function appOptions(config: WorkerConfig, supervised: boolean) {
  return {
    version: VERSION,
    environment: config.environment,
    trustedProxies: config.http.trustedProxies,
    corsOrigins: config.http.corsOrigins,
    requestIdPrefix: randomBytes(8).toString('hex'),
    handlerTimeoutMs: config.http.handlerTimeoutMs,
    maxBodyBytes: config.http.maxBodyBytes,
    operatorToken: config.http.operatorToken,
    metricsRoute: !supervised,
  }
}

function parseListen(text: string): Listen {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

run().catch((error: unknown) => {
  process.stderr.write(`${explain('plimsoll-api-worker', error)}\n`)
  process.exit(1)
})
