// Our balancer in front of the drill's service, as its user would start it: endpoints from the file that the service's supervisor keeps.
import { startProgram } from '../../../src/program.ts'
import { listeningPort } from '../../../src/ready-line.ts'
import type { RunningProxy } from '../proxies.ts'
import { HEALTH_PATH } from '../upstream/upstream-protocol.ts'

export interface BalancerSetting {
  readonly nodePath: string
  /** Its program file. */
  readonly program: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly endpointFile: string
  /** What isn't left at its defaults, but for the addresses and the endpoints. */
  readonly flags: readonly string[]
  readonly signal: AbortSignal
}

const START_TIMEOUT_MS = 20_000

export async function startBalancer(setting: BalancerSetting): Promise<RunningProxy> {
  const { nodePath, program: file, env, endpointFile, signal } = setting
  const flags = [
    ['--listen', '127.0.0.1:0'],
    ['--admin', '127.0.0.1:0'],
    ['--discovery.file', endpointFile],
    ['--health.path', HEALTH_PATH],
    // Of no matter for the drill, but it ends sooner, and prints less.
    ['--shutdown.grace-ms', '0'],
    ['--log.level', 'error'],
    setting.flags,
  ].flat()
  const program = await startProgram({
    name: 'the balancer',
    command: [nodePath, file, ...flags],
    env: { ...env, PORT: undefined, ADMIN_PORT: undefined, NODE_ENV: 'production' },
    // It ends with the drill, however the drill ends.
    ipc: true,
    ready: from => ('line' in from ? listeningPort(from.line) : undefined),
    startTimeoutMs: START_TIMEOUT_MS,
    signal,
  })
  return { pid: program.pid, port: program.ready, stop: program.stop }
}
