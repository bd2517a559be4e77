// The fleet: one slot per worker number, the list of endpoints that others send to, and the way up and down.
//
//   ┌──────┐ start() ┌──────────┐ all ready ┌─────────┐
//   │ idle │ ──────► │ starting │ ────────► │ running │
//   └──────┘         └──────────┘           └─────────┘
//       │ stop()          │ stop(), or a worker  │ stop()
//       │                 │ that didn't start    │
//       ▼                 ▼                      ▼            all processes gone, sockets removed
//   ┌───────────────────────────── stopping ───────────────┐ ──────────► ┌─────────┐
//   └──────────────────────────────────────────────────────┘             │ stopped │
//                                                                        └─────────┘
// One state machine and all that may be asked of it, which makes it long; what each step consists of is elsewhere: worker-slot.ts, replacement-queue.ts, recycling.ts,
// scaling.ts, fleet-desk.ts, metrics/.
//
// Invariants
// * `#state` changes in #setState only, along these arrows.
// * A crashed worker leaves the list of endpoints in the turn in which its exit is seen (endpoint-list.ts).
// * One thing at a time changes the fleet by order: a replacement, a roll, a worker added or taken away (replacement-queue.ts).
// * Worker numbers are 0 to N - 1 without gaps: the one that's taken away is the highest. A generation isn't used twice, also when a number
//   comes back.
// * stop() is bounded: overlap and back-off end at once, drains and kills have their time limits.
import { publish } from './channels.ts'
import { settledWithin } from './clock.ts'
import { EndpointList } from './endpoint-list.ts'
import { FleetDesk } from './fleet-desk.ts'
import { fleetFigures, type FleetFigures } from './fleet-figures.ts'
import { messageOf, NotRunningError, UnknownWorkerError } from './errors.ts'
import { IDENTITY_VARIABLES } from './messages.ts'
import { FleetMetrics } from './metrics/fleet-metrics.ts'
import { SupervisorMetrics } from './metrics/supervisor-metrics.ts'
import { resolveOptions, type ResolvedOptions, type SupervisorOptions } from './options.ts'
import { execArgvFor } from './exec-argv.ts'
import { Recycling } from './recycling.ts'
import { ReplacementQueue } from './replacement-queue.ts'
import { RestartPolicy } from './restart-policy.ts'
import { replaceEach, replaceOne, rollTo, untilReplaceable, type RollingFleet } from './roll.ts'
import { openRunFolder, type RunFolder } from './run-folder.ts'
import { meanUtilization, Scaling } from './scaling.ts'
import { WorkerProcess, type ProcessState } from './worker-process.ts'
import { changeProgram, type WorkerProgram } from './worker-program.ts'
import { WorkerSlot } from './worker-slot.ts'
import type { WorkerStatus } from './worker-status.ts'

/** Forks workers and keeps them running. */
export interface Supervisor {
  /**
   * Starts all workers and resolves when every one of them is ready. If one ends, or takes too long, before it was ever ready, everything is stopped.
   * @throws SUPERVISOR_ERR_WORKER_START_FAILED with the worker's last lines on standard error
   * @throws SUPERVISOR_ERR_RUN_FOLDER, SUPERVISOR_ERR_RUN_FOLDER_IN_USE, SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG
   * @throws SUPERVISOR_ERR_NOT_RUNNING when it was started before, or is stopped meanwhile
   */
  start(): Promise<void>
  /** The fleet's processes, by worker and generation. */
  workers(): WorkerStatus[]
  /**
   * Replaces one worker, or all of them one after the other, each by starting the next generation first. The old process isn't told anything
   * until the new one has been ready for `overlapMs`, and goes on as if nothing had been when that one fails. Of all, those that aren't ready come
   * first, and a ready one is only replaced while all others are. Calls wait for each other; one that would do what another is still waiting
   * to do joins it. Resolves when the old processes have ended.
   * @throws SUPERVISOR_ERR_REPLACE_FAILED when a new generation doesn't get ready or fails on probation; the rest of the fleet is left as it is
   * @throws SUPERVISOR_ERR_OTHERS_NOT_READY when others aren't ready within `startTimeoutMs`
   * @throws SUPERVISOR_ERR_UNKNOWN_WORKER, SUPERVISOR_ERR_NOT_RUNNING
   */
  replace(worker?: number): Promise<void>
  /**
   * Rolls all workers to another program: another entry, other arguments, environment or flags; what isn't given stays. When a new generation fails, or
   * not all workers are ready within `startTimeoutMs` after the last replacement, those that ran the new program are rolled back to the one before, which therefore has to be there still: a folder per version. Only
   * when all have changed it's what workers are started with from now on.
   * @throws SUPERVISOR_ERR_DEPLOY_FAILED with what failed as its cause, and which workers couldn't be rolled back
   * @throws SUPERVISOR_ERR_NOT_RUNNING
   */
  deploy(program: Partial<WorkerProgram>): Promise<void>
  /** Drains and ends all workers, with SIGKILL in the end for those that don't; removes their sockets. Every call gets the same promise. */
  stop(): Promise<void>
  /** The workers' figures put together, and the supervisor's own, in the Prometheus text format. */
  metrics(): Promise<string>
  /** The same as values, with the states of all workers; at most a second old, and never older than one that was given before. Workers get it by `link.fleet()`. */
  figures(): Promise<FleetFigures>
}

/**
 * A supervisor for one service.
 * @throws SUPERVISOR_ERR_OPTION
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new Fleet(resolveOptions(options))
}

type FleetState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

const NEXT_STATES: Readonly<Record<FleetState, readonly FleetState[]>> = {
  idle: ['starting', 'stopping'],
  starting: ['running', 'stopping'],
  running: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
}

/** How often the number of workers is considered. */
const SCALING_INTERVAL_MS = 1000

/**
 * How long a look at the fleet waits for workers, whatever `metricsTimeoutMs` is: well below what a worker waits for the look (`fleetTimeoutMs`), or
 * one worker that stands still would leave all others without an answer.
 */
const FIGURES_WAIT_MS = 2000

class Fleet implements Supervisor {
  readonly #options: ResolvedOptions
  readonly #fleetMetrics: FleetMetrics
  readonly #ownMetrics: SupervisorMetrics
  readonly #desk: FleetDesk
  readonly #endpoints: EndpointList
  readonly #removals = new Set<Promise<void>>()
  readonly #queue = new ReplacementQueue(() => this.#recycling.consider())
  readonly #recycling: Recycling
  readonly #scaling: Scaling
  readonly #rolling: RollingFleet
  /** Workers that there should be, by number. */
  readonly #slots: WorkerSlot[] = []
  /** Generations that go on when a number that was taken away comes back. */
  readonly #nextGenerations = new Map<number, number>()
  /** The worker that's being taken away. */
  #retiring: WorkerSlot | null = null
  #program: WorkerProgram
  #folder: RunFolder | null = null
  #state: FleetState = 'idle'
  #opening: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | null = null
  #change = Promise.withResolvers<void>()
  #cancelScaling: () => void = () => {}
  /** The process that listens for an inspector. */
  #inspected: WorkerProcess | null = null

  constructor(options: ResolvedOptions) {
    const { clock, random, logger, workers } = options
    this.#options = options
    this.#program = changeProgram(options, {})
    this.#endpoints = new EndpointList(options.onChange, logger)
    this.#fleetMetrics = new FleetMetrics(clock, options.metricsTimeoutMs)
    this.#recycling = new Recycling(
      options.recycling,
      {
        mayReplace: worker => this.#mayReplace(worker),
        replace: worker => this.replace(worker),
        drainThenStart: worker =>
          this.#queue.add(null, async () => {
            const slot = this.#slotOf(worker)
            await untilReplaceable(this.#rolling, slot)
            await slot.drainThenStart()
          }),
        recycled: (reason, result) => this.#ownMetrics.recycled(reason, result),
      },
      clock,
      random,
      logger,
    )
    this.#ownMetrics = new SupervisorMetrics({
      workers: () => this.workers(),
      wanted: () => this.#slots.length,
      deferredRecycles: () => this.#recycling.deferred,
    })
    this.#desk = new FleetDesk(() => this.#look(), clock)
    this.#scaling = new Scaling(options.scaling, workers.min, workers.max, logger)
    this.#rolling = {
      clock,
      logger,
      waitMs: options.startTimeoutMs,
      slots: () => this.#slots,
      changed: () => this.#change.promise,
      refuseWhenStopping: () => this.#refuseUnless('replace a worker', 'running'),
    }
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') throw new NotRunningError('start', this.#state)
    this.#setState('starting')
    try {
      const opening = openRunFolder(this.#options.runFolder, this.#options.workers.max)
      this.#opening = opening.catch(() => {})
      const folder = await opening
      this.#folder = folder
      this.#refuseUnless('start', 'starting')
      // Whoever reads an earlier run's list learns that nobody is there.
      this.#endpoints.announceSoon()
      for (let worker = 0; worker < this.#options.workers.min; worker++)
        this.#slots.push(this.#createSlot(worker, folder))
      await Promise.all(this.#slots.map(slot => slot.start()))
      this.#refuseUnless('start', 'starting')
      this.#setState('running')
      this.#recycling.consider()
      if (this.#options.workers.min < this.#options.workers.max) this.#considerScaling()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  workers(): WorkerStatus[] {
    const slots = this.#retiring === null ? this.#slots : [...this.#slots, this.#retiring]
    return slots
      .flatMap(slot => slot.status())
      .map(status => ({
        ...status,
        recycleRequested: this.#recycling.requestOf(status.worker, status.generation),
      }))
      .toSorted((a, b) => a.worker - b.worker || a.generation - b.generation)
  }

  async replace(worker?: number): Promise<void> {
    this.#refuseUnless('replace a worker', 'running')
    if (worker === undefined) return this.#queue.add('all', () => replaceEach(this.#rolling, this.#slots))
    this.#slotOf(worker)
    return this.#queue.add(String(worker), async () => replaceOne(this.#rolling, this.#slotOf(worker)))
  }

  async deploy(program: Partial<WorkerProgram>): Promise<void> {
    this.#refuseUnless('deploy', 'running')
    return this.#queue.add(null, async () => {
      // Not before its turn: a deploy that it waits for may change what isn't given here.
      const next = changeProgram(this.#program, program)
      await rollTo(this.#rolling, next, this.#program)
      this.#program = next
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async metrics(): Promise<string> {
    const [own, fleet] = await Promise.all([this.#ownMetrics.text(), this.#fleetMetrics.text()])
    return fleet === '' ? own : `${own}\n${fleet}`
  }

  figures(): Promise<FleetFigures> {
    return this.#desk.figures()
  }

  async #look(): Promise<FleetFigures> {
    const [own, fleet] = await Promise.all([
      this.#ownMetrics.snapshots(),
      this.#fleetMetrics.snapshots(FIGURES_WAIT_MS),
    ])
    const size = { wanted: this.#slots.length, ...this.#options.workers }
    return fleetFigures(this.#options.clock.now(), size, this.workers(), [...own, ...fleet])
  }

  async #stop(): Promise<void> {
    this.#setState('stopping')
    this.#cancelScaling()
    this.#recycling.close()
    await this.#opening
    await Promise.all([...this.#slots, ...(this.#retiring === null ? [] : [this.#retiring])].map(slot => slot.stop()))
    await Promise.all(this.#removals)
    await settledWithin(this.#options.clock, this.#endpoints.announced, this.#options.drainTimeoutMs)
    await this.#folder?.release()
    this.#setState('stopped')
  }

  #createSlot(worker: number, folder: RunFolder): WorkerSlot {
    const { overlapMs, backoff, crashLoop, random, clock, logger } = this.#options
    return new WorkerSlot(
      {
        worker,
        firstGeneration: this.#nextGenerations.get(worker) ?? folder.firstGeneration,
        program: this.#program,
        probationMs: overlapMs,
        resetAfterMs: backoff.resetAfterMs,
        crashLoopWithinMs: crashLoop.withinMs,
        policy: new RestartPolicy(backoff, crashLoop, random),
        clock,
        logger,
      },
      {
        createProcess: (slot, generation, program) => this.#createProcess(slot, generation, program, folder),
        restarted: reason => this.#ownMetrics.restarted(reason),
        replacementFailed: () => this.#ownMetrics.replacementFailed(),
      },
    )
  }

  #slotOf(worker: number): WorkerSlot {
    const slot = this.#slots[worker]
    if (slot === undefined) throw new UnknownWorkerError(worker, this.#slots.length)
    return slot
  }

  #mayReplace(worker: number): boolean {
    if (this.#state !== 'running' || this.#queue.isBusy) return false
    return this.#slots.every(slot => slot.worker === worker || slot.isReady)
  }

  #considerScaling(): void {
    const { clock } = this.#options
    this.#cancelScaling = clock.after(SCALING_INTERVAL_MS, () => this.#considerScaling())
    const workers = this.#slots.length
    const ready = this.#slots.flatMap(({ current }) => (current?.state === 'ready' ? [current] : []))
    const utilization = meanUtilization(
      ready.map(process => process.utilization),
      clock.now(),
    )
    const isBusy = this.#queue.isBusy || ready.length < workers || this.#slots.some(slot => slot.inCrashLoop)
    const decision = this.#scaling.decide(clock.now(), { workers, utilization, isBusy })
    if (decision !== 'keep') void this.#scale(decision, utilization ?? 0)
  }

  async #scale(direction: 'add' | 'remove', utilization: number): Promise<void> {
    const { clock, logger } = this.#options
    try {
      await this.#queue.add(null, async () => {
        const from = this.#slots.length
        const to = direction === 'add' ? from + 1 : from - 1
        this.#refuseUnless('scale', 'running')
        logger.info({ from, to, utilization }, `The fleet goes from ${from} to ${to} workers.`)
        await (direction === 'add' ? this.#addWorker() : this.#removeWorker())
        this.#ownMetrics.scaled(direction)
        publish('scaled', () => ({ from, to, utilization }))
      })
    } catch (error) {
      if (this.#state === 'running') logger.error({ error: messageOf(error) }, 'The fleet could not be scaled.')
    }
    this.#scaling.changed(clock.now())
  }

  async #addWorker(): Promise<void> {
    const folder = this.#folder
    if (folder === null) return
    const slot = this.#createSlot(this.#slots.length, folder)
    this.#slots.push(slot)
    try {
      await slot.start()
    } catch (error) {
      if (this.#state === 'running') await this.#removeWorker()
      throw error
    }
  }

  /** Takes the worker of the highest number away. */
  async #removeWorker(): Promise<void> {
    const slot = this.#slots.pop()
    if (slot === undefined) return
    this.#retiring = slot
    await slot.retire()
    this.#nextGenerations.set(slot.worker, slot.nextGeneration)
    this.#retiring = null
  }

  #createProcess(slot: WorkerSlot, generation: number, program: WorkerProgram, folder: RunFolder): WorkerProcess {
    const { worker } = slot
    const socketPath = folder.socketPath(worker, generation)
    const mayInspect = worker === 0 && (this.#inspected === null || this.#inspected.state === 'ended')
    const process = new WorkerProcess(
      { worker, generation, socketPath },
      {
        ...this.#options,
        entry: program.entry,
        args: program.args,
        execArgv: execArgvFor(program, this.#options.heap, mayInspect),
        env: {
          ...program.env,
          [IDENTITY_VARIABLES.worker]: String(worker),
          [IDENTITY_VARIABLES.generation]: String(generation),
          [IDENTITY_VARIABLES.socketPath]: socketPath,
        },
      },
      {
        stateChanged: (changed, from) => this.#stateChanged(slot, changed, from),
        metricsArrived: (from, round, metrics) => this.#fleetMetrics.received(from.id, round, metrics),
        metricsFailed: from => this.#fleetMetrics.failed(from.id),
        recycleRequested: (from, reason, detail) => {
          this.#recycling.request(from.worker, from.generation, reason, detail)
        },
        fleetFigures: () => this.#desk.figures(),
        announced: () => this.#endpoints.announced,
      },
    )
    if (mayInspect) this.#inspected = process
    return process
  }

  #stateChanged(slot: WorkerSlot, process: WorkerProcess, from: ProcessState): void {
    const { id, socketPath, state, worker, generation } = process
    if (state === 'ready' && from === 'starting') {
      this.#fleetMetrics.add(id, round => process.askForMetrics(round))
      this.#ownMetrics.becameReady((process.readyAtMs ?? process.startedAtMs) - process.startedAtMs)
      this.#recycling.serves(worker, generation)
    }
    if (state === 'unready') this.#logUnready(process)
    if (state === 'ended') {
      this.#fleetMetrics.remove(id)
      this.#removeSocket(socketPath)
    }
    if (!process.serves) this.#recycling.left(worker, generation)
    this.#endpoints.update(process, from)
    slot.stateChanged(process, from)
    this.#notifyChange()
    this.#recycling.consider()
  }

  #logUnready({ worker, generation, pid, unreadyReason }: WorkerProcess): void {
    this.#options.logger.warn(
      { worker, generation, pid, reason: unreadyReason },
      `Worker ${worker} says that it isn't ready any more.`,
    )
  }

  #notifyChange(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  #removeSocket(path: string): void {
    const removal = (async () => {
      try {
        await this.#folder?.removeSocket(path)
      } catch (error) {
        this.#options.logger.warn({ path, error: messageOf(error) }, "A worker's socket could not be removed.")
      }
    })()
    this.#removals.add(removal)
    void removal.finally(() => this.#removals.delete(removal))
  }

  #refuseUnless(what: string, state: FleetState): void {
    if (this.#state !== state) throw new NotRunningError(what, this.#state)
  }

  #setState(to: FleetState): void {
    if (!NEXT_STATES[this.#state].includes(to)) {
      throw new Error(`The supervisor can't go from '${this.#state}' to '${to}': a bug in the supervisor.`)
    }
    this.#state = to
    this.#notifyChange()
  }
}
