// The two services as programs: the naive one, and ours as its user starts it.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LIMITS_OFF } from '../limits-off.ts'
import type { NaiveOrder } from '../naive/program.ts'
import { drawProductionSecrets } from '../production-secrets.ts'
import { startProgram, type Program } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import { type Databases, type DemoSize, ownEnvironment } from './databases.ts'
import type { ProcessGroup } from './processor-account.ts'

export interface Service {
  /** http://127.0.0.1:8080 */
  readonly origin: string
  readonly processes: ProcessGroup
  stop(): Promise<void>
}

/** Ours can be told to forget. */
export interface CachingService extends Service {
  /** Resolves when no worker has anything in its cache. */
  forget(): Promise<void>
  /** What its operators send as `authorization`. */
  readonly operatorAuthorization: string
}

const START_TIMEOUT_MS = 60_000

/** One process. */
export async function startNaiveService(io: BenchIo, databaseUrl: string): Promise<Service> {
  const program = await startProgram({
    name: 'the naive service',
    command: [io.nodePath, path.join(import.meta.dirname, '../naive/program.ts')],
    env: { ...ownEnvironment(io), NODE_ENV: 'production' },
    firstMessage: { databaseUrl } satisfies NaiveOrder,
    ready: from => ('message' in from ? (from.message as { origin: string }).origin : undefined),
    startTimeoutMs: START_TIMEOUT_MS,
    signal: io.signal,
  })
  return {
    origin: program.ready,
    processes: { pid: program.pid, partOf: () => 'naive service' },
    stop: program.stop,
  }
}

export interface OurSetting {
  readonly databaseUrl: string
  /** Of the demo data that's there. */
  readonly size: DemoSize
  /** Null: as many as it starts by itself. */
  readonly workers: number | null
}

/** `npm start` on a database that's there: balancer, supervisor and workers, with the defaults of production but for limits per address. */
export async function startOurService(
  io: BenchIo,
  { databaseUrl, size, workers }: OurSetting,
): Promise<CachingService> {
  const ports = ['--port', '0', '--admin-port', '0', '--api-admin-port', '0']
  const count = workers === null ? [] : ['--workers', String(workers)]
  const entry = path.join(io.checkout, 'deploy/local/src/main.ts')
  const secrets = drawProductionSecrets()
  const program: Program<string> = await startProgram({
    name: 'our service',
    command: [io.nodePath, entry, ...ports, ...count, '--demo', size, '--data', path.join(io.temporary, 'data')],
    env: {
      ...ownEnvironment(io),
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      DATABASE_URL: databaseUrl,
      ...secrets.env,
      ...LIMITS_OFF,
    },
    ready: from => ('line' in from ? /^\s*Service\s+(http:\/\/\S+)/.exec(from.line)?.[1] : undefined),
    startTimeoutMs: START_TIMEOUT_MS,
    stopTimeoutMs: 30_000,
    signal: io.signal,
  })
  const origin = program.ready
  return {
    origin,
    processes: { pid: program.pid, partOf: ourPart },
    operatorAuthorization: secrets.operatorAuthorization,
    forget: () => clearCache(origin, secrets.operatorAuthorization, io.signal),
    stop: program.stop,
  }
}

export function postgresProcesses({ pid }: Databases): ProcessGroup {
  return { pid, partOf: () => 'PostgreSQL' }
}

function ourPart(command: string): string {
  if (command.includes('apps/balancer/')) return 'balancer'
  return command.includes('apps/api/') ? 'API' : 'npm start'
}

async function clearCache(origin: string, authorization: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${origin}/performance/cache/clear`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ all: true }),
    signal,
  })
  if (!answer.ok) throw new Error(`the cache can't be cleared: ${answer.status} ${await answer.text()}`)
  // The other workers find it out within this time.
  const { onThisMachineWithinMs } = (await answer.json()) as { onThisMachineWithinMs: number }
  await sleep(onThisMachineWithinMs, undefined, { signal })
}
