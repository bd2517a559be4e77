// The worker's end of the channel: who it is, that it's ready, when to drain.
//
//   ┌──────────┐ ready() ┌───────┐ drain message, SIGTERM ┌──────────┐ handler done ┌─────────┐ exit message
//   │ starting │ ──────► │ ready │ ─────────────────────► │ draining │ ───────────► │ drained │ ──────────► exit 0
//   └──────────┘         └───────┘                        └──────────┘              └─────────┘
//        │    unready(reason) │ ▲ ready()                       ▲
//        │                    ▼ │                               │
//        │               ┌─────────┐  drain message, SIGTERM    │
//        │               │ unready │ ───────────────────────────┘
//        │               └─────────┘
//        └── drain message, SIGTERM, channel closed: exit 1 at once, nothing has been sent to it
//
// Signals
// * Ctrl-C in a terminal reaches the whole process group, so a supervised worker ignores SIGINT: the supervisor gets it too, and ends its
//   workers in order. SIGHUP likewise: a terminal that's closed sends it to the whole group, and all would end at once with what they
//   have in flight. If the supervisor ends by it, the channel closes.
// * SIGTERM, from an operator or a service manager that signals the whole group, drains. Sent again it's ignored: force is the
//   supervisor's business, by message and then by SIGKILL.
// * Without a supervisor (`node src/main.ts` by hand) all three drain, and a second one exits at once.
// * When the channel closes the supervisor is gone: what is in flight gets `orphanDrainMs`, then the process exits, so that
//   nothing is left behind when the supervisor was killed.
import { systemClock, type Clock } from './clock.ts'
import { messageOf, OptionError } from './errors.ts'
import type { FleetFigures } from './fleet-figures.ts'
import { FleetQuestion } from './fleet-question.ts'
import { IDENTITY_VARIABLES, parseSupervisorMessage, type WorkerMessage } from './messages.ts'

/** What the link needs of `process`; pass that. */
export interface WorkerProcessLike {
  readonly env: Readonly<Record<string, string | undefined>>
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'disconnect' | 'SIGHUP' | 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  /** Absent without an IPC channel. */
  send?(message: unknown, callback: (error: Error | null) => void): boolean
  exit(code: number): unknown
}

/** The part of a prom-client registry that is needed. */
export interface MetricsSource {
  getMetricsAsJSON(): Promise<readonly object[]>
}

export interface WorkerLinkOptions {
  /** Time for the drain handler when the supervisor is gone. Default 5000. */
  readonly orphanDrainMs?: number
  /** Longest wait for the fleet's figures. Default 3000: the supervisor itself waits for workers, `metricsTimeoutMs` (1000) long and 2000 at most. */
  readonly fleetTimeoutMs?: number
  /** Time. Default the system's. */
  readonly clock?: Clock
}

/** Why a worker asks to be replaced. */
export type RecycleReason = 'leak' | 'fragmentation' | 'emergency' | (string & {})

/** A worker's tie to its supervisor. */
export interface WorkerLink {
  /** Whether there's a supervisor at all. Without one everything here still may be called. */
  readonly supervised: boolean
  /** Number of the worker, from 0; 0 without a supervisor. */
  readonly worker: number
  /** Grows with every process of this worker number; 0 without a supervisor. */
  readonly generation: number
  /** Unix socket to listen on; null without a supervisor. */
  readonly socketPath: string | null
  /** Says that the worker listens on `socketPath`, and can answer; after `unready()`, that it's well again. */
  ready(): void
  /**
   * Takes readiness back, for example because the database can't be reached, with the reason for operators. The worker stays in the list of
   * endpoints: a balancer's own health checks decide who gets requests, and when all workers say this at once there has to be one to ask.
   * What it changes is the supervisor's mind: a new generation that says it on probation has failed, no other worker is taken out of
   * service meanwhile, and `/health` says why. Does nothing unless the worker is ready.
   */
  unready(reason: string): void
  /**
   * Says how busy the worker is; what scaling decides by. Cheap: call it from a timer about once a second; more is dropped.
   * `utilization` is that of the event loop since the last call, 0 to 1 (`performance.eventLoopUtilization()`).
   */
  report(report: { readonly utilization: number }): void
  /**
   * Asks to be replaced when it suits: `leak`, `fragmentation` and `emergency` (memory is about to run out: it comes first) are reasons that the
   * metrics name; others count as `other`. `detail` is for operators. The worker goes on serving until it's told to drain. Asking again does
   * nothing, unless it's an emergency now. Before the worker is ready, the request waits for that.
   */
  requestRecycle(reason: RecycleReason, detail: string): void
  /**
   * Sets what happens when the worker shall end: stop accepting, finish what's in flight, close. The process exits when the promise is settled, with
   * code 0, or 1 when it was rejected. The supervisor's `drainTimeoutMs` limits it.
   */
  onDrain(handler: () => Promise<void>): void
  /** Sets whose figures the fleet's metrics take from this worker. */
  serveMetrics(registry: MetricsSource): void
  /**
   * How the whole fleet is, as the supervisor sees it, at most a second old: states of all workers, and all metrics as its own `metrics()` would give
   * them. Calls at the same time share one question. Null without a supervisor.
   * @throws SUPERVISOR_ERR_FLEET_FIGURES when it doesn't answer within `fleetTimeoutMs`, or is gone
   */
  fleet(): Promise<FleetFigures | null>
}

/**
 * Ties a worker to its supervisor. Call it first thing in the worker's main.ts, with `process`.
 * @throws SUPERVISOR_ERR_OPTION when the identity in the environment isn't one
 */
export function connectToSupervisor(link: WorkerProcessLike, options: WorkerLinkOptions = {}): WorkerLink {
  return new Link(link, {
    clock: options.clock ?? systemClock,
    orphanDrainMs: options.orphanDrainMs ?? 5000,
    fleetTimeoutMs: options.fleetTimeoutMs ?? 3000,
  })
}

type LinkState = 'starting' | 'ready' | 'unready' | 'draining' | 'drained'

const NEXT_STATES: Readonly<Record<LinkState, readonly LinkState[]>> = {
  starting: ['ready'],
  ready: ['unready', 'draining'],
  unready: ['ready', 'draining'],
  draining: ['drained'],
  drained: [],
}

/** Reports come by timers of a second, which may be a little early. */
const MIN_REPORT_INTERVAL_MS = 900

class Link implements WorkerLink {
  readonly supervised: boolean
  readonly worker: number
  readonly generation: number
  readonly socketPath: string | null

  readonly #process: WorkerProcessLike
  readonly #clock: Clock
  readonly #fleetQuestion: FleetQuestion
  #state: LinkState = 'starting'
  #drainHandler: () => Promise<void> = () => Promise.resolve()
  #registry: MetricsSource = { getMetricsAsJSON: () => Promise.resolve([]) }
  /** Newest round that was asked for, while figures are being collected; null while they aren't. */
  #roundAskedFor: number | null = null
  #isOrphan = false
  #lastReportMs = -Infinity
  /** The last report hasn't left yet: the channel is full, and another one would only wait behind it. */
  #isReporting = false
  #recycleRequest: { readonly reason: string; readonly detail: string } | null = null

  constructor(link: WorkerProcessLike, { clock, orphanDrainMs, fleetTimeoutMs }: Required<WorkerLinkOptions>) {
    this.#process = link
    this.#clock = clock
    this.#fleetQuestion = new FleetQuestion(ask => this.#send({ type: 'worker:fleet', ask }), clock, fleetTimeoutMs)
    const { env } = link
    const socketPath = env[IDENTITY_VARIABLES.socketPath]
    // A child of a worker inherits the variables but not the channel: it isn't a worker.
    this.supervised = link.send !== undefined && socketPath !== undefined
    this.worker = this.supervised ? readNumber(env, IDENTITY_VARIABLES.worker) : 0
    this.generation = this.supervised ? readNumber(env, IDENTITY_VARIABLES.generation) : 0
    this.socketPath = this.supervised ? (socketPath ?? null) : null

    if (this.supervised) {
      link.on('message', value => this.#received(value))
      link.on('disconnect', () => this.#orphaned(orphanDrainMs))
      link.on('SIGINT', () => {})
      link.on('SIGHUP', () => {})
      link.on('SIGTERM', () => this.#terminated())
    } else {
      link.on('SIGINT', () => this.#signalled())
      link.on('SIGHUP', () => this.#signalled())
      link.on('SIGTERM', () => this.#signalled())
    }
  }

  ready(): void {
    if (this.#state !== 'starting' && this.#state !== 'unready') return
    const isFirst = this.#state === 'starting'
    this.#setState('ready')
    this.#send({ type: 'worker:ready' })
    if (isFirst && this.#recycleRequest !== null) this.#send({ type: 'worker:recycle', ...this.#recycleRequest })
  }

  unready(reason: string): void {
    if (this.#state !== 'ready') return
    this.#setState('unready')
    this.#send({ type: 'worker:unready', reason })
  }

  report({ utilization }: { readonly utilization: number }): void {
    if (!this.#serves || this.#isReporting) return
    const nowMs = this.#clock.now()
    if (nowMs - this.#lastReportMs < MIN_REPORT_INTERVAL_MS) return
    this.#lastReportMs = nowMs
    this.#isReporting = this.supervised
    this.#send({ type: 'worker:report', utilization }, () => (this.#isReporting = false))
  }

  requestRecycle(reason: RecycleReason, detail: string): void {
    const isNews = this.#recycleRequest === null || (reason === 'emergency' && this.#recycleRequest.reason !== reason)
    if (!isNews) return
    this.#recycleRequest = { reason, detail }
    if (this.#serves) this.#send({ type: 'worker:recycle', reason, detail })
  }

  onDrain(handler: () => Promise<void>): void {
    this.#drainHandler = handler
  }

  serveMetrics(registry: MetricsSource): void {
    this.#registry = registry
  }

  async fleet(): Promise<FleetFigures | null> {
    return this.supervised ? this.#fleetQuestion.figures() : null
  }

  get #serves(): boolean {
    return this.#state === 'ready' || this.#state === 'unready'
  }

  #received(value: unknown): void {
    const message = parseSupervisorMessage(value)
    if (message === null) return
    switch (message.type) {
      case 'supervisor:metrics':
        this.#answerMetrics(message.round)
        return
      case 'supervisor:fleet':
        this.#fleetQuestion.answered(message.ask, message.figures, message.error)
        return
      case 'supervisor:drain':
        this.#drainOrExit()
        return
      case 'supervisor:exit':
        this.#process.exit(message.code)
        return
      default:
        message satisfies never
    }
  }

  #terminated(): void {
    // Said before the handler runs: the balancer learns of it while the sockets still answer.
    if (this.#serves) this.#send({ type: 'worker:draining' })
    this.#drainOrExit()
  }

  #signalled(): void {
    if (this.#state === 'draining' || this.#state === 'drained') this.#process.exit(1)
    this.#drainOrExit()
  }

  #orphaned(orphanDrainMs: number): void {
    this.#isOrphan = true
    this.#fleetQuestion.close()
    if (this.#state === 'drained') this.#process.exit(0)
    this.#clock.after(orphanDrainMs, () => this.#process.exit(1))
    this.#drainOrExit()
  }

  #drainOrExit(): void {
    if (this.#state === 'starting') this.#process.exit(1)
    else if (this.#serves) void this.#drain()
  }

  async #drain(): Promise<void> {
    this.#setState('draining')
    let error: string | null = null
    try {
      await this.#drainHandler()
    } catch (thrown) {
      error = messageOf(thrown)
    }
    this.#setState('drained')
    if (!this.supervised || this.#isOrphan) {
      this.#process.exit(error === null ? 0 : 1)
      return
    }
    let metrics: readonly object[] | null = null
    try {
      metrics = await this.#registry.getMetricsAsJSON()
    } catch {
      // The last known figures stand in for the last ones.
    }
    this.#send({ type: 'worker:drained', metrics, error })
  }

  #answerMetrics(round: number): void {
    const isCollecting = this.#roundAskedFor !== null
    this.#roundAskedFor = round
    if (!isCollecting) void this.#collectMetrics()
  }

  /** Answers once, for the newest round, however many have come in meanwhile. */
  async #collectMetrics(): Promise<void> {
    let metrics: readonly object[] | null = null
    let error: string | null = null
    try {
      metrics = await this.#registry.getMetricsAsJSON()
    } catch (thrown) {
      error = messageOf(thrown)
    }
    const round = this.#roundAskedFor ?? 0
    this.#roundAskedFor = null
    this.#send({ type: 'worker:metrics', round, metrics, error })
  }

  #send(message: WorkerMessage, sent: () => void = () => {}): void {
    if (!this.supervised) return // A channel there may be, but to somebody who doesn't know this protocol.
    try {
      // An error that comes here means that the channel is closing; 'disconnect' says what to do then.
      this.#process.send?.(message, sent)
    } catch (thrown) {
      sent()
      // What can't be cloned (a function in a metric's labels) is refused at once. It's a fault of what was to be sent.
      if (message.type === 'worker:metrics' || message.type === 'worker:drained') {
        this.#process.send?.({ ...message, metrics: null, error: messageOf(thrown) } satisfies WorkerMessage, () => {})
      }
    }
  }

  #setState(to: LinkState): void {
    if (!NEXT_STATES[this.#state].includes(to)) {
      throw new Error(`A worker can't go from '${this.#state}' to '${to}': a bug in the supervisor package.`)
    }
    this.#state = to
  }
}

function readNumber(env: Readonly<Record<string, string | undefined>>, name: string): number {
  const text = env[name]
  const number = Number(text)
  if (text === undefined || text === '' || !Number.isInteger(number) || number < 0) {
    throw new OptionError(
      `The environment variable ${name} is '${text ?? ''}'; the supervisor sets it to a whole number. Don't set it by hand.`,
    )
  }
  return number
}
