// The supervisor's options: what each means, its unit, default and range; checked once, complete and frozen afterwards.
import { fork as nodeFork } from 'node:child_process'
import { systemClock, systemRandom, type Clock, type Random } from './clock.ts'
import type { Endpoint } from './endpoint-file.ts'
import { OptionError } from './errors.ts'
import type { BackoffOptions, CrashLoopOptions } from './restart-policy.ts'
import type { ForkWorker } from './worker-process.ts'

/** Where log lines go; a pino logger fits. */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What to supervise and how. */
export interface SupervisorOptions {
  /** Path of the worker's program. It calls `connectToSupervisor(process)`, listens on its socket path and says `ready()`. */
  readonly entry: string
  /** How many workers, 1 or more. One per core is the usual choice. */
  readonly workers: number
  /** Folder of the workers' sockets, made when missing (mode 0700). One supervisor per folder. At most about 85 bytes long. */
  readonly runFolder: string
  /** Where log lines go. */
  readonly logger: Logger
  /** Command-line arguments of every worker. Default none. */
  readonly args?: readonly string[]
  /**
   * The workers' whole environment; PLIMSOLL_WORKER, PLIMSOLL_GENERATION and PLIMSOLL_SOCKET are added. Default empty: nothing is
   * inherited unless it's passed, so pass `process.env` if workers shall see it.
   */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Node's own flags for the workers. Default none; the supervisor's own aren't inherited. Flags that begin with `--inspect` go to
   * worker 0 alone, and to its next generation only if the one before is gone: two processes can't listen on one port.
   */
  readonly execArgv?: readonly string[]
  /**
   * `inherit`: workers write to the supervisor's standard output and error. `ignore`: both are dropped. The last 4 kB of standard error are
   * kept for error messages in either case. Default `inherit`.
   */
  readonly output?: 'inherit' | 'ignore'
  /** A worker that isn't ready by then is ended, which counts as a crash. Default 30,000. */
  readonly startTimeoutMs?: number
  /**
   * In a replacement, how long old and new generation serve together before the old one is announced as draining: time for a balancer
   * to check the new one's health and to warm it up. 0 for a listener that confirms by the promise of `onChange`. Default 2000.
   */
  readonly overlapMs?: number
  /**
   * From announcing that a worker drains to telling it: time for watchers to notice and to let go. 0 for a listener that confirms by the
   * promise of `onChange`. Default 500.
   */
  readonly drainNoticeMs?: number
  /** Time for a worker to finish what it has, from telling it to. Also the longest wait for `onChange`. Default 30,000. */
  readonly drainTimeoutMs?: number
  /** A worker that was told to exit at once (message and SIGTERM) gets SIGKILL after this. Default 5000. */
  readonly stopTimeoutMs?: number
  /** Wait before a crashed worker is started again. */
  readonly backoff?: Partial<BackoffOptions>
  /** When crashes count as a loop. */
  readonly crashLoop?: Partial<CrashLoopOptions>
  /** A worker that hasn't answered a scrape by then is represented by its last known figures. Default 1000. */
  readonly metricsTimeoutMs?: number
  /**
   * Called with the whole list after every change. When it returns a promise, a drain waits for it (and a rejection is logged): a listener that
   * resolves once the balancer has let go of a draining endpoint makes the hand-over exact.
   */
  readonly onChange?: (endpoints: readonly Endpoint[]) => void | Promise<void>
  /** Time. Default the system's. */
  readonly clock?: Clock
  /** Randomness for jitter. Default Math.random. */
  readonly random?: Random
  /** How processes are made. Default child_process.fork. */
  readonly fork?: ForkWorker
}

/** The options, complete. */
export type ResolvedOptions = Readonly<
  Required<Omit<SupervisorOptions, 'backoff' | 'crashLoop'>> & { backoff: BackoffOptions; crashLoop: CrashLoopOptions }
>

/**
 * Fills in defaults and checks ranges.
 * @throws SUPERVISOR_ERR_OPTION
 */
export function resolveOptions(options: SupervisorOptions): ResolvedOptions {
  const resolved: ResolvedOptions = Object.freeze({
    entry: options.entry,
    workers: options.workers,
    runFolder: options.runFolder,
    logger: options.logger,
    args: Object.freeze([...(options.args ?? [])]),
    env: Object.freeze({ ...options.env }),
    execArgv: Object.freeze([...(options.execArgv ?? [])]),
    output: options.output ?? 'inherit',
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    overlapMs: options.overlapMs ?? 2000,
    drainNoticeMs: options.drainNoticeMs ?? 500,
    drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
    stopTimeoutMs: options.stopTimeoutMs ?? 5000,
    backoff: Object.freeze({ initialMs: 100, factor: 2, maxMs: 10_000, resetAfterMs: 60_000, ...options.backoff }),
    crashLoop: Object.freeze({ crashes: 5, withinMs: 60_000, ...options.crashLoop }),
    metricsTimeoutMs: options.metricsTimeoutMs ?? 1000,
    onChange: options.onChange ?? (() => {}),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    fork: options.fork ?? nodeFork,
  })

  if (resolved.entry === '') throw new OptionError("Option 'entry' is empty; give the path of the worker's program.")
  if (resolved.runFolder === '')
    throw new OptionError("Option 'runFolder' is empty; give a folder for the workers' sockets.")
  requireInteger('workers', resolved.workers, 1)
  requireNumber('startTimeoutMs', resolved.startTimeoutMs, 1)
  requireNumber('overlapMs', resolved.overlapMs, 0)
  requireNumber('drainNoticeMs', resolved.drainNoticeMs, 0)
  requireNumber('drainTimeoutMs', resolved.drainTimeoutMs, 1)
  requireNumber('stopTimeoutMs', resolved.stopTimeoutMs, 1)
  requireNumber('metricsTimeoutMs', resolved.metricsTimeoutMs, 1)
  requireNumber('backoff.initialMs', resolved.backoff.initialMs, 0)
  requireNumber('backoff.factor', resolved.backoff.factor, 1)
  requireNumber('backoff.maxMs', resolved.backoff.maxMs, 0)
  requireNumber('backoff.resetAfterMs', resolved.backoff.resetAfterMs, 1)
  requireInteger('crashLoop.crashes', resolved.crashLoop.crashes, 2)
  requireNumber('crashLoop.withinMs', resolved.crashLoop.withinMs, 1)
  if (resolved.backoff.maxMs < resolved.backoff.initialMs) {
    throw new OptionError(
      `Option 'backoff.maxMs' (${resolved.backoff.maxMs}) is below 'backoff.initialMs' (${resolved.backoff.initialMs}); raise the one or lower the other.`,
    )
  }
  return resolved
}

/** setTimeout takes longer delays for 1 ms. */
const MAX_MS = 2 ** 31 - 1

function requireNumber(name: string, value: number, min: number): void {
  if (!Number.isFinite(value) || value < min || value > MAX_MS) {
    throw new OptionError(`Option '${name}' is ${value}; it has to be a number from ${min} to ${MAX_MS}.`)
  }
}

function requireInteger(name: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min) {
    throw new OptionError(`Option '${name}' is ${value}; it has to be a whole number, ${min} or more.`)
  }
}

/** Node's flags for one process of one worker. */
export function execArgvFor(execArgv: readonly string[], mayInspect: boolean): readonly string[] {
  return mayInspect ? execArgv : execArgv.filter(flag => !flag.startsWith('--inspect'))
}
