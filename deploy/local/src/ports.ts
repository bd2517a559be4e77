// Whether the ports are free, asked before anything slow is begun.
import { createServer } from 'node:net'
import { LocalError } from './errors.ts'

export interface WantedPort {
  readonly port: number
  readonly host: string
  /** What it's for, as in "the service". */
  readonly what: string
  /** The option that chooses another. */
  readonly flag: string
}

/** Null when the port is free (0 always is), else the system's code, for example EADDRINUSE. */
export function portProblem({ port, host }: WantedPort): Promise<string | null> {
  if (port === 0) return Promise.resolve(null)
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

/** @throws LocalError LOCAL_ERR_PORT_IN_USE for the first port that can't be had. */
export async function requirePorts(wanted: readonly WantedPort[]): Promise<void> {
  for (const want of wanted) {
    const problem = await portProblem(want)
    if (!problem) continue
    const why = problem === 'EADDRINUSE' ? 'is in use by another program' : `can't be had (${problem})`
    throw new LocalError(
      'LOCAL_ERR_PORT_IN_USE',
      `Port ${want.port} on ${want.host}, for ${want.what}, ${why}. Stop that program (another npm start?), or choose another port: npm start -- ${want.flag} ${want.port + 1}`,
    )
  }
}
