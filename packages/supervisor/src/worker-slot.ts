// One worker number of the fleet: the succession of processes that fill it.
//
//   current     the process that serves, or is starting to; at most one
//   successor   the next generation beside a current one, starting or on probation; at most one, only during replace()
//   leaving     generations that were replaced or told to end; they finish what they have
//   restart     the wait before a crashed current is started again; never together with a current or a successor
//
// A replacement:
//
//   ┌──────────┐ ready   ┌──────────────┐ probationMs over ┌─────────────────────────────────────────────────────────┐
//   │ starting │ ──────► │ on probation │ ───────────────► │ current; the old one joins `leaving` and begins to drain │
//   └──────────┘         └──────────────┘                  └─────────────────────────────────────────────────────────┘
//        │ ends               │ ends, drains, or says that it's unready
//        ▼                    ▼
//   replace() fails; the old one, which was never told anything, keeps serving. What's left of the new one drains.
//
//   current ends by itself ──► restart after back-off; a successor on probation takes its place at once, one that's starting when it's
//                              ready. The probation goes on: replace() still fails when the new one does.
//   current drains by itself (SIGTERM from outside) ──► it joins `leaving`; a successor takes its place, or the next generation is forked
//   a process in `leaving` ends ──► nothing
//
// Each event is judged by all four of these together, so the class is long rather than cut along them; what needs less is elsewhere: probation.ts, restart-policy.ts,
// slot-status.ts, worker-process.ts.
//
// Invariants
// * While a successor starts and is on probation the current one isn't touched: a replacement never lowers the number of ready workers.
// * Until it has been ready once, a slot doesn't restart anything: the start has failed, and that's for whoever called start().
// * What's restarted is the program of the process that served last, not of one that failed its probation.
// * After stop() nothing is forked.
import type { Clock } from './clock.ts'
import { publish } from './channels.ts'
import { NotRunningError, ReplaceFailedError, WorkerStartFailedError } from './errors.ts'
import type { Logger } from './options.ts'
import { Probation } from './probation.ts'
import type { RestartPolicy } from './restart-policy.ts'
import { reportStatus, restartReason, type RestartReason, type SlotStatus } from './slot-status.ts'
import { describeExit, type ProcessState, type WorkerExit, type WorkerProcess } from './worker-process.ts'
import type { WorkerProgram } from './worker-program.ts'

/** What a slot needs of the fleet. */
export interface SlotOwner {
  /** Makes a process of this slot; it isn't started yet. */
  createProcess(slot: WorkerSlot, generation: number, program: WorkerProgram): WorkerProcess
  /** A worker is being started again. */
  restarted(reason: RestartReason): void
  /** A new generation didn't get ready, or failed on probation. */
  replacementFailed(): void
}

export interface SlotOptions {
  readonly worker: number
  readonly firstGeneration: number
  readonly program: WorkerProgram
  readonly probationMs: number
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
  readonly #leaving = new Set<WorkerProcess>()
  #current: WorkerProcess | null = null
  #successor: WorkerProcess | null = null
  #restart: PendingRestart | null = null
  #probation: Probation | null = null
  #program: WorkerProgram
  #successorProgram: WorkerProgram
  #latest: WorkerProcess | null = null
  #lastExit: WorkerExit | null = null
  #nextGeneration: number
  #restarts = 0
  #wasReady = false
  #isStopping = false
  #isRetiring = false
  #cancelStableTimer: () => void = () => {}

  constructor(options: SlotOptions, owner: SlotOwner) {
    this.worker = options.worker
    this.#options = options
    this.#owner = owner
    this.#program = options.program
    this.#successorProgram = options.program
    this.#nextGeneration = options.firstGeneration
    this.#firstReady.promise.catch(() => {}) // start() may not have come to await it when it's rejected.
  }

  /** Whether a process of this number is ready to answer. */
  get isReady(): boolean {
    return this.#current?.state === 'ready' || this.#successor?.state === 'ready'
  }

  get inCrashLoop(): boolean {
    return this.#options.policy.inCrashLoop
  }

  /** The process that serves, or is starting to. */
  get current(): WorkerProcess | null {
    return this.#current
  }

  /** What the process that serves runs, and what's started again after a crash. */
  get program(): WorkerProgram {
    return this.#program
  }

  /** What the next process gets: a number that's never used twice. */
  get nextGeneration(): number {
    return this.#nextGeneration
  }

  /** Forks the first process and resolves when it's ready. @throws SUPERVISOR_ERR_WORKER_START_FAILED */
  start(): Promise<void> {
    this.#fork(this.#program, process => (this.#current = process))
    return this.#firstReady.promise
  }

  /**
   * Starts the next generation, waits until it's ready and has passed its probation, then drains the one before and waits for its end.
   * @throws SUPERVISOR_ERR_REPLACE_FAILED, SUPERVISOR_ERR_NOT_RUNNING
   */
  async replace(program: WorkerProgram = this.#program): Promise<void> {
    await this.#prepareReplacement()
    this.#successorProgram = program
    const next = this.#fork(program, process => (this.#successor = process))
    // Before anything is awaited: it begins in the turn in which the process is ready.
    const { probationMs, clock } = this.#options
    const probation = new Probation(next, probationMs, clock, () => this.#probationPassed(next))
    this.#probation = probation
    if (!(await next.becameReady)) throw await this.#replaceFailed(next, 'start', describeExit(next))
    const why = await probation.over
    this.#refuseWhenStopping()
    if (why !== null) throw await this.#replaceFailed(next, 'probation', why)
    await Promise.all([...this.#leaving].map(old => old.ended))
    this.#refuseWhenStopping()
  }

  /**
   * Drains the process that serves, waits for its end, and only then starts the next generation: where there isn't room for both. In between
   * this worker number serves nobody.
   * @throws SUPERVISOR_ERR_REPLACE_FAILED, SUPERVISOR_ERR_NOT_RUNNING
   */
  async drainThenStart(): Promise<void> {
    await this.#prepareReplacement()
    const old = this.#current
    if (old !== null) {
      this.#current = null
      this.#leaving.add(old)
      this.#cancelStableTimer()
      old.drain()
      await old.ended
      this.#refuseWhenStopping()
    }
    this.#countRestart('replaced')
    const next = this.#fork(this.#program, process => (this.#current = process))
    if (!(await next.becameReady)) throw await this.#replaceFailed(next, 'start', describeExit(next))
  }

  /** As stop(), while the fleet goes on without this worker number. */
  retire(): Promise<void> {
    this.#isRetiring = true
    return this.stop()
  }

  /** Drains or ends everything and resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#probation?.cancel()
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
  stateChanged(process: WorkerProcess, from: ProcessState): void {
    if (process.state === 'ready' && from === 'starting') this.#becameReady(process)
    else if (process.state === 'draining') this.#gotDraining(process)
    else if (process.exit !== null) this.#gotEnded(process, process.exit)
    const failure = process === this.#probation?.process ? this.#probation.failure() : null
    if (failure !== null) this.#probationFailed(process, failure)
  }

  status(): SlotStatus[] {
    const nowMs = this.#options.clock.now()
    const common = {
      worker: this.worker,
      retiring: this.#isRetiring,
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
      onProbation: process === this.#successor && process.serves,
      unreadyReason: process.unreadyReason,
      ...reportStatus(process, nowMs),
      socketPath: process.socketPath,
      startedAtMs: process.startedAtMs,
      uptimeMs: nowMs - process.startedAtMs,
    }))
    const latest = this.#latest
    if (this.#current !== null || this.#successor !== null || latest === null) return alive
    const waiting: SlotStatus = {
      ...common,
      generation: latest.generation,
      pid: null,
      onProbation: false,
      unreadyReason: null,
      utilization: null,
      reportAgeMs: null,
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

  /** What comes before either way of replacing. */
  async #prepareReplacement(): Promise<void> {
    // A start that's under way comes first: it may be the one that a crash has asked for.
    while (this.#current?.state === 'starting') await this.#current.becameReady
    this.#refuseWhenStopping()
    this.#restart?.cancel()
    this.#restart = null
  }

  async #replaceFailed(next: WorkerProcess, phase: 'start' | 'probation', why: string): Promise<ReplaceFailedError> {
    // What's left of it drains; the next replacement doesn't begin beside it.
    if (this.#leaving.has(next)) await next.ended
    const stderr = await next.lastWords()
    this.#refuseWhenStopping()
    this.#owner.replacementFailed()
    const isOldServing = this.#current?.serves === true && this.#current !== next
    return new ReplaceFailedError(this.worker, next.generation, phase, why, isOldServing, stderr)
  }

  /** Makes a process, puts it in its place, and only then forks: a fork that fails at once finds everything in order. */
  #fork(program: WorkerProgram, place: (process: WorkerProcess) => void): WorkerProcess {
    const process = this.#owner.createProcess(this, this.#nextGeneration++, program)
    this.#latest = process
    place(process)
    process.start()
    const { worker, generation, pid } = process
    if (pid !== null) publish('started', () => ({ worker, generation, pid }))
    return process
  }

  #becameReady(process: WorkerProcess): void {
    const { worker, generation, pid, socketPath } = process
    this.#wasReady = true
    this.#firstReady.resolve()
    const startMs = (process.readyAtMs ?? process.startedAtMs) - process.startedAtMs
    publish('ready', () => ({ worker, generation, pid, socketPath, startMs }))
    if (process === this.#current) this.#watchStability()
    // With nobody there to go back to it's in its place at once; what's left of the probation is for replace() to know.
    if (process === this.#successor && this.#current === null) this.#promote(process)
  }

  #probationPassed(process: WorkerProcess): void {
    if (process === this.#successor) this.#promote(process)?.drain()
  }

  #probationFailed(process: WorkerProcess, failure: string): void {
    const { worker, generation, pid } = process
    this.#options.logger.error({ worker, generation, pid, failure }, 'A new generation failed on probation.')
    publish('probationFailed', () => ({ worker, generation, pid, failure }))
    // It may have requests to finish. One that has taken the place of another is all there is, and stays.
    if (process === this.#successor) {
      this.#successor = null
      this.#leaving.add(process)
      process.drain()
    }
  }

  /** The successor takes its place; gives the one that had it, which hasn't been told anything yet. */
  #promote(process: WorkerProcess): WorkerProcess | null {
    const old = this.#current
    this.#successor = null
    this.#current = process
    this.#program = this.#successorProgram
    if (old !== null) this.#leaving.add(old)
    this.#countRestart('replaced')
    this.#watchStability()
    const { worker, generation, pid } = process
    if (old !== null) publish('replaced', () => ({ worker, generation, pid, previousGeneration: old.generation }))
    return old
  }

  #watchStability(): void {
    this.#cancelStableTimer()
    if (this.#isStopping) return
    this.#cancelStableTimer = this.#options.clock.after(this.#options.resetAfterMs, () => this.#ranStably())
  }

  #gotDraining(process: WorkerProcess): void {
    // Only those in `leaving` are told to drain, so this one does it on a SIGTERM from outside: its place is filled at once.
    if (process !== this.#current || this.#isStopping) return
    this.#leaving.add(process)
    this.#current = null
    this.#cancelStableTimer()
    if (this.#successor === null) this.#forkAgain('terminated')
    else if (this.#successor.serves) this.#promote(this.#successor)
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
    if (this.#successor?.serves === true) this.#promote(this.#successor)
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
    this.#fork(this.#program, process => (this.#current = process))
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
}
