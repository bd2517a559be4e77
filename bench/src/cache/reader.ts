// The suite's side of a thread that reads from one cache. An isolate of its own for each: in a shared one, the calls of eight caches would meet in the same loops, and the
// compiler would inline none of them.
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ReaderAnswer, ReaderOrder, ReaderResult, ReaderTask } from './reader-protocol.ts'

/** CPU time by which a number of operations can be judged: some kernels' clock moves in steps of 4 ms. */
const ROUGH_US = 20_000

export class Reader {
  readonly name: string
  readonly #worker: Worker
  readonly #signal: AbortSignal

  private constructor(name: string, worker: Worker, signal: AbortSignal) {
    this.name = name
    this.#worker = worker
    this.#signal = signal
  }

  /** @throws Error when its cache gave a wrong answer, or loaded something twice */
  static async start(task: ReaderTask, signal: AbortSignal): Promise<Reader> {
    const worker = new Worker(path.join(import.meta.dirname, 'reader-program.ts'), { workerData: task })
    const reader = new Reader(task.name, worker, signal)
    try {
      await reader.#answer()
      return reader
    } catch (error) {
      await reader.stop()
      throw error
    }
  }

  /** @throws Error when an answer was wrong, or the run was interrupted */
  async ask(order: ReaderOrder): Promise<ReaderResult> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin, unlike a window
    this.#worker.postMessage(order)
    const answer = await this.#answer()
    if (answer.kind !== 'done') throw new Error(`${this.name}: "${answer.kind}" is no result`)
    return answer.result
  }

  /**
   * Lets it run until the compiler is done with it, for so much CPU time.
   * @param orderOf - makes an order of so many operations
   * @returns how many operations take `sliceMs`
   */
  async warmUp(warmupMs: number, sliceMs: number, orderOf: (operations: number) => ReaderOrder): Promise<number> {
    let operations = 200
    let tookUs = 0
    for (let totalUs = 0; totalUs < warmupMs * 1000 || tookUs < ROUGH_US; totalUs += tookUs) {
      const { cpuUs } = await this.ask(orderOf(operations))
      tookUs = cpuUs
      if (tookUs < ROUGH_US) operations *= 2
    }
    return Math.ceil((operations * sliceMs * 1000) / tookUs)
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  async #answer(): Promise<ReaderAnswer> {
    const [answer] = (await once(this.#worker, 'message', { signal: this.#signal })) as [ReaderAnswer]
    if (answer.kind === 'failed') throw new Error(`${this.name}: ${answer.reason}`)
    return answer
  }
}

/** Starts one for each name, uses them, and ends them. */
export async function withReaders<Result>(
  names: readonly string[],
  start: (name: string) => Promise<Reader>,
  use: (readers: readonly Reader[]) => Promise<Result>,
): Promise<Result> {
  const readers: Reader[] = []
  try {
    for (const name of names) readers.push(await start(name))
    return await use(readers)
  } finally {
    await Promise.all(readers.map(reader => reader.stop()))
  }
}
