// One worker number of the fleet: the succession of processes that fill it.
//
//   current     the process that serves, or is starting to; at most one
//   successor   the next generation, starting beside a current one; at most one, only during replace()
//   leaving     generations that were replaced or told to end; they finish what they have
//   restart     the wait before a crashed current is started again; never together with a current or a successor
//
//   current ends by itself ──► restart after back-off (a successor that's starting takes its place instead)
//   successor ready        ──► it's the current one; the old one joins `leaving`, drains after the overlap
//   successor ends         ──► replace() fails; the current one keeps serving (if there's none: restart after back-off)
//   current drains by itself (SIGTERM from outside) ──► it joins `leaving`, the next generation is forked at once
//   a process in `leaving` ends ──► nothing
//
// Invariants
// * Until it has been ready once, a slot doesn't restart anything: the start has failed, and that's for whoever called start().
// * After stop() nothing is forked.
import type { Clock } from './clock.ts'
import { publish } from './channels.ts'
import { NotRunningError, ReplaceFailedError, WorkerStartFailedError } from './errors.ts'
import type { Logger } from './options.ts'
import type { RestartPolicy } from './restart-policy.ts'
import {
  describeExit,
  type EndReason,
  type ProcessState,
  type WorkerExit,
  type WorkerProcess,
} from './worker-process.ts'

/** What a worker number is doing: the state of a process, or the wait between two. */
export type WorkerState = ProcessState | 'backing-off'

/** One process of the fleet as operators see it; a worker that's being replaced has two, one that waits has one without a pid. */
export interface WorkerStatus {
  /** Number of the worker, from 0. */
  readonly worker: number
  /** How many processes this worker number has had, counted on from what earlier runs left in the run folder. */
  readonly generation: number
  readonly pid: number | null
  readonly state: WorkerState
  readonly socketPath: string
  /** When its process was forked, in milliseconds since the epoch. */
  readonly startedAtMs: number
  /** Time since it was forked; 0 when there's no process. */
  readonly uptimeMs: number
  /** How often this worker number was started again without having been asked to. */
  readonly restarts: number
  /** It crashed too often and is restarted at the slowest pace, until a run has been stable. */
  readonly crashLoop: boolean
  /** Crashes of this worker number inside the crash-loop window, as of the last one. */
  readonly recentCrashes: number
  /** How this worker number's last process ended. */
  readonly lastExit: WorkerExit | null
  /** When the next process is forked; only while `backing-off`. */
  readonly nextStartAtMs?: number
}

/** Why a worker was started again; label values of a metric, so a closed set. */
export type RestartReason = 'crashed' | 'start-timeout' | 'channel-lost' | 'spawn-failed' | 'terminated' | 'replaced'

/** What a slot needs of the fleet. */
export interface SlotOwner {
  /** Makes a process; it isn't started yet. */
  createProcess(worker: number, generation: number): WorkerProcess
  /** A worker is being started again. */
  restarted(reason: RestartReason): void
}

export interface SlotOptions {
  readonly worker: number
  readonly firstGeneration: number
  readonly overlapMs: number
  readonly resetAfterMs: number
  readonly crashLoopWithinMs: number
  readonly policy: RestartPolicy
  readonly clock: Clock
  readonly logger: Logger
}

interface PendingRestart {
  readonly atMs: number
  readonly cancel: () => void
}

export class WorkerSlot {
  readonly worker: number
  readonly #options: SlotOptions
  readonly #owner: SlotOwner
  readonly #firstReady = Promise.withResolvers<void>()
  readonly #stopped = Promise.withResolvers<void>()
  readonly #leaving = new Set<WorkerProcess>()
  #current: WorkerProcess | null = null
  #successor: WorkerProcess | null = null
  #restart: PendingRestart | null = null
  #latest: WorkerProcess | null = null
  #lastExit: WorkerExit | null = null
  #nextGeneration: number
  #restarts = 0
  #wasReady = false
  #isStopping = false
  #cancelStableTimer: () => void = () => {}

  constructor(options: SlotOptions, owner: SlotOwner) {
    this.worker = options.worker
    this.#options = options
    this.#owner = owner
    this.#nextGeneration = options.firstGeneration
    this.#firstReady.promise.catch(() => {}) // start() may not have come to await it when it's rejected.
  }

  /** Forks the first process and resolves when it's ready. @throws SUPERVISOR_ERR_WORKER_START_FAILED */
  start(): Promise<void> {
    this.#fork(process => (this.#current = process))
    return this.#firstReady.promise
  }

  /** Starts the next generation, waits until it's ready, then drains the one before and waits for its end. */
  async replace(): Promise<void> {
    // A start that's under way comes first: it may be the one that a crash has asked for.
    while (this.#current?.state === 'starting') await this.#current.becameReady
    this.#refuseWhenStopping()
    this.#restart?.cancel()
    this.#restart = null

    const old = this.#current
    const next = this.#fork(process => (this.#successor = process))
    if (!(await next.becameReady)) {
      const stderr = await next.lastWords()
      this.#refuseWhenStopping()
      throw new ReplaceFailedError(
        this.worker,
        next.generation,
        describeExit(next),
        this.#current?.state === 'ready',
        stderr,
      )
    }
    if (old === null) return
    await this.#overlap(old)
    old.drain()
    await old.ended
    this.#refuseWhenStopping()
  }

  /** Drains or ends everything and resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#stopped.resolve()
    this.#restart?.cancel()
    this.#restart = null
    this.#cancelStableTimer()
    this.#firstReady.reject(new NotRunningError('start', 'being stopped'))
    const processes = this.#processes()
    for (const process of processes) {
      process.cancel()
      process.drain()
    }
    await Promise.all(processes.map(process => process.ended))
  }

  /** One of this slot's processes has changed its state. */
  stateChanged(process: WorkerProcess): void {
    if (process.state === 'ready') this.#gotReady(process)
    else if (process.state === 'draining') this.#gotDraining(process)
    else if (process.exit !== null) this.#gotEnded(process, process.exit)
  }

  status(): WorkerStatus[] {
    const nowMs = this.#options.clock.now()
    const common = {
      worker: this.worker,
      restarts: this.#restarts,
      crashLoop: this.#options.policy.inCrashLoop,
      recentCrashes: this.#options.policy.recentCrashes,
      lastExit: this.#lastExit,
    }
    const alive = this.#processes().map(process => ({
      ...common,
      generation: process.generation,
      pid: process.pid,
      state: process.state,
      socketPath: process.socketPath,
      startedAtMs: process.startedAtMs,
      uptimeMs: nowMs - process.startedAtMs,
    }))
    const latest = this.#latest
    if (this.#current !== null || this.#successor !== null || latest === null) return alive
    const waiting: WorkerStatus = {
      ...common,
      generation: latest.generation,
      pid: null,
      state: this.#restart === null ? 'ended' : 'backing-off',
      socketPath: latest.socketPath,
      startedAtMs: latest.startedAtMs,
      uptimeMs: 0,
      ...(this.#restart === null ? {} : { nextStartAtMs: this.#restart.atMs }),
    }
    // While an older generation still drains, its own line is enough to say that the slot is on its way out.
    return alive.length > 0 && this.#restart === null ? alive : [...alive, waiting]
  }

  #processes(): WorkerProcess[] {
    return [...this.#leaving, this.#current, this.#successor].filter(process => process !== null)
  }

  #refuseWhenStopping(): void {
    if (this.#isStopping) throw new NotRunningError(`replace worker ${this.worker}`, 'being stopped')
  }

  /** Makes a process, puts it in its place, and only then forks: a fork that fails at once finds everything in order. */
  #fork(place: (process: WorkerProcess) => void): WorkerProcess {
    const process = this.#owner.createProcess(this.worker, this.#nextGeneration++)
    this.#latest = process
    place(process)
    process.start()
    const { worker, generation, pid } = process
    if (pid !== null) publish('started', () => ({ worker, generation, pid }))
    return process
  }

  #gotReady(process: WorkerProcess): void {
    const { worker, generation, pid, socketPath } = process
    const old = process === this.#successor ? this.#current : null
    if (process === this.#successor) {
      this.#successor = null
      this.#current = process
      if (old !== null) this.#leaving.add(old)
      this.#countRestart('replaced')
    }
    this.#wasReady = true
    this.#cancelStableTimer()
    if (!this.#isStopping) {
      this.#cancelStableTimer = this.#options.clock.after(this.#options.resetAfterMs, () => this.#ranStably())
    }
    this.#firstReady.resolve()
    const startMs = (process.readyAtMs ?? process.startedAtMs) - process.startedAtMs
    publish('ready', () => ({ worker, generation, pid, socketPath, startMs }))
    if (old !== null) publish('replaced', () => ({ worker, generation, pid, previousGeneration: old.generation }))
  }

  #gotDraining(process: WorkerProcess): void {
    // Only those in `leaving` are told to drain, so this one does it on a SIGTERM from outside: its place is filled at once.
    if (process !== this.#current || this.#isStopping) return
    this.#leaving.add(process)
    this.#current = null
    this.#cancelStableTimer()
    if (this.#successor === null) this.#forkAgain('terminated')
  }

  #ranStably(): void {
    if (this.#options.policy.stable()) {
      this.#options.logger.info({ worker: this.worker }, 'A worker has been stable again; its crash loop is over.')
    }
  }

  #gotEnded(process: WorkerProcess, exit: WorkerExit): void {
    this.#lastExit = exit
    publish('ended', () => ({ worker: process.worker, generation: process.generation, pid: process.pid, exit }))
    if (this.#leaving.delete(process)) {
      if (exit.reason === 'crashed') this.#crashed(process, exit, null)
      return
    }
    if (process === this.#successor) {
      this.#successor = null
      if (this.#isStopping) return
      // It harmed nobody: replace() reports it, and the one that serves goes on.
      if (this.#current !== null) {
        this.#crashed(process, exit, null)
        return
      }
    } else {
      this.#current = null
      this.#cancelStableTimer()
      if (this.#isStopping) return
    }
    if (!this.#wasReady) {
      this.#crashed(process, exit, null)
      void this.#startFailed(process)
      return
    }
    const nowMs = this.#options.clock.now()
    const { delayMs, crashes, loopBegins } = this.#options.policy.crashed(nowMs)
    const isFilled = this.#successor !== null
    if (!isFilled) {
      const cancel = this.#options.clock.after(delayMs, () => {
        this.#restart = null
        this.#forkAgain(restartReason(exit.reason))
      })
      this.#restart = { atMs: nowMs + delayMs, cancel }
    }
    this.#crashed(process, exit, isFilled ? null : delayMs)
    if (loopBegins) this.#loopBegins(crashes)
  }

  #forkAgain(reason: RestartReason): void {
    this.#countRestart(reason)
    this.#fork(process => (this.#current = process))
  }

  #countRestart(reason: RestartReason): void {
    if (reason !== 'replaced') this.#restarts++
    this.#owner.restarted(reason)
  }

  #crashed(process: WorkerProcess, exit: WorkerExit, restartInMs: number | null): void {
    this.#options.logger.warn(
      { worker: process.worker, generation: process.generation, pid: process.pid, ...exit, restartInMs },
      `Worker ${process.worker} ended without having been told to: ${describeExit(process)}.`,
    )
    publish('crashed', () => ({
      worker: process.worker,
      generation: process.generation,
      pid: process.pid,
      exit,
      restartInMs,
    }))
  }

  #loopBegins(crashes: number): void {
    const withinMs = this.#options.crashLoopWithinMs
    this.#options.logger.error(
      { worker: this.worker, crashes, withinMs },
      `Worker ${this.worker} crashes in a loop: ${crashes} crashes within ${withinMs / 1000} s. It's restarted at the slowest pace until a run is stable.`,
    )
    publish('crashLoop', () => ({ worker: this.worker, crashes, withinMs }))
  }

  async #startFailed(process: WorkerProcess): Promise<void> {
    const stderr = await process.lastWords()
    const cause = process.spawnError ?? undefined
    this.#firstReady.reject(new WorkerStartFailedError(this.worker, describeExit(process), stderr, cause))
  }

  /** Lets old and new serve together, not longer than both are wanted. */
  async #overlap(old: WorkerProcess): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(this.#options.overlapMs, resolve)
    await Promise.race([promise, old.ended, this.#stopped.promise])
    cancel()
  }
}

function restartReason(reason: EndReason): RestartReason {
  switch (reason) {
    case 'start-timeout':
    case 'channel-lost':
    case 'spawn-failed':
    case 'terminated':
      return reason
    case 'crashed':
    case 'drained':
    case 'cancelled':
    case 'forced':
      return 'crashed'
    default:
      return reason satisfies never
  }
}
