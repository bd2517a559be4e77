// The fleet: a supervisor that keeps the workers running, the list of them for the balancer, and the address where the fleet is looked at and controlled.
//
//   start():  database reachable and migrated? → control server → workers, endpoint file → running
//   stop():   workers drained → control server closed; at any time, also in the middle of start()
//
// The control server comes before the workers: a port that's taken stops the start before anything is forked. On the way down it's the last to go, so that
// the drain can be watched.
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  createControlServer,
  createEndpointFile,
  createSupervisor,
  type ControlServer,
  type RecyclingOptions,
  type Supervisor,
} from '@plimsoll/supervisor'
import { categoryLogger, type Logger } from '@plimsoll/telemetry'
import type { CacheSettings } from './cache/cache.ts'
import { watchForCrashes } from './cache/crash-watch.ts'
import { checkDatabase } from './database/check.ts'
import type { FleetPlan } from './memory/fleet-plan.ts'

export interface ClusterOptions extends FleetPlan {
  readonly recycling: Partial<RecyclingOptions>
  /** Longest time for a worker to end. */
  readonly drainTimeoutMs: number
  /** Absolute path. */
  readonly runFolder: string
  /** Port on 127.0.0.1; 0 for a free one. */
  readonly adminPort: number
  readonly controlToken: string
  /** Port on 127.0.0.1 for an inspector of worker 0; 0 for none. */
  readonly inspectPort: number
  /** The workers' environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly database: { readonly url: string; readonly connectTimeoutS: number }
  /** Where workers share answers, and counts for limits; undefined: they share neither. */
  readonly cache: CacheSettings | undefined
}

/** Where a running fleet is found. */
export interface ClusterAddresses {
  /** Host and port of the control server. */
  readonly admin: string
  /** File with the list of workers, for the balancer. */
  readonly endpoints: string
}

const ADMIN_HOST = '127.0.0.1'
const WORKER_ENTRY = fileURLToPath(new URL('./worker/main.ts', import.meta.url))

export class Cluster {
  readonly #options: ClusterOptions
  readonly #cacheLogger: Logger
  readonly #logger: Logger
  readonly #endpointsPath: string
  readonly #supervisor: Supervisor
  readonly #control: ControlServer
  #endWatch: () => void = () => undefined
  /** Settled when the endpoint file holds the newest list. */
  #listed: Promise<void> = Promise.resolve()

  /** @throws SUPERVISOR_ERR_OPTION */
  constructor(options: ClusterOptions, logger: Logger) {
    const startupLogger = categoryLogger(logger, 'startup')
    this.#options = options
    this.#logger = startupLogger
    this.#cacheLogger = categoryLogger(logger, 'cache')
    this.#endpointsPath = path.join(options.runFolder, 'endpoints.json')
    const endpoints = createEndpointFile(this.#endpointsPath)
    this.#supervisor = createSupervisor({
      entry: WORKER_ENTRY,
      workers: { min: options.workers, max: options.maxWorkers },
      ...(options.heap === undefined ? {} : { heap: options.heap }),
      recycling: options.recycling,
      drainTimeoutMs: options.drainTimeoutMs,
      runFolder: options.runFolder,
      // Modules are compiled once for all workers and starts, not once per worker: 0.7 s of CPU become 0.4 s.
      env: { NODE_COMPILE_CACHE: path.join(options.runFolder, 'compile-cache'), ...options.env },
      execArgv: options.inspectPort === 0 ? [] : [`--inspect=${ADMIN_HOST}:${options.inspectPort}`],
      logger: startupLogger,
      onChange: list => (this.#listed = endpoints.write(list)),
    })
    this.#control = createControlServer({
      supervisor: this.#supervisor,
      logger: startupLogger,
      token: options.controlToken,
      listen: { host: ADMIN_HOST, port: options.adminPort },
    })
  }

  /**
   * Resolves when every worker is ready.
   * @throws API_ERR_DATABASE_CONNECT, API_ERR_SCHEMA_BEHIND, SUPERVISOR_ERR_*; nothing is left running then
   */
  async start(): Promise<ClusterAddresses> {
    const { database, cache, heap } = this.#options
    if (heap !== undefined) this.#logger.info({ flags: heap.execArgv }, heap.reason)
    await checkDatabase(database)
    if (cache !== undefined) this.#endWatch = watchForCrashes(cache, database.url, this.#cacheLogger)
    const { address, port } = await this.#control.listen()
    try {
      await this.#supervisor.start()
      // The last change is told in this turn. Whoever reads "listening" finds every worker in the file.
      await nextTurn()
      await this.#listed
    } catch (error) {
      await this.stop()
      throw error
    }
    return { admin: `${address}:${port}`, endpoints: this.#endpointsPath }
  }

  /** Replaces all workers, one after the other; never rejects: what goes wrong leaves the fleet as it is, and is logged. */
  async replaceWorkers(): Promise<void> {
    this.#logger.info('All workers are replaced, one after the other')
    try {
      await this.#supervisor.replace()
      this.#logger.info('All workers have been replaced')
    } catch (error) {
      this.#logger.error({ err: error }, 'Not all workers could be replaced; the others go on as they are')
    }
  }

  /** Resolves when no worker is left. */
  async stop(): Promise<void> {
    await this.#supervisor.stop()
    await this.#control.close()
    this.#endWatch()
  }
}
