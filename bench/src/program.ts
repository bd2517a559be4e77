// A program that a suite starts: waited for until it serves, and ended with the suite.
//
//   starting ──ready──► serving ──stop()──► ended
//      └── ended or silent too long: start rejects, nothing is left
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What a program says: a line of its output, or a message over IPC. */
export type Said = { readonly line: string } | { readonly message: unknown }

export interface ProgramOptions<Ready> {
  /** As it's named in messages. */
  readonly name: string
  readonly command: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Gives it an IPC channel. Default false; true with a first message. */
  readonly ipc?: boolean
  /** Sent on the IPC channel at the start. */
  readonly firstMessage?: object
  /** Gets each line of output and each message; anything but undefined means that it serves. */
  ready?(from: Said): Ready | undefined
  /** For a program that says nothing when it serves: called when it runs, resolves when it serves. */
  started?(): Promise<Ready>
  /** Default 60 000. */
  readonly startTimeoutMs?: number
  /** From SIGTERM to SIGKILL. Default 10 000. */
  readonly stopTimeoutMs?: number
  readonly signal: AbortSignal
}

export interface Program<Ready> {
  readonly pid: number
  readonly ready: Ready
  readonly child: ChildProcess
  /** Resolves when it has ended; may be called again. */
  readonly stop: () => Promise<void>
}

const KEPT_LINES = 12

/** @throws Error with the program's last lines when it doesn't get ready. */
export async function startProgram<Ready>(options: ProgramOptions<Ready>): Promise<Program<Ready>> {
  const { name, command, signal, startTimeoutMs = 60_000, stopTimeoutMs = 10_000 } = options
  signal.throwIfAborted()
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    stdio: ['ignore', 'pipe', 'pipe', options.ipc || options.firstMessage !== undefined ? 'ipc' : 'ignore'],
    // Ctrl-C in the terminal reaches the bench alone, which ends its programs in order.
    detached: true,
  })
  const lines: string[] = []
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(`could not be started: ${error.message}`))
    child.once('close', (code, by) => resolve(by ? `was ended by ${by}` : `ended with exit code ${code}`))
  })
  const stop = async () => {
    if (child.pid === undefined) return
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await ended
    clearTimeout(timer)
  }
  const isReady = new Promise<{ value: Ready }>((resolve, reject) => {
    options.started?.().then(value => resolve({ value }), reject)
    const look = (from: Said) => {
      const value = options.ready?.(from)
      if (value !== undefined) resolve({ value })
    }
    child.on('message', message => look({ message }))
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', line => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
        look({ line })
      })
    }
  })
  if (options.firstMessage !== undefined) child.send(options.firstMessage, () => {})
  const aborted = Promise.withResolvers<string>()
  const abort = () => aborted.resolve('was told to stop')
  const timer = setTimeout(() => aborted.resolve(`was not ready within ${startTimeoutMs / 1000} s`), startTimeoutMs)
  signal.addEventListener('abort', abort, { once: true })
  const outcome = await Promise.race([isReady.catch((error: Error) => error.message), ended, aborted.promise])
  clearTimeout(timer)
  signal.removeEventListener('abort', abort)
  if (typeof outcome === 'string') {
    await stop()
    throw new Error(`${name} ${outcome}${lines.length > 0 ? `; it said:\n${lines.join('\n')}` : ''}`)
  }
  return { pid: child.pid ?? 0, ready: outcome.value, child, stop }
}
