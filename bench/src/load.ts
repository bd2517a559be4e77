// The suite's side of generator and backend: starts them, has a run made, reads the proxy's CPU time exactly around it.
import path from 'node:path'
import { treeCpuUs } from './cpu-time.ts'
import type { BackendListening, LoadMessage, LoadResult, RunLoad, Workload } from './load-protocol.ts'
import { type CorePlan, onCore } from './pinning.ts'
import { type Program, startProgram } from './program.ts'
import type { BenchIo } from './suite.ts'

export interface Measured extends LoadResult {
  /** CPU time of the proxy and its children per request; null for a run without a proxy. */
  readonly cpuUsPerRequest: number | null
  /** Share of the measured time that the proxy was on a core, a ratio. Far below 1 on a pinned proxy: the load was the bottleneck. */
  readonly proxyBusy: number | null
  /** The same for generator and backend together; above 1 when they have a core each. */
  readonly loadBusy: number
}

export interface RunOptions {
  readonly port: number
  readonly proxyPid: number | null
  readonly workload: Workload
  readonly warmupMs: number
  readonly measureMs: number
}

type Io = Pick<BenchIo, 'nodePath' | 'signal'>

/** Generator and backend, running. */
export class Load {
  /** Of the backend. */
  readonly ports: readonly number[]
  readonly #generator: Program<true>
  readonly #backend: Program<readonly number[]>
  readonly #signal: AbortSignal

  private constructor(generator: Program<true>, backend: Program<readonly number[]>, signal: AbortSignal) {
    this.#generator = generator
    this.#backend = backend
    this.#signal = signal
    this.ports = backend.ready
  }

  static async start(io: Io, cores: CorePlan): Promise<Load> {
    const program = (file: string) => [io.nodePath, path.join(import.meta.dirname, file)]
    const backend = await startProgram({
      name: 'the backend',
      command: onCore(cores.backend, program('cheap-backend.ts')),
      ipc: true,
      ready: from => ('message' in from ? (from.message as BackendListening).ports : undefined),
      signal: io.signal,
    })
    try {
      const generator = await startProgram({
        name: 'the load generator',
        command: onCore(cores.generator, program('load-generator.ts')),
        ipc: true,
        ready: from => ('message' in from ? (true as const) : undefined),
        signal: io.signal,
      })
      return new Load(generator, backend, io.signal)
    } catch (error) {
      await backend.stop()
      throw error
    }
  }

  /** @throws Error when an answer was wrong, or the run couldn't be made. */
  async run(options: RunOptions): Promise<Measured> {
    const { port, proxyPid, workload, warmupMs, measureMs } = options
    this.#signal.throwIfAborted()
    const order: RunLoad = { kind: 'run', port, workload, warmupMs, measureMs }
    const outcome = Promise.withResolvers<LoadResult>()
    const before = { proxyUs: 0, loadUs: 0 }
    const after = { proxyUs: 0, loadUs: 0 }
    const read = (into: typeof before) => {
      into.proxyUs = proxyPid === null ? 0 : treeCpuUs(proxyPid)
      into.loadUs = treeCpuUs(this.#generator.pid) + treeCpuUs(this.#backend.pid)
    }
    const onMessage = (message: unknown) => {
      const said = message as LoadMessage
      if (said.kind === 'measuring') read(before)
      else if (said.kind === 'measured') read(after)
      else if (said.kind === 'done') outcome.resolve(said)
      else if (said.kind === 'failed') outcome.reject(new Error(`the load could not be made: ${said.reason}`))
    }
    const onEnd = () => outcome.reject(new Error('the load generator has ended'))
    const onAbort = () => outcome.reject(this.#signal.reason as Error)
    const { child } = this.#generator
    child.on('message', onMessage)
    child.once('exit', onEnd)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      child.send(order)
      const result = await outcome.promise
      if (result.wrong > 0) throw new Error(`${result.wrong} wrong answers; the first: ${result.firstWrong}`)
      const wallUs = result.seconds * 1e6
      const proxyUs = after.proxyUs - before.proxyUs
      return {
        ...result,
        cpuUsPerRequest: proxyPid === null ? null : proxyUs / result.requests,
        proxyBusy: proxyPid === null ? null : proxyUs / wallUs,
        loadBusy: (after.loadUs - before.loadUs) / wallUs,
      }
    } finally {
      child.off('message', onMessage)
      child.off('exit', onEnd)
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#generator.stop(), this.#backend.stop()])
  }
}
