// The cluster's program: `node src/main.ts`, with DATABASE_URL set.
//
// Standard output gets one line of JSON when every worker is ready, and the logs; standard error gets one line when it can't start.
// SIGTERM, SIGINT or the end of the program that started it: workers drain, exit code 0. Exit code 1: it couldn't start, or stop in order.
// SIGHUP: all workers are replaced, one after the other, and nothing is lost; at a terminal, which sends it when it's closed, it ends the cluster.
import { randomBytes } from 'node:crypto'
import { loadConfig } from '@plimsoll/config'
import { Cluster } from './cluster.ts'
import { clusterProgram } from './config/config.ts'
import {
  cacheSettings,
  commandDatabase,
  drainTimeoutMs,
  recyclingSettings,
  runFolder,
  withSigningKeys,
} from './config/settings.ts'
import { workerEnvironment } from './config/worker-environment.ts'
import { logFeatures } from './feature-log.ts'
import { planFleet } from './memory/fleet-plan.ts'
import { explain, openLogger } from './programs.ts'

async function run(): Promise<void> {
  const loaded = loadConfig(clusterProgram, { env: process.env, argv: process.argv.slice(2) })
  if (loaded.kind === 'help') return void process.stdout.write(loaded.text)
  if (loaded.kind === 'check') return void process.stdout.write('The configuration is valid.\n')
  const { config } = loaded
  const logger = await openLogger(config, 'cluster')
  logFeatures(logger, config.features)
  const plan = planFleet(config)
  const { workers } = plan
  const cluster = new Cluster(
    {
      ...plan,
      recycling: recyclingSettings(config),
      drainTimeoutMs: drainTimeoutMs(config),
      runFolder: runFolder(config, process.getuid?.() ?? 0),
      adminPort: config.adminPort,
      controlToken: config.controlToken ?? randomBytes(32).toString('base64url'),
      inspectPort: config.inspectPort,
      env: workerEnvironment(withSigningKeys(config), plan, process.env),
      database: commandDatabase(config.database),
      cache: config.features.caching || config.features.rateLimit ? cacheSettings(config) : undefined,
    },
    logger,
  )

  const stop = () => {
    stopping ??= cluster.stop().then(() => process.exit(0), fail)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('disconnect', stop)
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY
  process.on('SIGHUP', atTerminal ? stop : () => void cluster.replaceWorkers())

  const addresses = await cluster.start()
  // Written past the log's level: programs wait for this line.
  process.stdout.write(
    `${JSON.stringify({ msg: 'listening', name: 'plimsoll-api', pid: process.pid, workers, ...addresses })}\n`,
  )
}

/** Set by the first order to stop; a start that is given up because of it is no failure. */
let stopping: Promise<void> | undefined

function fail(error: unknown): void {
  process.stderr.write(`${explain('plimsoll-api', error)}\n`)
  process.exit(1)
}

run().catch((error: unknown) => {
  if (!stopping) fail(error)
})
