// A route to the database: an address with its pool, its circuit, and what probes say of it.
import { channels } from '../channels.ts'
import { CancelSender } from '../driver/cancel-request.ts'
import type { PostgresDriver } from '../driver/postgres-driver.ts'
import { Slot, SlotOpenError, type SlotEvents } from '../driver/slot.ts'
import type { CompleteRoute } from '../options.ts'
import { Pool, type AcquireOptions, type PoolSettings } from '../pool/pool.ts'
import type { RetryTimers } from '../retry/pause.ts'
import { runText } from '../sql/run-query.ts'
import { Prober } from './prober.ts'
import { RouteCircuit, type RouteCircuitOptions } from './route-circuit.ts'
import { RouteHealth, type AwayReason, type ProbeFigures, type RouteState } from './route-health.ts'
import type { PoolStatistics } from '../pool/pool-statistics.ts'

/** How routes are watched and left; all times in milliseconds. */
export interface RouteSettings {
  /** Longest wait for a connection of a route that has none, as long as there's another route. */
  readonly fallbackAfterMs: number
  readonly probeIntervalMs: number
  readonly probeDoubtIntervalMs: number
  readonly probeTimeoutMs: number
  readonly goodProbes: number
  readonly minAwayMs: number
  /** Undefined: no route has one. */
  readonly circuit: RouteCircuitOptions | undefined
}

export interface RouteTools {
  readonly driver: PostgresDriver
  readonly random: { next(): number }
  readonly timers: RetryTimers
  /** Its state has changed. */
  readonly onChange: () => void
}

export interface RouteStatistics {
  readonly name: string
  readonly state: RouteState
  /** Why it's away. */
  readonly reason: AwayReason | undefined
  /** Milliseconds in this state. */
  readonly forMs: number
  /** `off`: it has none. */
  readonly circuit: 'closed' | 'open' | 'half-open' | 'off'
  readonly probes: ProbeFigures
  readonly pool: PoolStatistics
}

export class Route {
  readonly name: string
  readonly pool: Pool
  /** A pooler in transaction mode: no LISTEN there, and no settings of a session. */
  readonly pooler: boolean
  readonly driver: PostgresDriver
  readonly #settings: RouteSettings
  readonly #poolSettings: PoolSettings
  readonly #health: RouteHealth
  readonly #circuit: RouteCircuit | undefined
  readonly #prober: Prober
  readonly #onChange: () => void
  readonly #probeCancels: CancelSender

  constructor(options: CompleteRoute, poolSettings: PoolSettings, settings: RouteSettings, tools: RouteTools) {
    this.name = options.name
    this.pooler = options.pooler
    this.driver = tools.driver
    this.#settings = settings
    this.#poolSettings = poolSettings
    this.#onChange = tools.onChange
    this.#probeCancels = new CancelSender(tools.driver.address, 1)
    this.#health = new RouteHealth(settings, tools.timers)
    this.#circuit =
      settings.circuit && new RouteCircuit(options.name, settings.circuit, () => this.#leave('circuit-open'))
    this.#prober = new Prober(
      { intervalMs: settings.probeIntervalMs, doubtIntervalMs: settings.probeDoubtIntervalMs },
      {
        timers: tools.timers,
        random: tools.random,
        ask: () => this.#probe(),
        answered: (problem, durationMs) => this.#probed(problem, durationMs),
      },
    )
    this.pool = new Pool(poolSettings, {
      driver: tools.driver,
      random: tools.random,
      onUnreachable: () => this.#leave('unreachable'),
      onLost: () => this.#prober.soon(),
    })
  }

  get available(): boolean {
    return this.#health.state === 'available'
  }

  startProbing(): void {
    this.#prober.start()
  }

  /**
   * A connection. While there's another route, this one's circuit is asked first, and nobody waits long for a route that has no connection at all.
   * @throws DB_ERR_CONNECT when the other route should be taken; DB_ERR_POOL_BUSY, DB_ERR_ABORTED, DB_ERR_CLOSED
   */
  acquire(options: AcquireOptions, isLast: boolean): Promise<Slot> {
    const slot = this.pool.tryAcquire(options.priority)
    if (slot !== undefined) return Promise.resolve(slot)
    const circuit = this.#circuit
    if (isLast && circuit?.state === 'open') return this.pool.acquire(options)
    // Who has less time than that gives up by itself, which says nothing of the route.
    const whenEmptyMs = isLast ? options.timeoutMs : Math.min(options.timeoutMs, this.#settings.fallbackAfterMs)
    const acquire = () => this.pool.acquire(options, whenEmptyMs)
    return circuit === undefined ? acquire() : circuit.run(acquire)
  }

  statistics(): RouteStatistics {
    const { state, reason, forMs, probes } = this.#health
    const circuit = this.#circuit?.state ?? 'off'
    return { name: this.name, state, reason, forMs, circuit, probes, pool: this.pool.statistics() }
  }

  async close(timeoutMs: number): Promise<void> {
    this.#prober.stop()
    await this.pool.close(timeoutMs)
    this.#circuit?.close()
  }

  #leave(reason: AwayReason): void {
    this.#prober.later()
    if (this.#health.leave(reason)) this.#changed()
  }

  #changed(): void {
    const { state, reason } = this.#health
    channels.routeChanged.publish({ route: this.name, state, reason })
    this.#onChange()
  }

  async #probe(): Promise<string | null> {
    const { probeTimeoutMs } = this.#settings
    const startedAtMs = performance.now()
    const settings = { ...this.#poolSettings, connectTimeoutMs: probeTimeoutMs }
    try {
      const slot = await Slot.open(0, this.driver, settings, this.#probeCancels, PROBE_EVENTS)
      slot.take()
      const leftMs = Math.max(1, probeTimeoutMs - (performance.now() - startedAtMs))
      const { failure } = await runText(slot, 'select 1', leftMs)
      slot.close('idle')
      return failure === null ? null : failure.kind
    } catch (error) {
      return error instanceof SlotOpenError ? error.reason : String(error)
    }
  }

  #probed(problem: string | null, durationMs: number): boolean {
    const health = this.#health
    const changed = problem === null ? health.probeSucceeded(durationMs) : health.probeFailed(problem)
    channels.routeProbed.publish({ route: this.name, problem, durationMs })
    if (changed) this.#changed()
    return health.inDoubt
  }
}

/** A probe's connection belongs to no pool. */
const PROBE_EVENTS: SlotEvents = { poolName: 'probe', dead: () => {}, cancelled: () => {}, returned: () => {} }
