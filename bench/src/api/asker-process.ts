// The suite's side of the program that asks.
import path from 'node:path'
import { onCore } from '../pinning.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { AskerMessage, AskFigures, AskOrder } from './asker-protocol.ts'

export class AskerProcess {
  readonly #program: Program<true>
  readonly #signal: AbortSignal

  private constructor(program: Program<true>, signal: AbortSignal) {
    this.#program = program
    this.#signal = signal
  }

  /** @param core null: any */
  static async start(io: Pick<BenchIo, 'nodePath' | 'signal'>, core: number | null): Promise<AskerProcess> {
    const program = await startProgram({
      name: 'the program that asks',
      command: onCore(core, [io.nodePath, path.join(import.meta.dirname, 'asker-program.ts')]),
      ipc: true,
      ready: from => ('message' in from ? (true as const) : undefined),
      signal: io.signal,
    })
    return new AskerProcess(program, io.signal)
  }

  /** One order at a time. @throws Error when an answer was wrong, nobody answers, or the suite is to stop */
  async ask(order: AskOrder): Promise<AskFigures> {
    this.#signal.throwIfAborted()
    const { child } = this.#program
    const outcome = Promise.withResolvers<AskFigures>()
    const onMessage = (message: unknown) => {
      const said = message as AskerMessage
      if (said.kind === 'done') outcome.resolve(said.figures)
      else if (said.kind === 'impossible') outcome.reject(new Error(said.reason))
    }
    const onClose = () => outcome.reject(new Error('the program that asks has ended'))
    const onAbort = () => outcome.reject(this.#signal.reason as Error)
    child.on('message', onMessage)
    child.once('close', onClose)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      child.send(order, error => {
        if (error) outcome.reject(error)
      })
      return await outcome.promise
    } finally {
      child.off('message', onMessage)
      child.off('close', onClose)
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  stop(): Promise<void> {
    return this.#program.stop()
  }
}
