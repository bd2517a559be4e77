// The workers of the suite: programs of their own, each on a Unix socket.
import path from 'node:path'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { Behaviour, WorkerFigures, WorkerOrder, WorkerReport } from './worker-protocol.ts'

export interface FleetWorker {
  readonly behaviour: Behaviour
  readonly socketPath: string
}

export class Fleet {
  readonly workers: readonly FleetWorker[]
  readonly #programs: readonly Program<true>[]

  private constructor(workers: readonly FleetWorker[], programs: readonly Program<true>[]) {
    this.workers = workers
    this.#programs = programs
  }

  static async start(io: BenchIo, behaviours: readonly Behaviour[]): Promise<Fleet> {
    const workers = behaviours.map(behaviour => ({
      behaviour,
      socketPath: path.join(io.temporary, `${behaviour.name}.sock`),
    }))
    const started = await Promise.allSettled(workers.map(worker => startWorker(io, worker)))
    const programs = started.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const failed = started.find(outcome => outcome.status === 'rejected')
    if (failed) {
      await Promise.all(programs.map(program => program.stop()))
      throw failed.reason
    }
    return new Fleet(workers, programs)
  }

  /** The workers' figures count from here on. */
  begin(): void {
    for (const { child } of this.#programs) child.send({ kind: 'begin' } satisfies WorkerOrder)
  }

  /** By the workers' names, since `begin()`. @throws Error when a worker has ended */
  async figures(): Promise<Map<string, WorkerFigures>> {
    const all = await Promise.all(this.#programs.map(program => askFigures(program)))
    return new Map(this.workers.map(({ behaviour }, i) => [behaviour.name, all[i] as WorkerFigures]))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map(program => program.stop()))
  }
}

function startWorker(io: BenchIo, { behaviour, socketPath }: FleetWorker): Promise<Program<true>> {
  return startProgram({
    name: `the worker "${behaviour.name}"`,
    command: [
      io.nodePath,
      ...(behaviour.collectEvery > 0 ? ['--expose-gc'] : []),
      path.join(import.meta.dirname, 'worker-program.ts'),
    ],
    env: { ...io.env, NODE_ENV: 'production' },
    firstMessage: { kind: 'start', socketPath, behaviour } satisfies WorkerOrder,
    ready: from => ('message' in from && (from.message as WorkerReport).kind === 'listening' ? true : undefined),
    signal: io.signal,
  })
}

function askFigures({ child }: Program<true>): Promise<WorkerFigures> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a worker has ended'))
    child.once('close', ended)
    child.once('message', (report: WorkerReport) => {
      child.off('close', ended)
      if (report.kind === 'figures') resolve(report)
      else reject(new Error('a worker was asked for figures and told something else'))
    })
    if (!child.send({ kind: 'figures' } satisfies WorkerOrder) && !child.connected) ended()
  })
}
