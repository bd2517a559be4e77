// The suite's side of a client program: a process of its own for each candidate, so that its CPU time is its own and that no other candidate's calls have shaped
// the code that the compiler made.
import path from 'node:path'
import { onCore } from '../pinning.ts'
import { type Program, startProgram } from '../program.ts'
import type { BenchIo } from '../suite.ts'
import type { Answer, Order, Results } from './client-protocol.ts'

export class Client {
  readonly #program: Program<true>
  readonly #signal: AbortSignal

  private constructor(program: Program<true>, signal: AbortSignal) {
    this.#program = program
    this.#signal = signal
  }

  /** @throws Error when it doesn't start */
  static async start(
    io: Pick<BenchIo, 'nodePath' | 'signal' | 'env'>,
    core: number | null,
    env: Readonly<Record<string, string>>,
  ): Promise<Client> {
    const program = await startProgram({
      name: 'the database client',
      command: onCore(core, [io.nodePath, path.join(import.meta.dirname, 'client-program.ts')]),
      env: { ...io.env, ...env },
      ipc: true,
      ready: from => ('message' in from ? (true as const) : undefined),
      signal: io.signal,
    })
    return new Client(program, io.signal)
  }

  /** @throws Error when an answer was wrong, the program has ended, or the run was interrupted */
  async ask<Asked extends Order>(order: Asked): Promise<Results[Asked['kind']]> {
    this.#signal.throwIfAborted()
    const { child } = this.#program
    const { promise, resolve, reject } = Promise.withResolvers<Results[Asked['kind']]>()
    const onMessage = (message: unknown): void => {
      const answer = message as Answer
      if (answer.kind === 'done') resolve(answer.result as Results[Asked['kind']])
      else if (answer.kind === 'failed') reject(new Error(answer.reason))
    }
    const onEnd = (): void => reject(new Error('the database client has ended'))
    const onAbort = (): void => reject(this.#signal.reason as Error)
    child.on('message', onMessage)
    child.once('exit', onEnd)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      child.send(order)
      return await promise
    } finally {
      child.off('message', onMessage)
      child.off('exit', onEnd)
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  stop(): Promise<void> {
    return this.#program.stop()
  }
}

/** Starts one for each name, uses them, and ends them. */
export async function withClients<Name extends string, Result>(
  names: readonly Name[],
  start: () => Promise<Client>,
  use: (clients: ReadonlyMap<Name, Client>) => Promise<Result>,
): Promise<Result> {
  const clients = new Map<Name, Client>()
  try {
    for (const name of names) clients.set(name, await start())
    return await use(clients)
  } finally {
    await Promise.all(Array.from(clients.values(), client => client.stop()))
  }
}
