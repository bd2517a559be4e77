// The supervisor's options: what each means, its unit, default and range; checked once, complete and frozen afterwards.
import { fork as nodeFork } from 'node:child_process'
import { systemClock, systemRandom, type Clock, type Random } from './clock.ts'
import type { Endpoint } from './endpoint-file.ts'
import { OptionError } from './errors.ts'
import type { HeapPlan } from './heap-plan.ts'
import type { RecyclingOptions } from './recycling.ts'
import type { ScalingOptions } from './scaling.ts'
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
  /** How many workers, 1 or more; one per core is the usual choice. A range is followed by load, from `min` at the start: see `scaling`. */
  readonly workers: number | { readonly min: number; readonly max: number }
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
  /** Sizes of the workers' heaps, from `planHeap`; the same flags in `execArgv` or in NODE_OPTIONS win. Default Node's own sizes. */
  readonly heap?: HeapPlan
  /**
   * `inherit`: workers write to the supervisor's standard output and error. `ignore`: both are dropped. The last 4 kB of standard error are
   * kept for error messages in either case. Default `inherit`.
   */
  readonly output?: 'inherit' | 'ignore'
  /** A worker that isn't ready by then is ended, which counts as a crash. Default 30,000. */
  readonly startTimeoutMs?: number
  /**
   * In a replacement, how long old and new generation serve together before the old one is announced as draining: time for a balancer
   * to check the new one's health and to warm it up, and the new one's probation. If it ends, drains or calls itself unready meanwhile, the old one
   * goes on as if nothing had been. 0: no probation, for a listener that confirms by the promise of `onChange`. Default 2000.
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
  /** When workers are replaced that ask for it, or are old. */
  readonly recycling?: Partial<RecyclingOptions>
  /** How the number of workers follows the load. Needs `workers: { min, max }`; with both the same it has nothing to do. */
  readonly scaling?: Partial<ScalingOptions>
  /** A worker that hasn't answered a scrape by then is represented by its last known figures. `figures()` waits 2 s at most. Default 1000. */
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
  Required<Omit<SupervisorOptions, 'workers' | 'heap' | 'backoff' | 'crashLoop' | 'recycling' | 'scaling'>> & {
    workers: { readonly min: number; readonly max: number }
    heap: HeapPlan | null
    backoff: BackoffOptions
    crashLoop: CrashLoopOptions
    recycling: RecyclingOptions
    scaling: ScalingOptions
  }
>

/**
 * Fills in defaults and checks ranges.
 * @throws SUPERVISOR_ERR_OPTION
 */
export function resolveOptions(options: SupervisorOptions): ResolvedOptions {
  const workers =
    typeof options.workers === 'number' ? { min: options.workers, max: options.workers } : { ...options.workers }
  const resolved: ResolvedOptions = Object.freeze({
    entry: options.entry,
    workers: Object.freeze(workers),
    runFolder: options.runFolder,
    logger: options.logger,
    args: Object.freeze([...(options.args ?? [])]),
    env: Object.freeze({ ...options.env }),
    execArgv: Object.freeze([...(options.execArgv ?? [])]),
    heap: options.heap ?? null,
    output: options.output ?? 'inherit',
    startTimeoutMs: options.startTimeoutMs ?? 30_000,
    overlapMs: options.overlapMs ?? 2000,
    drainNoticeMs: options.drainNoticeMs ?? 500,
    drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
    stopTimeoutMs: options.stopTimeoutMs ?? 5000,
    backoff: complete<BackoffOptions>(
      'backoff',
      { initialMs: 100, factor: 2, maxMs: 10_000, resetAfterMs: 60_000 },
      options.backoff,
    ),
    crashLoop: complete<CrashLoopOptions>('crashLoop', { crashes: 5, withinMs: 60_000 }, options.crashLoop),
    recycling: complete<RecyclingOptions>(
      'recycling',
      {
        maxPerHour: Math.max(6, 2 * workers.max),
        minIntervalMs: 30_000,
        maxAgeMs: 0,
        whenStartFails: 'keep',
      },
      options.recycling,
    ),
    scaling: complete<ScalingOptions>(
      'scaling',
      {
        upAbove: 0.75,
        upAfterMs: 10_000,
        downBelow: 0.35,
        downAfterMs: 120_000,
        cooldownMs: 30_000,
        mayAdd: () => true,
      },
      options.scaling,
    ),
    metricsTimeoutMs: options.metricsTimeoutMs ?? 1000,
    onChange: options.onChange ?? (() => {}),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    fork: options.fork ?? nodeFork,
  })

  if (resolved.entry === '') throw new OptionError("Option 'entry' is empty; give the path of the worker's program.")
  if (resolved.runFolder === '')
    throw new OptionError("Option 'runFolder' is empty; give a folder for the workers' sockets.")
  if (typeof options.workers === 'number') {
    requireInteger('workers', workers.min, 1)
    if (options.scaling !== undefined) {
      throw new OptionError(
        `Option 'scaling' has no effect with 'workers' at ${options.workers}; give a range as 'workers', or leave 'scaling' out.`,
      )
    }
  } else {
    requireInteger('workers.min', workers.min, 1)
    requireInteger('workers.max', workers.max, workers.min)
  }
  checkRecycling(resolved.recycling)
  checkScaling(resolved.scaling)
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

/** What's given over the defaults. A key that has no default is a slip of the pen, and would silently have no effect. */
function complete<T extends object>(name: string, defaults: T, given: Partial<T> = {}): Readonly<T> {
  const unknown = Object.keys(given).find(key => !Object.hasOwn(defaults, key))
  if (unknown !== undefined) {
    const known = Object.keys(defaults).join("', '")
    throw new OptionError(`Option '${name}.${unknown}' is unknown; '${name}' takes '${known}'.`)
  }
  return Object.freeze({ ...defaults, ...given })
}

function checkRecycling(recycling: RecyclingOptions): void {
  requireInteger('recycling.maxPerHour', recycling.maxPerHour, 0)
  requireNumber('recycling.minIntervalMs', recycling.minIntervalMs, 0)
  requireNumber('recycling.maxAgeMs', recycling.maxAgeMs, 0)
  const { whenStartFails } = recycling
  if (whenStartFails !== 'keep' && whenStartFails !== 'drain-first') {
    throw new OptionError(
      `Option 'recycling.whenStartFails' is '${String(whenStartFails)}'; it has to be 'keep' or 'drain-first'.`,
    )
  }
}

function checkScaling(scaling: ScalingOptions): void {
  if (typeof scaling.mayAdd !== 'function') {
    throw new OptionError(
      `Option 'scaling.mayAdd' is '${String(scaling.mayAdd)}'; it has to be a function that returns whether a worker may be added.`,
    )
  }
  requireNumber('scaling.upAfterMs', scaling.upAfterMs, 0)
  requireNumber('scaling.downAfterMs', scaling.downAfterMs, 0)
  requireNumber('scaling.cooldownMs', scaling.cooldownMs, 0)
  requireNumber('scaling.upAbove', scaling.upAbove, 0, 1)
  requireNumber('scaling.downBelow', scaling.downBelow, 0, 1)
  if (scaling.downBelow >= scaling.upAbove) {
    throw new OptionError(
      `Option 'scaling.downBelow' (${scaling.downBelow}) isn't below 'scaling.upAbove' (${scaling.upAbove}): workers would come and go without end.`,
    )
  }
}

/** setTimeout takes longer delays for 1 ms. */
const MAX_MS = 2 ** 31 - 1

function requireNumber(name: string, value: number, min: number, max: number = MAX_MS): void {
  if (!Number.isFinite(value) || value < min || value > max) {
    throw new OptionError(`Option '${name}' is ${value}; it has to be a number from ${min} to ${max}.`)
  }
}

function requireInteger(name: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min) {
    throw new OptionError(`Option '${name}' is ${value}; it has to be a whole number, ${min} or more.`)
  }
}
