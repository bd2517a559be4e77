// One process of one worker: from fork to gone.
//
//                  ready message            drain()                    drain time-out
//   ┌──────────┐ ────────────► ┌───────┐ ────────────► ┌──────────┐ ────────────► ┌──────────┐
//   │ starting │               │ ready │  SIGTERM to    │ draining │               │ stopping │
//   └──────────┘               └───────┘  the worker    └──────────┘               └──────────┘
//                 unready message │ ▲ ready message         ▲
//                              ┌──▼─┴────┐     drain()      │
//                              │ unready │ ─────────────────┘      and everything else as from ready
//                              └─────────┘
//      │    │ start time-out,       │ │ channel lost          │ 'drained', exit          │ exit, or SIGKILL
//      │    │ cancel()              │ └────────────────────── │ ───────────────────────► │ after stopTimeoutMs
//      │    └────────────────────── │ ─────────────────────── │ ───────────────────────► │
//      ▼ exit, fork error           ▼ exit                    ▼                          ▼
//   ┌──────────────────────────────────── ended ─────────────────────────────────────────────┐
//
// Invariants
// * `state` changes in #setState only, along these arrows; every change is told to the owner before anything else happens.
// * 'ended' is reached once, on every path, and after it no timer of this process is left.
// * Requests are only sent here while it's 'ready' or 'unready': the latter is the worker's word to the supervisor, and whether it still gets
//   requests is for a balancer's health checks to decide.
// * 'draining' is announced first and told to the worker afterwards: the order is
//   stop picking → nothing in flight → the balancer closes its idle sockets → the worker closes (a server that closes first
//   cuts idle keep-alive connections that may have a request on the way).
// * Sending never throws: a channel may close between any two lines here, and its end is seen by 'exit' or 'disconnect'.
import type { ChildProcess, ForkOptions } from 'node:child_process'
import { messageOf } from './errors.ts'
import { settledWithin, type Clock } from './clock.ts'
import { FleetAnswers } from './fleet-answers.ts'
import type { FleetFigures } from './fleet-figures.ts'
import type { Logger } from './options.ts'
import { parseWorkerMessage, type SupervisorMessage } from './messages.ts'
import type { UtilizationSample } from './scaling.ts'
import { StderrTail } from './stderr-tail.ts'

/** State of one process. */
export type ProcessState = 'starting' | 'ready' | 'unready' | 'draining' | 'stopping' | 'ended'

const NEXT_STATES: Readonly<Record<ProcessState, readonly ProcessState[]>> = {
  starting: ['ready', 'stopping', 'ended'],
  ready: ['unready', 'draining', 'stopping', 'ended'],
  unready: ['ready', 'draining', 'stopping', 'ended'],
  draining: ['stopping', 'ended'],
  stopping: ['ended'],
  ended: [],
}

/** Between the end of a channel and the end of its process nothing is concluded for this long. */
const CHANNEL_GRACE_MS = 1000

/** How long to wait for the rest of standard error after the exit. */
const LAST_WORDS_MS = 500

/**
 * Why a process ended.
 * `drained`: told to, and finished what it had. `terminated`: the same, but it was a SIGTERM from outside that told it.
 * `cancelled`: told to end before it was ready. `forced`: told to drain, didn't in time.
 * `crashed`: by itself, whatever the exit code. `start-timeout`: never got ready. `channel-lost`: its IPC channel closed.
 * `spawn-failed`: there never was a process.
 */
export type EndReason =
  | 'drained'
  | 'terminated'
  | 'cancelled'
  | 'forced'
  | 'crashed'
  | 'start-timeout'
  | 'channel-lost'
  | 'spawn-failed'

/** How a process ended. */
export interface WorkerExit {
  /** Exit code; null when a signal ended it, or it never ran. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly reason: EndReason
}

/** How to make a process; the signature of child_process.fork. */
export type ForkWorker = (entry: string, args: readonly string[], options: ForkOptions) => ChildProcess

/** What a process has to know to be made and ended. */
export interface WorkerLaunch {
  readonly entry: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly execArgv: readonly string[]
  /** Whether standard output is the supervisor's own, and standard error passed on. */
  readonly output: 'inherit' | 'ignore'
  readonly startTimeoutMs: number
  readonly drainNoticeMs: number
  readonly drainTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly fork: ForkWorker
  readonly clock: Clock
  readonly logger: Logger
}

/** Who a process is. */
export interface WorkerIdentity {
  readonly worker: number
  readonly generation: number
  readonly socketPath: string
}

/** What the owner of a process wants to hear. */
export interface ProcessOwner {
  /** After each change of state. */
  stateChanged(process: WorkerProcess, from: ProcessState): void
  /** Figures of the worker's registry, unchecked; null instead of a round: the last ones. */
  metricsArrived(process: WorkerProcess, round: number | null, metrics: unknown): void
  /** A request for figures wasn't delivered or not answered with figures. */
  metricsFailed(process: WorkerProcess): void
  /** It asks to be replaced. */
  recycleRequested(process: WorkerProcess, reason: string, detail: string): void
  /** How the whole fleet is; the process has asked. */
  fleetFigures(): Promise<FleetFigures>
  /** Resolves when the newest list of endpoints has been taken in by whoever listens. */
  announced(): Promise<void>
}

export class WorkerProcess {
  readonly worker: number
  readonly generation: number
  readonly id: string
  readonly socketPath: string
  readonly startedAtMs: number
  /** Resolves with true when it's ready, with false when it ended before. */
  readonly becameReady: Promise<boolean>
  /** Resolves when the process is gone. */
  readonly ended: Promise<WorkerExit>

  readonly #launch: WorkerLaunch
  readonly #owner: ProcessOwner
  readonly #becameReady = Promise.withResolvers<boolean>()
  readonly #ended = Promise.withResolvers<WorkerExit>()
  readonly #outputClosed = Promise.withResolvers<void>()
  readonly #stderr = new StderrTail()
  readonly #fleetAnswers: FleetAnswers
  #child: ChildProcess | null = null
  #state: ProcessState = 'starting'
  #readyAtMs: number | null = null
  #unreadyReason: string | null = null
  #utilization: UtilizationSample | null = null
  #exit: WorkerExit | null = null
  #spawnError: Error | null = null
  /** What the end will be put down to; 'crashed' until somebody has decided something. */
  #reason: EndReason = 'crashed'
  #saidDrained = false
  /** The one time limit of the present state. */
  #cancelLimit: () => void = () => {}

  constructor(identity: WorkerIdentity, launch: WorkerLaunch, owner: ProcessOwner) {
    this.worker = identity.worker
    this.generation = identity.generation
    this.id = `${identity.worker}-${identity.generation}`
    this.socketPath = identity.socketPath
    this.startedAtMs = launch.clock.now()
    this.becameReady = this.#becameReady.promise
    this.ended = this.#ended.promise
    this.#launch = launch
    this.#owner = owner
    this.#fleetAnswers = new FleetAnswers(
      () => owner.fleetFigures(),
      (ask, answer) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#send({ type: 'supervisor:fleet', ask, ...answer }, () => resolve())
        return promise
      },
    )
  }

  get state(): ProcessState {
    return this.#state
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** When it said that it's ready; null before. */
  get readyAtMs(): number | null {
    return this.#readyAtMs
  }

  /** Whether requests are sent here: it's ready, or was and has taken that back. */
  get serves(): boolean {
    return this.#state === 'ready' || this.#state === 'unready'
  }

  /** What it said was wrong with it; null unless it's unready. */
  get unreadyReason(): string | null {
    return this.#state === 'unready' ? this.#unreadyReason : null
  }

  /** Its last report; null before the first. */
  get utilization(): UtilizationSample | null {
    return this.#utilization
  }

  /** How it ended; null while it hasn't. */
  get exit(): WorkerExit | null {
    return this.#exit
  }

  /** Why there's no process, for `spawn-failed`. */
  get spawnError(): Error | null {
    return this.#spawnError
  }

  /** The end of what it wrote to standard error, once that's complete. */
  async lastWords(): Promise<string> {
    // 'exit' comes before the pipe is empty. A grandchild may hold the pipe open: not longer than this.
    await settledWithin(this.#launch.clock, this.#outputClosed.promise, LAST_WORDS_MS)
    return this.#stderr.toString()
  }

  /** Forks. A failure is an end like any other. */
  start(): void {
    const { entry, args, env, execArgv, output, fork } = this.#launch
    let child: ChildProcess
    try {
      child = fork(entry, args, {
        env,
        execArgv: [...execArgv],
        serialization: 'advanced',
        stdio: ['ignore', output, 'pipe', 'ipc'],
      })
    } catch (error) {
      // Out of memory or processes; others of this kind come by 'error', below.
      this.#spawnFailed(error)
      return
    }
    this.#child = child
    child.on('error', error => {
      // Also emitted for a message that couldn't be sent: then there's a pid, and the end will be seen by 'exit'.
      if (child.pid === undefined) this.#spawnFailed(error)
    })
    child.on('message', value => this.#received(value))
    child.on('exit', (code, signal) => this.#gone(code, signal))
    child.on('close', () => this.#outputClosed.resolve())
    child.on('disconnect', () => this.#channelLost())
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk)
      // Without regard to back-pressure: standard error is written synchronously on POSIX for files, terminals and pipes alike.
      if (output === 'inherit') process.stderr.write(chunk)
    })
    this.#limit(this.#launch.startTimeoutMs, () => this.#terminate('start-timeout'))
  }

  /** Lets it finish what it has; forced after the drain time-out. Does nothing unless it serves. */
  drain(): void {
    if (!this.serves) return
    this.#reason = 'drained'
    this.#setState('draining')
    void this.#tellToDrain()
  }

  /** Ends a process that isn't ready yet; nothing has been sent to it. */
  cancel(): void {
    if (this.#state === 'starting') this.#terminate('cancelled')
  }

  /** Asks for the registry's figures; the answer comes to the owner, if it comes. */
  askForMetrics(round: number): void {
    this.#send({ type: 'supervisor:metrics', round }, isSent => {
      if (!isSent) this.#owner.metricsFailed(this)
    })
  }

  async #tellToDrain(): Promise<void> {
    const { clock, drainNoticeMs, drainTimeoutMs } = this.#launch
    // A listener that never answers must not keep it alive.
    await settledWithin(clock, Promise.race([this.#owner.announced(), this.ended]), drainTimeoutMs)
    if (drainNoticeMs > 0) await settledWithin(clock, this.ended, drainNoticeMs)
    if (this.#state !== 'draining') return
    this.#limit(drainTimeoutMs, () => this.#terminate('forced'))
    this.#send({ type: 'supervisor:drain' })
  }

  #received(value: unknown): void {
    const message = parseWorkerMessage(value)
    if (message === null || this.#state === 'ended') return
    switch (message.type) {
      case 'worker:ready':
        if (this.#state === 'unready') this.#setState('ready')
        if (this.#state !== 'starting') return
        this.#cancelLimit()
        this.#readyAtMs = this.#launch.clock.now()
        this.#setState('ready')
        this.#becameReady.resolve(true)
        return
      case 'worker:unready':
        if (this.#state !== 'ready') return
        this.#unreadyReason = message.reason
        this.#setState('unready')
        return
      case 'worker:report':
        this.#utilization = { utilization: message.utilization, atMs: this.#launch.clock.now() }
        return
      case 'worker:recycle':
        if (this.serves) this.#owner.recycleRequested(this, message.reason, message.detail)
        return
      case 'worker:fleet':
        this.#fleetAnswers.asked(message.ask)
        return
      case 'worker:draining':
        if (!this.serves) return
        // It has begun already, so there's nobody to wait for; the time limit is the same.
        this.#reason = 'terminated'
        this.#limit(this.#launch.drainTimeoutMs, () => this.#terminate('forced'))
        this.#setState('draining')
        return
      case 'worker:drained':
        this.#saidDrained = true
        if (message.error !== null) {
          this.#launch.logger.warn({ ...this.#who(), error: message.error }, 'A worker could not drain in order.')
        }
        this.#owner.metricsArrived(this, null, message.metrics)
        this.#send({ type: 'supervisor:exit', code: message.error === null ? 0 : 1 })
        return
      case 'worker:metrics':
        if (message.error === null) {
          this.#owner.metricsArrived(this, message.round, message.metrics)
        } else {
          this.#launch.logger.warn({ ...this.#who(), error: message.error }, "A worker can't give its metrics.")
          this.#owner.metricsFailed(this)
        }
        return
      default:
        message satisfies never
    }
  }

  #terminate(reason: EndReason): void {
    if (this.#state === 'stopping' || this.#state === 'ended') return
    const { logger, stopTimeoutMs } = this.#launch
    this.#reason = reason
    if (reason !== 'cancelled') {
      logger.warn(
        { ...this.#who(), reason, stopTimeoutMs },
        'A worker is told to exit at once; SIGKILL follows if it does not.',
      )
    }
    this.#setState('stopping')
    // Both: the message reaches a worker whose handler for SIGTERM drains, the signal one that isn't listening to messages yet.
    this.#send({ type: 'supervisor:exit', code: 1 })
    this.#child?.kill('SIGTERM')
    this.#limit(stopTimeoutMs, () => {
      this.#child?.kill('SIGKILL')
      // A process in uninterruptible sleep outlives SIGKILL; a stop is bounded all the same.
      this.#limit(stopTimeoutMs, () => {
        logger.error(this.#who(), 'A worker is still there after SIGKILL and is given up; look for it with ps.')
        this.#end(null, 'SIGKILL')
      })
    })
  }

  #channelLost(): void {
    // A process that ends closes its channel too, and either event may come first. One that lives on can't be told anything any
    // more: it should exit by itself, and is made to if it doesn't. While it drains its time is limited already.
    if (this.#state === 'starting' || this.serves) {
      this.#limit(CHANNEL_GRACE_MS, () => this.#terminate('channel-lost'))
    }
  }

  #spawnFailed(error: unknown): void {
    this.#spawnError = error instanceof Error ? error : new Error(messageOf(error))
    this.#reason = 'spawn-failed'
    this.#outputClosed.resolve()
    this.#end(null, null)
  }

  #gone(code: number | null, signal: NodeJS.Signals | null): void {
    // Told to drain, and ended otherwise than by having drained.
    if (this.#state === 'draining' && !this.#saidDrained) this.#reason = 'crashed'
    this.#end(code, signal)
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#state === 'ended') return
    this.#cancelLimit()
    this.#exit = { code, signal, atMs: this.#launch.clock.now(), reason: this.#reason }
    this.#setState('ended')
    // In this order: whoever waits for either sees the owner's books in order.
    this.#ended.resolve(this.#exit)
    this.#becameReady.resolve(false)
  }

  #limit(limitMs: number, callback: () => void): void {
    this.#cancelLimit()
    this.#cancelLimit = this.#launch.clock.after(limitMs, callback)
  }

  #setState(to: ProcessState): void {
    const from = this.#state
    if (!NEXT_STATES[from].includes(to)) {
      throw new Error(`Worker process ${this.id} can't go from '${from}' to '${to}': a bug in the supervisor.`)
    }
    this.#state = to
    this.#owner.stateChanged(this, from)
  }

  /** @param done called once, when it has left, or can't */
  #send(message: SupervisorMessage, done: (isSent: boolean) => void = () => {}): void {
    const child = this.#child
    if (child === null || !child.connected) {
      done(false)
      return
    }
    // With a callback, EPIPE and ERR_IPC_CHANNEL_CLOSED come here and not as an 'error' event.
    child.send(message, error => done(error === null))
  }

  #who(): { worker: number; generation: number; pid: number | null } {
    return { worker: this.worker, generation: this.generation, pid: this.pid }
  }
}

/** An exit in words: `exit code 1`, `killed by SIGSEGV`. */
export function describeExit(process: WorkerProcess): string {
  const exit = process.exit
  if (exit === null) return 'still running'
  if (exit.reason === 'spawn-failed') return `it couldn't be forked (${process.spawnError?.message ?? 'unknown error'})`
  const how = exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`
  if (exit.reason === 'start-timeout') return `it wasn't ready in time (${how})`
  if (exit.reason === 'channel-lost') return `it closed its IPC channel (${how})`
  return how
}
