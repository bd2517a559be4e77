// What a soak runs against: a small service under our supervisor and balancer, or the whole stack as `npm start` starts it.
import path from 'node:path'
import { startBalancer } from '../balancer-program.ts'
import { startProgram } from '../program.ts'
import { startStack } from '../stack.ts'
import type { BenchIo } from '../suite.ts'

export interface SoakTarget {
  /** What is asked for, over and over. */
  readonly url: string
  /** The processes that everything belongs to. */
  readonly roots: readonly number[]
  stop(): Promise<void>
}

type Env = Readonly<Record<string, string | undefined>>

const WORKERS = 3

/** Three workers and a balancer, no database. */
export async function startFixture(io: BenchIo, env: Env): Promise<SoakTarget> {
  const { nodePath, signal } = io
  const endpointFile = path.join(io.temporary, 'endpoints.json')
  const entry = path.join(import.meta.dirname, 'service/main.ts')
  const service = await startProgram({
    name: 'the service',
    command: [nodePath, entry, path.join(io.temporary, 'run'), endpointFile, String(WORKERS)],
    env,
    ipc: true,
    ready: from => ('line' in from && from.line === 'serving' ? (true as const) : undefined),
    stopTimeoutMs: 30_000,
    signal,
  })
  try {
    const balancer = await startBalancer({
      nodePath,
      file: path.join(io.checkout, 'apps/balancer/src/main.ts'),
      env,
      flags: ['--discovery.file', endpointFile, '--health.path', '/health', '--log.level', 'error'],
      signal,
    })
    return {
      url: `http://127.0.0.1:${balancer.port}/items`,
      roots: [service.pid, balancer.pid],
      stop: async () => {
        await balancer.stop()
        await service.stop()
      },
    }
  } catch (error) {
    await service.stop()
    throw error
  }
}

/** Balancer, API workers and PostgreSQL with the small demo data. */
export async function startWholeStack(io: BenchIo, env: Env): Promise<SoakTarget> {
  const stack = await startStack(io, env)
  return { url: `${stack.ready.service}/api/courses?limit=20`, roots: [stack.pid], stop: stack.stop }
}

/** Who a process is, by its command line; null for what isn't shown (a shell, a helper). */
export function partOf(command: string): string | null {
  return PARTS.find(({ words }) => command.includes(words))?.part ?? null
}

const PARTS = [
  { words: 'apps/balancer/src/main.ts', part: 'balancer' },
  { words: 'soak/service/worker.ts', part: 'worker' },
  { words: 'soak/service/main.ts', part: 'supervisor' },
  { words: 'apps/api/src/worker/main.ts', part: 'API worker' },
  { words: 'apps/api/src/main.ts', part: 'API supervisor' },
  { words: 'deploy/local/src/main.ts', part: 'npm start' },
  { words: 'postgres', part: 'PostgreSQL' },
] as const
