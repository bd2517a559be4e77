// A program that a suite starts and gives orders to over IPC, one at a time; each is answered with figures, or with why there are none.
//
//   waiting ──order──► at work ──done──► waiting
//                         └── impossible, ended, Ctrl-C: the order rejects
import path from 'node:path'
import { onCore } from './pinning.ts'
import { type Program, startProgram } from './program.ts'
import type { BenchIo } from './suite.ts'

type Said<Figures> =
  | { readonly kind: 'done'; readonly figures: Figures }
  | { readonly kind: 'impossible'; readonly reason: string }

export class OrderedProgram<Order extends object, Figures> {
  readonly #program: Program<true>
  readonly #name: string
  readonly #signal: AbortSignal

  private constructor(program: Program<true>, name: string, signal: AbortSignal) {
    this.#program = program
    this.#name = name
    this.#signal = signal
  }

  /**
   * @param file its entry, from the folder of this file; it sends any message when it's ready
   * @param core null: any
   */
  static async start<Order extends object, Figures>(
    io: Pick<BenchIo, 'nodePath' | 'signal'>,
    { name, file, core }: { readonly name: string; readonly file: string; readonly core: number | null },
  ): Promise<OrderedProgram<Order, Figures>> {
    const program = await startProgram({
      name,
      command: onCore(core, [io.nodePath, path.join(import.meta.dirname, file)]),
      ipc: true,
      ready: from => ('message' in from ? (true as const) : undefined),
      signal: io.signal,
    })
    return new OrderedProgram(program, name, io.signal)
  }

  /** One order at a time. @throws Error when it's impossible, the program has ended, or the suite is to stop */
  async run(order: Order): Promise<Figures> {
    this.#signal.throwIfAborted()
    const { child } = this.#program
    const outcome = Promise.withResolvers<Figures>()
    const onMessage = (message: unknown) => {
      const said = message as Said<Figures>
      if (said.kind === 'done') outcome.resolve(said.figures)
      else if (said.kind === 'impossible') outcome.reject(new Error(said.reason))
    }
    const onClose = () => outcome.reject(new Error(`${this.#name} has ended`))
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
