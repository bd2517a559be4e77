// The stack: what is started in which order, and taken down in reverse.
//
//   ports free? → data folder → PostgreSQL → migrations → demo data → API workers → balancer → screen
//
// Invariants
// * What was started is recorded on the way, so that a failure half-way stops exactly that, in reverse order.
// * The balancer goes first on the way down: it finishes the requests under way while everything behind it still serves.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { openLogFile } from '@plimsoll/telemetry'
import { ChildProgram, type ReadyLine } from './child-program.ts'
import type { LocalConfig } from './config.ts'
import { openDataFolder, type DataFolder } from './data-folder.ts'
import { LocalError } from './errors.ts'
import { LIMITED_ENDPOINTS } from './limited-endpoints.ts'
import { requirePorts } from './ports.ts'
import { Progress, renderScreen, type Terminal } from './screen.ts'

/** What the process gives the stack. */
export interface StackSurroundings {
  readonly checkout: string
  readonly nodePath: string
  readonly temporary: string
  readonly uid: number
  readonly cores: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  /** The folder when none was given. */
  readonly defaultDataFolder: string
  /** A part has ended that should run: the stack can't go on. */
  onBroken(description: string): void
}

interface Part {
  readonly name: string
  stop(): Promise<boolean>
}

interface Database {
  readonly url: string
  /** What the screen says of it. */
  readonly shown: string
}

const START_TIMEOUT_MS = 60_000
/** The whole way down has 30 s: the balancer finishes what is under way, then the workers have nothing left but their own notice periods. */
const DRAIN_MS = 9000
const STOP_TIMEOUT_MS = { balancer: DRAIN_MS + 1500, api: 15_000, task: 2000 }

export class Stack {
  readonly #config: LocalConfig
  readonly #mode: 'start' | 'dev'
  readonly #surroundings: StackSurroundings
  readonly #parts: Part[] = []
  #stopping: Promise<boolean> | null = null
  /** How many parts stand below the programs, and how those are started. */
  #programsFrom = 0
  #restart: () => Promise<void> = () => this.start()

  constructor(config: LocalConfig, mode: 'start' | 'dev', surroundings: StackSurroundings) {
    this.#config = config
    this.#mode = mode
    this.#surroundings = surroundings
  }

  /** @throws LocalError, or the embedded PostgreSQL's error; whatever was started by then is for `stop` to end. */
  async start(): Promise<void> {
    const config = this.#config
    await requirePorts([
      { port: config.port, host: config.host, what: 'the service', flag: '--port' },
      { port: config.adminPort, host: '127.0.0.1', what: "the balancer's admin", flag: '--admin-port' },
      { port: config.apiAdminPort, host: '127.0.0.1', what: "the API fleet's admin", flag: '--api-admin-port' },
    ])
    const folder = openDataFolder(
      config.data ?? this.#surroundings.defaultDataFolder,
      this.#surroundings.temporary,
      this.#surroundings.uid,
    )
    const progress = new Progress(this.#surroundings.terminal)
    const database = await this.#startDatabase(folder, progress)
    this.#programsFrom = this.#parts.length
    const migrate = () =>
      progress.run('Migrations', detail => this.#databaseTask('migrate', [], database.url, folder, detail))
    this.#restart = async () => {
      await migrate()
      await this.#startPrograms(folder, database, progress)
    }
    await migrate()
    if (config.fresh)
      await progress.run('Old demo data thrown away', detail =>
        this.#databaseTask('reset', [], database.url, folder, detail),
      )
    await progress.run('Demo data', detail =>
      this.#databaseTask('seed', ['--size', config.demo], database.url, folder, detail),
    )
    await this.#startPrograms(folder, database, progress)
  }

  /** Stops the API and the balancer, applies new migrations, and starts them again; the database goes on. */
  async restartPrograms(): Promise<void> {
    await this.#stopDownTo(this.#programsFrom)
    await this.#restart()
  }

  async #startPrograms(folder: DataFolder, database: Database, progress: Progress): Promise<void> {
    const config = this.#config
    const isSingle = this.#mode === 'dev' || !config.loadBalancing
    const workers = config.workers ?? (isSingle ? 1 : Math.max(2, this.#surroundings.cores))
    const [api, balancer] = await progress.run('API workers and balancer', async () => {
      const ready = await Promise.all([this.#startApi(folder, database.url, workers), this.#startBalancer(folder)])
      await untilServing(`http://${String(ready[1]['admin'])}/health`, workers)
      return ready
    })
    this.#surroundings.terminal.write(
      renderScreen({
        service: `http://${display(String(balancer['listen']))}`,
        admin: `http://${display(String(balancer['admin']))}`,
        apiAdmin: `http://${display(controlAddress(api, config.apiAdminPort))}`,
        workers,
        database: database.shown,
        logs: folder.logs,
        adminToken: folder.adminToken,
        mode: this.#mode,
        inspector: this.#mode === 'dev' ? `127.0.0.1:${config.inspectPort}` : null,
      }),
    )
  }

  /** Takes everything down in reverse order; resolves with true when every part ended in order. May be called again. */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stopDownTo(0)
    return this.#stopping
  }

  async #stopDownTo(count: number): Promise<boolean> {
    let inOrder = true
    while (this.#parts.length > count) inOrder = ((await this.#parts.pop()?.stop()) ?? true) && inOrder
    return inOrder
  }

  async #startDatabase(folder: DataFolder, progress: Progress): Promise<Database> {
    if (this.#config.databaseUrl !== undefined)
      return { url: this.#config.databaseUrl, shown: 'the one of DATABASE_URL' }
    return progress.run('PostgreSQL', async detail => {
      const server = await startLocalPostgres({ folder: folder.postgres, stopOnExit: true, onProgress: detail })
      this.#parts.push({ name: 'PostgreSQL', stop: () => server.stop().then(() => true) })
      writeFileSync(folder.databaseUrlFile, `${server.url}\n`, { mode: 0o600 })
      detail(`${server.freshlyCreated ? 'new' : 'existing'} data in ${folder.postgres}`)
      void server.exited.then(({ code, signal }) => {
        if (!this.#stopping)
          this.#surroundings.onBroken(
            `PostgreSQL ended by itself (${signal ?? `exit code ${code}`}); its last lines: ${server.log().trim().split('\n').slice(-3).join(' | ')}`,
          )
      })
      return {
        url: server.url,
        shown: `PostgreSQL ${server.version} on port ${server.port}; its URL stands in ${folder.databaseUrlFile}`,
      }
    })
  }

  /** Runs one command of the API's database program to its end. */
  async #databaseTask(
    command: string,
    args: readonly string[],
    databaseUrl: string,
    folder: DataFolder,
    detail: (text: string) => void,
  ): Promise<void> {
    const task = await this.#spawn(folder, {
      name: `the database command "${command}"`,
      log: 'database',
      entry: 'apps/api/src/database/main.ts',
      args: [command, ...args, '--progress', 'json'],
      env: this.#databaseEnv(databaseUrl, folder),
      stopTimeoutMs: STOP_TIMEOUT_MS.task,
      onLine: line => {
        const text = progressText(line)
        if (text) detail(text)
      },
    })
    await task.finished()
    this.#parts.pop()
  }

  async #startApi(folder: DataFolder, databaseUrl: string, workers: number): Promise<ReadyLine> {
    const dev = this.#mode === 'dev'
    const api = await this.#spawn(folder, {
      name: 'the API',
      log: 'api',
      entry: 'apps/api/src/main.ts',
      args: dev ? ['--inspect-port', String(this.#config.inspectPort)] : [],
      env: {
        ...this.#databaseEnv(databaseUrl, folder),
        API_ADMIN_PORT: String(this.#config.apiAdminPort),
        API_WORKERS: String(workers),
        LOAD_BALANCING: String(this.#config.loadBalancing),
        FEATURE_RATE_LIMIT: String(this.#config.rateLimit),
        API_RUN_FOLDER: folder.run,
        API_CONTROL_TOKEN: folder.adminToken,
        ...this.#tokenKeys(folder),
      },
      stopTimeoutMs: STOP_TIMEOUT_MS.api,
    })
    return api.ready()
  }

  /** Whoever has keys of their own says so. */
  #tokenKeys(folder: DataFolder): Record<string, string> {
    const { API_TOKEN_KEYS: keys, API_TOKEN_KEYS_FILE: file } = this.#surroundings.env
    return keys === undefined && file === undefined ? { API_TOKEN_KEYS_FILE: folder.tokenKeysFile } : {}
  }

  async #startBalancer(folder: DataFolder): Promise<ReadyLine> {
    const { host, port, adminPort } = this.#config
    const balancer = await this.#spawn(folder, {
      name: 'the balancer',
      log: 'balancer',
      entry: 'apps/balancer/src/main.ts',
      args: [
        `--listen=${host.includes(':') ? `[${host}]` : host}:${port}`,
        `--admin=127.0.0.1:${adminPort}`,
        `--discovery.file=${path.join(folder.run, 'endpoints.json')}`,
        '--health.path=/health/ready',
        // A worker where requests wait for the database goes on with these.
        '--reports.database-free=/health',
        '--reports.database-free=/openapi.json',
        '--reports.database-free=/documentation',
        `--load-balancing=${this.#config.loadBalancing}`,
        ...this.#rateLimitFlags(),
        // Nobody is in front of this balancer who would have to look away first.
        '--shutdown.grace-ms=0',
        `--shutdown.drain-ms=${DRAIN_MS}`,
      ],
      env: {
        ADMIN_TOKEN: folder.adminToken,
        PORT: undefined,
        ADMIN_PORT: undefined,
        LOAD_BALANCING: undefined,
        RATE_LIMIT: undefined,
      },
      stopTimeoutMs: STOP_TIMEOUT_MS.balancer,
    })
    return balancer.ready()
  }

  /** A developer's tools and load generators all have the address of this machine; in production everybody counts. */
  #rateLimitFlags(): string[] {
    if (!this.#config.rateLimit) return []
    const isDevelopment = (this.#surroundings.env['NODE_ENV'] ?? 'development') === 'development'
    return [
      '--rate-limit.enabled=true',
      ...LIMITED_ENDPOINTS.map(endpoint => `--rate-limit.endpoints=${endpoint}`),
      ...(isDevelopment ? ['127.0.0.0/8', '::1'] : []).map(address => `--rate-limit.exempt=${address}`),
    ]
  }

  /**
   * The direct address of another database than this one would be its fallback. The cache lies beside the sockets: another start of this data folder finds it,
   * the commands that replace the data invalidate it, and nobody else's shared memory is taken for a trial.
   */
  #databaseEnv(databaseUrl: string, folder: DataFolder): Readonly<Record<string, string | undefined>> {
    return {
      CACHE_FOLDER: this.#surroundings.env['CACHE_FOLDER'] ?? path.join(folder.run, 'cache'),
      DATABASE_URL: databaseUrl,
      ...(this.#config.databaseUrl === undefined ? { DATABASE_DIRECT_URL: undefined } : {}),
    }
  }

  async #spawn(
    folder: DataFolder,
    program: {
      name: string
      log: string
      entry: string
      args: readonly string[]
      env: Readonly<Record<string, string | undefined>>
      stopTimeoutMs: number
      onLine?: (line: string) => void
    },
  ): Promise<ChildProgram> {
    const log = await openLogFile({ path: path.join(folder.logs, program.log) })
    const child = new ChildProgram({
      name: program.name,
      entry: path.join(this.#surroundings.checkout, program.entry),
      args: program.args,
      env: { LOG_LEVEL: 'info', NODE_ENV: 'development', ...this.#surroundings.env, ...program.env },
      nodePath: this.#surroundings.nodePath,
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: program.stopTimeoutMs,
      onLine: line => {
        log.write(`${line}\n`)
        program.onLine?.(line)
      },
      onUnexpectedEnd: description =>
        this.#surroundings.onBroken(`${description}. The log is ${path.join(folder.logs, program.log)}.*.log`),
    })
    this.#parts.push({
      name: program.name,
      stop: async () => {
        const inOrder = await child.stop()
        await log.close()
        return inOrder
      },
    })
    return child
  }
}

function progressText(line: string): string | null {
  if (!line.startsWith('{')) return null
  const { step, done, total } = JSON.parse(line) as { step?: string; done?: number; total?: number }
  if (step === undefined) return null
  return total === undefined ? step : `${step} ${done ?? 0}/${total}`
}

/** Waits until the balancer has seen every worker pass its check: before that, the first request would meet a 503. */
async function untilServing(health: string, workers: number): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(health)
    const { available, endpoints } = (await answer.json()) as { available: number; endpoints: unknown }
    if (available >= workers) return
    if (performance.now() > deadlineMs) {
      throw new LocalError(
        'LOCAL_ERR_CHILD_SLOW',
        `The balancer sees ${available} of ${workers} workers ready after ${START_TIMEOUT_MS / 1000} s: ${JSON.stringify(endpoints)}`,
      )
    }
    await wait(20)
  }
}

function controlAddress(api: ReadyLine, wanted: number): string {
  return typeof api['admin'] === 'string' ? api['admin'] : `127.0.0.1:${wanted}`
}

/** An address to click on: an any-interface address is reachable as localhost. */
function display(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\]):/, 'localhost:')
}
