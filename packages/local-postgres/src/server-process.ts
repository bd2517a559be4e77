// The server as our child: starting, the wait until it's ready, stopping, and the tail of its log.
//
// It runs in a session of its own, so that Ctrl-C in the terminal reaches us alone and we stop it after its clients. States:
//     starting -> ready -> stopping -> exited, and from each of them to exited when the process ends by itself.
// Ready means: line 8 of postmaster.pid says so, with our child's pid in line 1. It's what pg_ctl waits for; no log text is parsed, no connection is tried.
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { LocalPostgresError } from './errors.ts'
import type { ClusterFolder } from './cluster-folder.ts'
import { asUser, SERVER_ENVIRONMENT } from './run-program.ts'
import { readPostmasterFile } from './running-server.ts'

/** How a process ended, as Node tells it. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `fast` ends the sessions and writes a checkpoint; `immediate` leaves the clean-up to the next start's crash recovery. */
export type StopMode = 'fast' | 'immediate'

/** `log()` keeps this much: about a hundred lines. */
const KEPT_LOG_BYTES = 20_480
/** How often postmaster.pid is read while the server starts, in milliseconds; a start takes about 30. */
const POLL_INTERVAL_MS = 10
/** Time for the last log lines to arrive after the process has ended, in milliseconds. */
const LAST_LOG_TIMEOUT_MS = 100
/** After SIGQUIT the postmaster itself kills sessions that hang after 5 s; beyond this only SIGKILL is left. */
const IMMEDIATE_TIMEOUT_MS = 10_000

export interface ServerProcessOptions {
  readonly postgres: string
  readonly settings: ReadonlyMap<string, string>
  readonly stopTimeoutMs: number
  readonly stopOnExit: boolean
}

export class ServerProcess {
  readonly exited: Promise<ProcessExit>
  readonly #child: ChildProcess
  readonly #folder: ClusterFolder
  readonly #stopTimeoutMs: number
  readonly #log = new LogTail(KEPT_LOG_BYTES)
  #exit: ProcessExit | undefined
  #stopping: Promise<void> | undefined
  #asked: StopMode | undefined

  constructor(folder: ClusterFolder, options: ServerProcessOptions) {
    this.#folder = folder
    this.#stopTimeoutMs = options.stopTimeoutMs
    const settings = [...options.settings].flatMap(([name, value]) => ['-c', `${name}=${value}`])
    this.#child = spawn(options.postgres, ['-D', folder.data, ...settings], {
      ...asUser(folder.user),
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child.stderr?.on('data', (bytes: Buffer) => this.#log.add(bytes))
    const stopOnExit = (): void => {
      this.#child.kill('SIGINT')
    }
    if (options.stopOnExit) process.on('exit', stopOnExit)
    this.exited = new Promise(resolve => {
      const ended = (exit: ProcessExit): void => {
        this.#exit ??= exit
        process.off('exit', stopOnExit)
        resolve(this.#exit)
      }
      this.#child.once('error', error => {
        this.#log.add(Buffer.from(`${error.message}\n`))
        if (this.#child.pid === undefined) ended({ code: null, signal: null })
      })
      // 'close' follows 'exit' when the log has been read to its end; what the server said last is often what matters. But a session that outlives a killed
      // postmaster holds the log open for as long as it runs, so the wait is bounded.
      this.#child.once('close', (code, signal) => ended({ code, signal }))
      this.#child.once('exit', (code, signal) => {
        setTimeout(() => {
          this.#child.stderr?.destroy()
          ended({ code, signal })
        }, LAST_LOG_TIMEOUT_MS).unref()
      })
    })
  }

  /** Process id; 0 when the program couldn't be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The last 20 kB that the server wrote to its log. */
  log(): string {
    return this.#log.toString()
  }

  /**
   * Waits until the server takes connections.
   * @throws LOCAL_POSTGRES_ERR_START_FAILED when it ended or isn't ready in time; the signal's reason when that aborts. The caller stops what still runs.
   */
  async ready(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      if (this.#exit !== undefined) throw this.#startFailed('it ended', this.#exit)
      const lines = await readPostmasterFile(this.#folder.data)
      if (lines[0] === String(this.pid) && lines[7] === 'ready') return
      if (performance.now() > deadlineMs) throw this.#startFailed(`it wasn't ready after ${timeoutMs} ms`, undefined)
      await Promise.race([sleep(POLL_INTERVAL_MS), this.exited])
    }
  }

  #startFailed(what: string, exit: ProcessExit | undefined): LocalPostgresError {
    const how = exit === undefined ? '' : exit.signal === null ? ` (exit code ${exit.code})` : ` (${exit.signal})`
    const lines = this.log().trim().split('\n').slice(-10).join('\n')
    return new LocalPostgresError(
      'LOCAL_POSTGRES_ERR_START_FAILED',
      `PostgreSQL didn't start on ${this.#folder.path}: ${what}${how}. ${lines === '' ? 'It wrote no log.' : `Its log ends:\n${lines}`}`,
    )
  }

  /** Ends the server; resolves when its process is gone. Called again it joins the first call, and `immediate` speeds that up. */
  stop(mode: StopMode): Promise<void> {
    if (this.#stopping === undefined) {
      this.#asked = mode
      this.#stopping = this.#stop(mode)
    } else if (mode === 'immediate' && this.#asked === 'fast') {
      this.#asked = mode
      this.#child.kill('SIGQUIT')
    }
    return this.#stopping
  }

  async #stop(mode: StopMode): Promise<void> {
    if (mode === 'fast') {
      this.#child.kill('SIGINT')
      if (await this.#endsWithin(this.#stopTimeoutMs)) return
    }
    this.#child.kill('SIGQUIT')
    if (await this.#endsWithin(IMMEDIATE_TIMEOUT_MS)) return
    // The sessions notice the loss of the postmaster and end. What was committed is recovered from the write-ahead log.
    this.#child.kill('SIGKILL')
    await this.exited
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    const timeout = new AbortController()
    try {
      const ended = this.exited.then(() => true)
      return await Promise.race([ended, sleep(timeoutMs, false, { signal: timeout.signal })])
    } finally {
      timeout.abort()
    }
  }
}

/** Keeps the end of a stream of bytes; whole chunks are dropped from the front while enough remains behind them. */
class LogTail {
  readonly #keptBytes: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(keptBytes: number) {
    this.#keptBytes = keptBytes
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    for (
      let first = this.#chunks[0];
      first !== undefined && this.#bytes - first.length >= this.#keptBytes;
      first = this.#chunks[0]
    ) {
      this.#chunks.shift()
      this.#bytes -= first.length
    }
  }

  toString(): string {
    return Buffer.concat(this.#chunks).subarray(-this.#keptBytes).toString('utf8')
  }
}
