// Runs a program as a user would start it, watches what it prints, and ends it with the test.
import { spawn, type ChildProcess } from 'node:child_process'
import { TestingError } from './errors.ts'
import { readTestEnvironment } from './test-environment.ts'
import type { TestScope } from './test-scope.ts'

export interface SpawnProgramOptions {
  readonly cwd?: string
  /** Variables set in addition to this process's; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Run as this user; needs root. */
  readonly uid?: number
  readonly gid?: number
  /** Gives the program a process group of its own, which is killed whole in teardown: for programs that have children. Default false. */
  readonly ownGroup?: boolean
  /** Time from SIGTERM to SIGKILL in `stop()`, in milliseconds. Default 5000. */
  readonly stopTimeoutMs?: number
}

/** How a program ended. */
export interface ProgramExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program isn't part of the test run that its test belongs to. */
const NO_TEST = { NODE_TEST_CONTEXT: undefined }
/** Kept of each stream, in characters. */
const MAX_KEPT_CHARACTERS = 1_000_000

/**
 * Starts `[file, ...args]`; `node` stands for the Node that runs this. The program is stopped in teardown, by SIGKILL if need be.
 * @throws the system's error when the file can't be executed.
 */
export async function spawnProgram(
  t: TestScope,
  command: readonly [file: string, ...args: string[]],
  options: SpawnProgramOptions = {},
): Promise<SpawnedProgram> {
  const [file, ...args] = command[0] === 'node' ? [process.execPath, ...command.slice(1)] : command
  const child = spawn(file, args, {
    env: { ...readTestEnvironment().variables, ...NO_TEST, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.ownGroup ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  })
  const program = new SpawnedProgram(child, command.join(' '), options)
  t.teardown(() => program.release())
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  return program
}

interface LineWaiter {
  readonly pattern: RegExp | string
  resolve(line: string): void
  reject(error: Error): void
}

export class SpawnedProgram {
  /** Resolves when the program has ended and its output has been read; never rejects. */
  readonly exited: Promise<ProgramExit>
  readonly #child: ChildProcess
  readonly #command: string
  readonly #stopTimeoutMs: number
  readonly #ownGroup: boolean
  readonly #lines: string[] = []
  readonly #waiters = new Set<LineWaiter>()
  #stdout = ''
  #stderr = ''
  #exit: ProgramExit | undefined

  /** Use `spawnProgram`. */
  constructor(child: ChildProcess, command: string, options: SpawnProgramOptions) {
    this.#child = child
    this.#command = command
    this.#stopTimeoutMs = options.stopTimeoutMs ?? 5000
    this.#ownGroup = options.ownGroup ?? false
    this.#collect(child.stdout, text => (this.#stdout = (this.#stdout + text).slice(-MAX_KEPT_CHARACTERS)))
    this.#collect(child.stderr, text => (this.#stderr = (this.#stderr + text).slice(-MAX_KEPT_CHARACTERS)))
    this.exited = new Promise(resolve => {
      // 'close' comes when the streams have ended too. A grandchild that inherited them may hold them open, so 'exit' is given a moment and then counts.
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#exit ??= { code, signal }
        resolve(this.#exit)
        for (const waiter of this.#waiters) waiter.reject(this.#ended(waiter.pattern, this.#exit))
        this.#waiters.clear()
      }
      child.once('close', ended)
      child.once('exit', (code, signal) => void setTimeout(ended, 500, code, signal).unref())
    })
    child.on('error', () => {})
  }

  /** Process id; 0 when it couldn't be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** All whole lines so far, of both streams in the order of arrival. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /**
   * The first whole line, of either stream, that matches: one that was printed already, or the next that comes.
   * @throws TESTING_ERR_TIMEOUT after `timeoutMs` (default 10 000), TESTING_ERR_PROGRAM_ENDED.
   */
  async line(pattern: RegExp | string, options: { readonly timeoutMs?: number } = {}): Promise<string> {
    const { timeoutMs = 10_000 } = options
    const seen = this.#lines.find(line => matches(line, pattern))
    if (seen !== undefined) return seen
    if (this.#exit !== undefined) throw this.#ended(pattern, this.#exit)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const waiter = { pattern, resolve, reject }
    this.#waiters.add(waiter)
    const timer = setTimeout(() => {
      reject(
        new TestingError(
          'TESTING_ERR_TIMEOUT',
          `${this.#command}: no line matched ${String(pattern)} in ${timeoutMs} ms.${this.#tail()}`,
        ),
      )
    }, timeoutMs)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
  }

  /** Sends a signal; does nothing when the program has ended. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, then SIGKILL after the time-out; resolves when the program has ended. */
  async stop(): Promise<ProgramExit> {
    this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), this.#stopTimeoutMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** What teardown does: stops it, and kills what's left of its process group when it has its own. */
  async release(): Promise<void> {
    if (this.#child.pid === undefined) return
    await this.stop()
    if (!this.#ownGroup) return
    try {
      // The group exists as long as it has members, and its number isn't given away before that.
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // ESRCH: none is left.
    }
  }

  #collect(stream: NodeJS.ReadableStream | null, keep: (text: string) => void): void {
    let rest = ''
    stream?.setEncoding('utf8')
    stream?.on('data', (text: string) => {
      keep(text)
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#addLine(line)
    })
    stream?.on('end', () => {
      if (rest !== '') this.#addLine(rest)
    })
  }

  #addLine(line: string): void {
    this.#lines.push(line)
    for (const waiter of this.#waiters) if (matches(line, waiter.pattern)) waiter.resolve(line)
  }

  #ended(pattern: RegExp | string, exit: ProgramExit): TestingError {
    const how = exit.signal ?? `exit code ${exit.code}`
    return new TestingError(
      'TESTING_ERR_PROGRAM_ENDED',
      `${this.#command} ended (${how}) before a line matched ${String(pattern)}.${this.#tail()}`,
    )
  }

  #tail(): string {
    return this.#lines.length === 0 ? ' It printed nothing.' : ` It printed:\n${this.#lines.slice(-20).join('\n')}`
  }
}

/** `search` looks from the start whatever the flags are; `test` of a global expression remembers where it was. */
function matches(line: string, pattern: RegExp | string): boolean {
  return typeof pattern === 'string' ? line.includes(pattern) : line.search(pattern) !== -1
}
