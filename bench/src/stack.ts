// The whole stack as `npm start` starts it, on a new database of its own with the small demo data.
import path from 'node:path'
import { type Program, startProgram } from './program.ts'
import type { BenchIo } from './suite.ts'

export interface Stack {
  /** http://host:port of the balancer. */
  readonly service: string
}

/** @param env what the stack's processes see; addresses and folders are its own */
export function startStack(io: BenchIo, env: Readonly<Record<string, string | undefined>>): Promise<Program<Stack>> {
  const ports = ['--port', '0', '--admin-port', '0', '--api-admin-port', '0']
  const entry = path.join(io.checkout, 'deploy/local/src/main.ts')
  return startProgram({
    name: 'the stack',
    command: [io.nodePath, entry, ...ports, '--demo', 'small', '--data', path.join(io.temporary, 'data')],
    env: {
      ...env,
      // Sockets and caches of the run go with the folder.
      TMPDIR: io.temporary,
      PORT: undefined,
      ADMIN_PORT: undefined,
      API_ADMIN_PORT: undefined,
      DATABASE_URL: undefined,
      PLIMSOLL_DATA: undefined,
    },
    ready: from => serviceOf('line' in from ? from.line : ''),
    startTimeoutMs: 180_000,
    stopTimeoutMs: 30_000,
    signal: io.signal,
  })
}

/** From the stack's screen: `Service        http://127.0.0.1:8080`. */
function serviceOf(line: string): Stack | undefined {
  const service = /^\s*Service\s+(http:\/\/\S+)/.exec(line)?.[1]
  return service === undefined ? undefined : { service }
}
