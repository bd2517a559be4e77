// One program of the stack as a child process: started, waited for, stopped.
//
//   starting ──ready line──► running ──stop()──► stopping ──► ended
//      └── ended before ready: start fails      └── ended by itself: onUnexpectedEnd
//
// Invariants
// * A child leads a process group of its own, so that Ctrl-C in the terminal reaches only the stack, which stops its parts in order.
// * It has an IPC channel that it ends with: a stack that was killed leaves no children behind.
// * Its output goes to one writer, the log file; the last lines are kept for the message when it fails.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { LocalError } from './errors.ts'

export interface ChildProgramOptions {
  /** As the user knows it: "the balancer". */
  readonly name: string
  readonly entry: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly nodePath: string
  /** Time until the ready line. */
  readonly startTimeoutMs: number
  /** Time after SIGTERM until SIGKILL. */
  readonly stopTimeoutMs: number
  /** Gets every line of output. */
  onLine(line: string): void
  /** Called when it ends without having been asked to. */
  onUnexpectedEnd(description: string): void
}

/** The JSON line by which a program says that it serves. */
export type ReadyLine = Readonly<Record<string, unknown>> & { readonly msg: 'listening' }

const KEPT_LINES = 8

export class ChildProgram {
  readonly #options: ChildProgramOptions
  readonly #process: ChildProcess
  readonly #ended: Promise<string>
  readonly #lastLines: string[] = []
  #state: 'starting' | 'running' | 'stopping' = 'starting'
  #onReady: ((line: ReadyLine) => void) | null = null

  constructor(options: ChildProgramOptions) {
    this.#options = options
    this.#process = spawn(options.nodePath, [options.entry, ...options.args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: options.env,
    })
    this.#ended = new Promise(resolve => {
      this.#process.once('error', error => resolve(`could not be started: ${error.message}`))
      this.#process.once('close', (code, signal) =>
        resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
      )
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', line => this.#take(line))
    }
    void this.#ended.then(how => {
      if (this.#state === 'running') options.onUnexpectedEnd(this.#describe(how))
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves with the ready line. @throws LocalError LOCAL_ERR_CHILD_FAILED or LOCAL_ERR_CHILD_SLOW; the child has ended then. */
  async ready(): Promise<ReadyLine> {
    let timer: NodeJS.Timeout | undefined
    const outcome = await Promise.race([
      new Promise<ReadyLine>(resolve => (this.#onReady = resolve)),
      this.#ended,
      new Promise<'slow'>(resolve => (timer = setTimeout(() => resolve('slow'), this.#options.startTimeoutMs))),
    ])
    clearTimeout(timer)
    if (typeof outcome === 'object') {
      this.#state = 'running'
      return outcome
    }
    if (outcome !== 'slow') throw new LocalError('LOCAL_ERR_CHILD_FAILED', this.#describe(outcome))
    await this.stop()
    throw new LocalError(
      'LOCAL_ERR_CHILD_SLOW',
      this.#describe(`was not ready within ${this.#options.startTimeoutMs / 1000} s`),
    )
  }

  /** Resolves when the program has ended by itself. @throws LocalError LOCAL_ERR_CHILD_FAILED unless its exit code was 0. */
  async finished(): Promise<void> {
    const how = await this.#ended
    if (this.#process.exitCode !== 0) throw new LocalError('LOCAL_ERR_CHILD_FAILED', this.#describe(how))
  }

  /** SIGTERM, then SIGKILL when it takes too long. Resolves with true when it ended by itself with exit code 0. */
  async stop(): Promise<boolean> {
    this.#state = 'stopping'
    if (this.#process.pid === undefined) return true
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), this.#options.stopTimeoutMs)
    await this.#ended
    clearTimeout(timer)
    return this.#process.exitCode === 0
  }

  #take(line: string): void {
    this.#options.onLine(line)
    if (line.trim() !== '') this.#lastLines.push(line)
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
    if (this.#onReady && line.startsWith('{')) {
      const parsed = parseLine(line)
      if (parsed?.['msg'] === 'listening') this.#onReady(parsed as ReadyLine)
    }
  }

  #describe(how: string): string {
    const last = this.#lastLines.findLast(line => !line.startsWith('{')) ?? this.#lastLines.at(-1)
    return `${this.#options.name} ${how}${last ? `: ${last}` : ''}`
  }
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return null
  }
}
