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
// Invariants
// * `#state` changes in #setState only, along these arrows.
// * The list of endpoints is derived from the processes' states and published whole, once per turn, after every change: 'ready' and
//   'draining' are in it, nothing else is. A crashed worker leaves it in the turn in which its exit is seen.
// * One replacement at a time in the whole fleet.
// * stop() is bounded: overlap and back-off end at once, drains and kills have their time limits.
import { settledWithin } from './clock.ts'
import type { Endpoint } from './endpoint-file.ts'
import { messageOf, NotRunningError, UnknownWorkerError } from './errors.ts'
import { IDENTITY_VARIABLES } from './messages.ts'
import { FleetMetrics } from './metrics/fleet-metrics.ts'
import { SupervisorMetrics } from './metrics/supervisor-metrics.ts'
import { execArgvFor, resolveOptions, type ResolvedOptions, type SupervisorOptions } from './options.ts'
import { RestartPolicy } from './restart-policy.ts'
import { openRunFolder, type RunFolder } from './run-folder.ts'
import { WorkerProcess, type ProcessState } from './worker-process.ts'
import { WorkerSlot, type WorkerStatus } from './worker-slot.ts'

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
   * Replaces one worker, or all of them one after the other, each by starting the next generation first. Calls wait for each other; one that
   * would do what another is still waiting to do joins it. Resolves when the old processes have ended.
   * @throws SUPERVISOR_ERR_REPLACE_FAILED when a new generation doesn't get ready; the one before it keeps serving and the rest is left as it is
   * @throws SUPERVISOR_ERR_UNKNOWN_WORKER, SUPERVISOR_ERR_NOT_RUNNING
   */
  replace(worker?: number): Promise<void>
  /** Drains and ends all workers, with SIGKILL in the end for those that don't; removes their sockets. Every call gets the same promise. */
  stop(): Promise<void>
  /** The workers' figures put together, and the supervisor's own, in the Prometheus text format. */
  metrics(): Promise<string>
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

class Fleet implements Supervisor {
  readonly #options: ResolvedOptions
  readonly #fleetMetrics: FleetMetrics
  readonly #ownMetrics: SupervisorMetrics
  readonly #endpoints = new Map<WorkerProcess, Endpoint>()
  readonly #removals = new Set<Promise<void>>()
  readonly #waitingReplacements = new Map<number | 'all', Promise<void>>()
  #slots: readonly WorkerSlot[] = []
  #folder: RunFolder | null = null
  #state: FleetState = 'idle'
  #opening: Promise<unknown> = Promise.resolve()
  #lastReplacement: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | null = null
  /** The process that listens for an inspector. */
  #inspected: WorkerProcess | null = null
  /** What onChange has last been called for; settled when it has seen the newest list. */
  #announcement: Promise<void> = Promise.resolve()
  #isAnnouncementDue = false

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#fleetMetrics = new FleetMetrics(options.clock, options.metricsTimeoutMs)
    this.#ownMetrics = new SupervisorMetrics(() => this.workers())
  }

  async start(): Promise<void> {
    if (this.#state !== 'idle') throw new NotRunningError('start', this.#state)
    this.#setState('starting')
    try {
      const opening = openRunFolder(this.#options.runFolder, this.#options.workers)
      this.#opening = opening.catch(() => {})
      const folder = await opening
      this.#folder = folder
      this.#refuseUnless('start', 'starting')
      // Whoever reads an earlier run's list learns that nobody is there.
      this.#announceSoon()
      this.#slots = Array.from({ length: this.#options.workers }, (_, worker) => this.#createSlot(worker, folder))
      await Promise.all(this.#slots.map(slot => slot.start()))
      this.#refuseUnless('start', 'starting')
      this.#setState('running')
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  workers(): WorkerStatus[] {
    return this.#slots
      .flatMap(slot => slot.status())
      .toSorted((a, b) => a.worker - b.worker || a.generation - b.generation)
  }

  async replace(worker?: number): Promise<void> {
    this.#refuseUnless('replace a worker', 'running')
    const slot = worker === undefined ? null : this.#slots[worker]
    if (slot === undefined) throw new UnknownWorkerError(worker ?? 0, this.#options.workers)
    const slots = slot === null ? this.#slots : [slot]

    const key = worker ?? 'all'
    const waiting = this.#waitingReplacements.get(key)
    if (waiting !== undefined) return waiting
    const run = async (): Promise<void> => {
      // From here on it has begun, and a new call may mean to replace what this one has started.
      this.#waitingReplacements.delete(key)
      for (const each of slots) {
        this.#refuseUnless('replace a worker', 'running')
        await each.replace()
      }
    }
    const replacement = this.#lastReplacement.then(run)
    this.#waitingReplacements.set(key, replacement)
    this.#lastReplacement = replacement.catch(() => {}) // Its own caller hears of it.
    return replacement
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async metrics(): Promise<string> {
    const [own, fleet] = await Promise.all([this.#ownMetrics.text(), this.#fleetMetrics.text()])
    return fleet === '' ? own : `${own}\n${fleet}`
  }

  async #stop(): Promise<void> {
    this.#setState('stopping')
    await this.#opening
    await Promise.all(this.#slots.map(slot => slot.stop()))
    await Promise.all(this.#removals)
    await settledWithin(this.#options.clock, this.#announcement, this.#options.drainTimeoutMs)
    await this.#folder?.release()
    this.#setState('stopped')
  }

  #createSlot(worker: number, folder: RunFolder): WorkerSlot {
    const { overlapMs, backoff, crashLoop, random, clock, logger } = this.#options
    return new WorkerSlot(
      {
        worker,
        firstGeneration: folder.firstGeneration,
        overlapMs,
        resetAfterMs: backoff.resetAfterMs,
        crashLoopWithinMs: crashLoop.withinMs,
        policy: new RestartPolicy(backoff, crashLoop, random),
        clock,
        logger,
      },
      {
        createProcess: (number, generation) => this.#createProcess(number, generation, folder),
        restarted: reason => this.#ownMetrics.restarted(reason),
      },
    )
  }

  #createProcess(worker: number, generation: number, folder: RunFolder): WorkerProcess {
    const socketPath = folder.socketPath(worker, generation)
    const mayInspect = worker === 0 && (this.#inspected === null || this.#inspected.state === 'ended')
    const process = new WorkerProcess(
      { worker, generation, socketPath },
      {
        ...this.#options,
        execArgv: execArgvFor(this.#options.execArgv, mayInspect),
        env: {
          ...this.#options.env,
          [IDENTITY_VARIABLES.worker]: String(worker),
          [IDENTITY_VARIABLES.generation]: String(generation),
          [IDENTITY_VARIABLES.socketPath]: socketPath,
        },
      },
      {
        stateChanged: (changed, from) => this.#stateChanged(changed, from),
        metricsArrived: (from, round, metrics) => this.#fleetMetrics.received(from.id, round, metrics),
        metricsFailed: from => this.#fleetMetrics.failed(from.id),
        announced: () => this.#announcement,
      },
    )
    if (mayInspect) this.#inspected = process
    return process
  }

  #stateChanged(process: WorkerProcess, from: ProcessState): void {
    const { id, socketPath, state } = process
    const url = `unix:${socketPath}`
    switch (state) {
      case 'ready':
        this.#endpoints.set(process, { id, url, state })
        this.#fleetMetrics.add(id, round => process.askForMetrics(round))
        this.#ownMetrics.becameReady((process.readyAtMs ?? process.startedAtMs) - process.startedAtMs)
        break
      case 'draining':
        this.#endpoints.set(process, { id, url, state })
        break
      case 'stopping':
        this.#endpoints.delete(process)
        break
      case 'ended':
        this.#endpoints.delete(process)
        this.#fleetMetrics.remove(id)
        this.#removeSocket(socketPath)
        break
      case 'starting':
        break
      default:
        state satisfies never
    }
    const wasListed = from === 'ready' || from === 'draining'
    if (wasListed || this.#endpoints.has(process)) this.#announceSoon()
    this.#slots[process.worker]?.stateChanged(process)
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

  /** Publishes the list at the end of this turn, so that what changes together is seen together. */
  #announceSoon(): void {
    if (this.#isAnnouncementDue) return
    this.#isAnnouncementDue = true
    this.#announcement = Promise.resolve().then(() => this.#announce())
  }

  async #announce(): Promise<void> {
    this.#isAnnouncementDue = false
    try {
      await this.#options.onChange([...this.#endpoints.values()])
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, 'The list of endpoints could not be announced.')
    }
  }

  #refuseUnless(what: string, state: FleetState): void {
    if (this.#state !== state) throw new NotRunningError(what, this.#state)
  }

  #setState(to: FleetState): void {
    if (!NEXT_STATES[this.#state].includes(to)) {
      throw new Error(`The supervisor can't go from '${this.#state}' to '${to}': a bug in the supervisor.`)
    }
    this.#state = to
  }
}
