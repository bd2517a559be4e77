// Which ways of choosing a worker are compared: the real balancer, each with its own flags, in front of the same workers.
import path from 'node:path'
import { until } from '@plimsoll/testing'
import { startBalancer } from '../balancer-program.ts'
import type { BenchIo } from '../suite.ts'
import type { FleetWorker } from './fleet.ts'
import { answeringWorker, HEALTH_PATH, WORK_PATH } from './worker-protocol.ts'

export interface RoutingCandidate {
  readonly name: string
  readonly flags: readonly string[]
}

/** The first one is what the others are compared with. */
export const ROUTING_CANDIDATES: readonly RoutingCandidate[] = [
  { name: 'least-connections', flags: ['--strategy=least-connections', '--reports.from=none'] },
  { name: 'peak-ewma', flags: ['--strategy=peak-ewma', '--reports.from=none'] },
  { name: 'least-connections + reports', flags: ['--strategy=least-connections'] },
  { name: 'least-loaded', flags: ['--strategy=least-loaded'] },
]

export interface RunningRoutingCandidate {
  readonly name: string
  readonly port: number
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 10_000

/** Starts it and asks until every worker has given the right answer. @throws Error for a wrong one */
export async function startCandidate(
  io: BenchIo,
  { name, flags }: RoutingCandidate,
  workers: readonly FleetWorker[],
): Promise<RunningRoutingCandidate> {
  const balancer = await startBalancer({
    name: `the balancer with ${name}`,
    nodePath: io.nodePath,
    file: path.join(io.checkout, 'apps/balancer/src/main.ts'),
    env: io.env,
    flags: [
      '--log.level=warn',
      `--health.path=${HEALTH_PATH}`,
      ...flags,
      ...workers.flatMap(({ socketPath }) => ['--upstream', `unix:${socketPath}`]),
    ],
    signal: io.signal,
  })
  try {
    await checkAnswers(name, balancer.port, workers)
  } catch (error) {
    await balancer.stop()
    throw error
  }
  return { name, port: balancer.port, stop: () => balancer.stop() }
}

async function checkAnswers(name: string, port: number, workers: readonly FleetWorker[]): Promise<void> {
  const missing = new Set(workers.map(({ behaviour }) => behaviour.name))
  let id = 0
  const everybody = async (): Promise<boolean> => {
    // Together, so that strategies which prefer somebody have to use the others, too.
    await Promise.all(
      Array.from({ length: workers.length * 4 }, async () => {
        const asked = `check-${id++}`
        const response = await fetch(`http://127.0.0.1:${port}${WORK_PATH}${asked}`)
        const body = await response.text()
        if (response.status === 503) return
        const worker = response.status === 200 ? answeringWorker(body, asked) : null
        if (worker === null)
          throw new Error(`${name} answers wrongly: status ${response.status}, ${JSON.stringify(body.slice(0, 80))}`)
        if (response.headers.has('endpoint-load-metrics'))
          throw new Error(`${name} lets the load report out to the client`)
        missing.delete(worker)
      }),
    )
    return missing.size === 0
  }
  await until(everybody, { what: `answers of ${workers.length} workers through ${name}`, timeoutMs: READY_TIMEOUT_MS })
}
