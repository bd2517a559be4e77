// `npm start` in production on a database that's given: balancer, supervisor, workers; what's changed of it is in its profile, which the output says.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownEnvironment } from '../field-reports/databases.ts'
import { LIMITS_OFF } from '../limits-off.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { Address } from './asker-protocol.ts'

export const OPERATOR_TOKEN = 'of-this-bench-run-only'
export const CACHING_OFF = { FEATURE_CACHING: 'false' } as const

export interface StackPlan {
  /** Of its folder, and in messages. */
  readonly name: string
  readonly databaseUrl: string
  /** Loaded where there is none yet. */
  readonly demo: 'small' | 'full'
  /** Null: one per core, at least two. */
  readonly workers: number | null
  /** Beside what production's defaults are. */
  readonly env: Readonly<Record<string, string>>
}

const START_TIMEOUT_MS = 180_000
const STOP_TIMEOUT_MS = 30_000

export class ProductionStack {
  readonly address: Address
  readonly #origin: string
  readonly #program: Program<URL>

  private constructor(program: Program<URL>) {
    this.#program = program
    this.#origin = program.ready.origin
    this.address = { host: program.ready.hostname, port: Number(program.ready.port) }
  }

  static async start(io: BenchIo, { name, databaseUrl, demo, workers, env }: StackPlan): Promise<ProductionStack> {
    const folder = path.join(io.temporary, name)
    mkdirSync(folder, { recursive: true })
    const ports = ['--port', '0', '--admin-port', '0', '--api-admin-port', '0']
    const flags = [...ports, '--demo', demo, '--data', path.join(folder, 'data')]
    const program = await startProgram({
      name,
      command: [
        io.nodePath,
        path.join(io.checkout, 'deploy/local/src/main.ts'),
        ...flags,
        ...(workers === null ? [] : ['--workers', String(workers)]),
      ],
      env: {
        ...ownEnvironment({ env: io.env, temporary: folder }),
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        DATABASE_URL: databaseUrl,
        API_OPERATOR_TOKEN: OPERATOR_TOKEN,
        ...LIMITS_OFF,
        ...env,
      },
      ready: from => ('line' in from ? serviceOf(from.line) : undefined),
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      signal: io.signal,
    })
    return new ProductionStack(program)
  }

  /** Paths of the OpenAPI document that have GET. */
  async documentedPaths(): Promise<string[]> {
    const answer = await fetch(`${this.#origin}/openapi.json`)
    const { paths } = (await answer.json()) as { paths: Readonly<Record<string, object>> }
    return Object.entries(paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []))
  }

  /** Resolves when no worker has anything in its cache. */
  async forget(signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.#origin}/performance/cache/clear`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ all: true }),
      signal,
    })
    if (!answer.ok) throw new Error(`the cache can't be cleared: ${answer.status} ${await answer.text()}`)
    // The other workers find it out within this time.
    const { onThisMachineWithinMs } = (await answer.json()) as { onThisMachineWithinMs: number }
    await sleep(onThisMachineWithinMs, undefined, { signal })
  }

  stop(): Promise<void> {
    return this.#program.stop()
  }
}

/** From its screen: `Service        http://127.0.0.1:8080`. */
function serviceOf(line: string): URL | undefined {
  const service = /^\s*Service\s+(http:\/\/\S+)/.exec(line)?.[1]
  return service === undefined ? undefined : new URL(service)
}
