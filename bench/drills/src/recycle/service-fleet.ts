// The drill's side of its service: starts it, has workers replaced or killed, and remembers what it reports.
//
//   starting → serving → stopped
//
// Invariants
// * What's counted here comes from the service's events alone, in the order in which they were sent.
// * A worker that asked to be replaced is pending until the process that asked is gone.
import path from 'node:path'
import { type Program, startProgram } from '../../../src/program.ts'
import { processName, type ServiceEvent, type ServiceStart, type WorkerId } from './service/service-protocol.ts'

export interface ServiceFleetOptions {
  readonly nodePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly start: Omit<ServiceStart, 'kind'>
  readonly signal: AbortSignal
}

/** One worker's way from asking to be replaced to its end; times since the epoch, in milliseconds. */
export interface Recycle {
  readonly id: WorkerId
  readonly reason: string
  readonly detail: string
  readonly askedAtMs: number
  /** Its successor serves; null until then. */
  replacedAtMs: number | null
  /** The process is gone; null until then. */
  endedAtMs: number | null
}

/** An end that nobody had ordered. */
export interface Crash {
  readonly name: string
  readonly how: string
}

const START_TIMEOUT_MS = 30_000

export class ServiceFleet {
  /** In the order in which they were asked for. */
  readonly recycles: Recycle[] = []
  readonly crashes: Crash[] = []
  readonly #workers: number
  readonly #pids = new Map<string, { readonly id: WorkerId; readonly pid: number }>()
  readonly #ends = new Map<string, () => void>()
  #program: Program<true> | null = null
  #ready = 0
  #leastReady: number
  #onRolled: (error: string | null) => void = () => {}

  private constructor(workers: number) {
    this.#workers = workers
    this.#leastReady = workers
  }

  /** Resolves when all workers are ready. @throws Error with the program's last lines */
  static async start({ nodePath, env, start, signal }: ServiceFleetOptions): Promise<ServiceFleet> {
    const fleet = new ServiceFleet(start.workers)
    fleet.#program = await startProgram({
      name: 'the service',
      command: [nodePath, path.join(import.meta.dirname, 'service/main.ts')],
      env,
      firstMessage: { kind: 'start', ...start } satisfies ServiceStart,
      ready: from => {
        if (!('message' in from)) return undefined
        const event = from.message as ServiceEvent
        fleet.#take(event)
        return event.kind === 'serving' ? true : undefined
      },
      startTimeoutMs: START_TIMEOUT_MS,
      stopTimeoutMs: 15_000,
      signal,
    })
    fleet.#leastReady = start.workers
    return fleet
  }

  /** Of the service's supervisor. */
  get pid(): number {
    return this.#program?.pid ?? 0
  }

  /** Of the workers that run. */
  get workers(): readonly WorkerId[] {
    return Array.from(this.#pids.values(), ({ id }) => id)
  }

  /** Endpoints that take requests, by the last list. */
  get ready(): number {
    return this.#ready
  }

  /** The fewest endpoints that ever took requests since `forgetLeastReady`. */
  get leastReady(): number {
    return this.#leastReady
  }

  forgetLeastReady(): void {
    this.#leastReady = this.#ready
  }

  /** Whether every worker has its process, and nothing is being replaced. */
  get isWhole(): boolean {
    return this.#ready === this.#workers && this.#pids.size === this.#workers && this.pendingRecycles === 0
  }

  get doneRecycles(): number {
    return this.recycles.filter(({ endedAtMs }) => endedAtMs !== null).length
  }

  get pendingRecycles(): number {
    return this.recycles.length - this.doneRecycles
  }

  /** SIGHUP: replaces all. Resolves when that's over, with what went wrong, or null. */
  roll(): Promise<string | null> {
    const rolled = Promise.withResolvers<string | null>()
    this.#onRolled = rolled.resolve
    this.#program?.child.once('exit', () => rolled.resolve('the service has ended'))
    this.#program?.child.kill('SIGHUP')
    return rolled.promise
  }

  /** SIGKILL. Resolves when its end was seen; between the signal and that nobody reads what is sent to it. @throws Error when it isn't there */
  async kill(id: WorkerId): Promise<void> {
    const name = processName(id)
    const found = this.#pids.get(name)
    if (found === undefined) throw new Error(`worker ${name} isn't running`)
    const ended = Promise.withResolvers<void>()
    this.#ends.set(name, ended.resolve)
    process.kill(found.pid, 'SIGKILL')
    await ended.promise
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
  }

  #take(event: ServiceEvent): void {
    switch (event.kind) {
      case 'serving':
      case 'failed':
        return
      case 'started':
        this.#pids.set(processName(event), { id: event, pid: event.pid })
        return
      case 'asked':
        this.recycles.push({
          id: { worker: event.worker, generation: event.generation },
          reason: event.reason,
          detail: event.detail,
          askedAtMs: event.atMs,
          replacedAtMs: null,
          endedAtMs: null,
        })
        return
      case 'replaced': {
        const recycle = this.#recycleOf(event)
        if (recycle) recycle.replacedAtMs = event.atMs
        return
      }
      case 'ended': {
        const name = processName(event)
        const recycle = this.#recycleOf(event)
        if (recycle) recycle.endedAtMs = event.atMs
        this.#pids.delete(name)
        const wasKilled = this.#ends.get(name)
        wasKilled?.()
        if (event.crashed && !wasKilled) this.crashes.push({ name, how: event.how })
        return
      }
      case 'announced':
        this.#ready = event.ready
        this.#leastReady = Math.min(this.#leastReady, event.ready)
        return
      case 'rolled':
        this.#onRolled(event.error)
        return
      default:
        event satisfies never
    }
  }

  #recycleOf(id: WorkerId): Recycle | undefined {
    const name = processName(id)
    return this.recycles.find(recycle => processName(recycle.id) === name)
  }
}
