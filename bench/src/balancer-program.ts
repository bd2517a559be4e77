// Our balancer as a program, as its user would start it: on a free port, with the flags that the caller wants, until the caller ends it.
import { startProgram } from './program.ts'
import { onCore } from './pinning.ts'
import { listeningPort } from './ready-line.ts'

export interface BalancerSetting {
  /** As it's named in messages. Default: the balancer. */
  readonly name?: string
  readonly nodePath: string
  /** Its program file. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What isn't left at its defaults, but for its addresses and the grace at its end, which nobody here would use. */
  readonly flags: readonly string[]
  /** Default null: any. */
  readonly core?: number | null
  readonly signal: AbortSignal
}

export interface RunningBalancer {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 20_000

/** @throws Error when it doesn't start, with what it said */
export async function startBalancer(setting: BalancerSetting): Promise<RunningBalancer> {
  const { name = 'the balancer', nodePath, file, env, flags, core = null, signal } = setting
  const own = ['--listen=127.0.0.1:0', '--admin=127.0.0.1:0', '--shutdown.grace-ms=0']
  const program = await startProgram({
    name,
    command: onCore(core, [nodePath, file, ...own, ...flags]),
    env: { ...env, PORT: undefined, ADMIN_PORT: undefined, NODE_ENV: 'production' },
    // It ends with whoever started it, however that ends.
    ipc: true,
    ready: from => ('line' in from ? listeningPort(from.line) : undefined),
    startTimeoutMs: START_TIMEOUT_MS,
    signal,
  })
  return { pid: program.pid, port: program.ready, stop: program.stop }
}
