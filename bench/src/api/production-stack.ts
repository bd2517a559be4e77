// `npm start` in production on a database that's given: balancer, supervisor, workers; what's changed of it is in its profile, which the output says.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from '../field-reports/accounts.ts'
import { ownEnvironment } from '../field-reports/databases.ts'
import { LIMITS_OFF } from '../limits-off.ts'
import { drawProductionSecrets } from '../production-secrets.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { Address } from './asker-protocol.ts'

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
  /** What operators send as `authorization`. */
  readonly operatorAuthorization: string
  readonly pid: number
  readonly #origin: string
  readonly #program: Program<URL>

  private constructor(program: Program<URL>, operatorAuthorization: string) {
    this.#program = program
    this.pid = program.pid
    this.operatorAuthorization = operatorAuthorization
    this.#origin = program.ready.origin
    this.address = { host: program.ready.hostname, port: Number(program.ready.port) }
  }

  static async start(io: BenchIo, { name, databaseUrl, demo, workers, env }: StackPlan): Promise<ProductionStack> {
    const folder = path.join(io.temporary, name)
    mkdirSync(folder, { recursive: true })
    const ports = ['--port', '0', '--admin-port', '0', '--api-admin-port', '0']
    const flags = [...ports, '--demo', demo, '--data', path.join(folder, 'data')]
    const secrets = drawProductionSecrets()
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
        ...secrets.env,
        ...LIMITS_OFF,
        ...env,
      },
      ready: from => ('line' in from ? serviceOf(from.line) : undefined),
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: STOP_TIMEOUT_MS,
      signal: io.signal,
    })
    return new ProductionStack(program, secrets.operatorAuthorization)
  }

  /** Paths of the OpenAPI document that have GET. */
  async documentedPaths(): Promise<string[]> {
    const answer = await fetch(`${this.#origin}/openapi.json`)
    const { paths } = (await answer.json()) as { paths: Readonly<Record<string, object>> }
    return Object.entries(paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []))
  }

  /** Signs a user in. @returns what the user sends as `authorization` for the next 15 minutes */
  async signIn({ email, password }: Pick<Account, 'email' | 'password'>, signal: AbortSignal): Promise<string> {
    const answer = await fetch(`${this.#origin}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
      signal,
    })
    if (!answer.ok) throw new Error(`nobody can sign in: ${answer.status} ${await answer.text()}`)
    const { accessToken } = (await answer.json()) as { accessToken: string }
    return `Bearer ${accessToken}`
  }

  /** Resolves when no worker has anything in its cache. */
  async forget(signal: AbortSignal): Promise<void> {
    const answer = await fetch(`${this.#origin}/performance/cache/clear`, {
      method: 'POST',
      headers: { authorization: this.operatorAuthorization, 'content-type': 'application/json' },
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
