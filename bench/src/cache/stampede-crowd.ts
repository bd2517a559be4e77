// The suite's side of a stampede: as many processes as wanted, told to begin at the same time.
import { once } from 'node:events'
import path from 'node:path'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { StampedeAnswer, StampedeOrder, StampedeResult, StampedeTask } from './stampede-protocol.ts'

export class StampedeCrowd {
  readonly #task: StampedeTask
  readonly #programs: readonly Program<true>[]
  readonly #signal: AbortSignal

  private constructor(task: StampedeTask, programs: readonly Program<true>[], signal: AbortSignal) {
    this.#task = task
    this.#programs = programs
    this.#signal = signal
  }

  /** @throws Error when one doesn't start */
  static async start(
    io: Pick<BenchIo, 'nodePath' | 'signal' | 'env'>,
    task: StampedeTask,
    processes: number,
  ): Promise<StampedeCrowd> {
    const programs: Program<true>[] = []
    try {
      for (let i = 0; i < processes; i++) programs.push(await startOne(io, task))
      return new StampedeCrowd(task, programs, io.signal)
    } catch (error) {
      await Promise.all(programs.map(program => program.stop()))
      throw error
    }
  }

  /** One result per process. @throws Error when an answer was wrong, or the run was interrupted */
  run(order: StampedeOrder): Promise<StampedeResult[]> {
    return Promise.all(this.#programs.map(program => this.#ask(program, order)))
  }

  async #ask({ child }: Program<true>, order: StampedeOrder): Promise<StampedeResult> {
    const done = new AbortController()
    const signal = AbortSignal.any([this.#signal, done.signal])
    try {
      const answered = once(child, 'message', { signal })
      const ended = once(child, 'exit', { signal }).then(() => {
        throw new Error(`${this.#task.name}: its process has ended`)
      })
      child.send(order)
      const [answer] = (await Promise.race([answered, ended])) as [StampedeAnswer]
      if (answer.kind === 'done') return answer.result
      throw new Error(`${this.#task.name}: ${answer.kind === 'failed' ? answer.reason : answer.kind}`)
    } finally {
      done.abort()
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map(program => program.stop()))
  }
}

function startOne(io: Pick<BenchIo, 'nodePath' | 'signal' | 'env'>, task: StampedeTask): Promise<Program<true>> {
  return startProgram({
    name: `a process with ${task.name}`,
    command: [io.nodePath, path.join(import.meta.dirname, 'stampede-program.ts'), JSON.stringify(task)],
    env: io.env,
    ipc: true,
    ready: said => {
      if (!('message' in said)) return undefined
      const answer = said.message as StampedeAnswer
      return answer.kind === 'ready' ? (true as const) : undefined
    },
    signal: io.signal,
  })
}
