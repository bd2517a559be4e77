// Checks of simulated servers, planned as health/active-check.ts plans them, without promises.
import type { FakeTimer } from '@plimsoll/testing'
import type { Fleet } from './fleet.ts'
import type { SimulatedServer } from './simulated-server.ts'

export interface SimulatedCheckOptions {
  /** They ask, and a hanging server fails them; false: a connection that opens is enough. */
  readonly asks: boolean
  /** What's asked fails while the server is `failing`. */
  readonly seeFailing: boolean
}

const INTERVAL_MS = 2000
const CHANGING_INTERVAL_MS = 500
const TIMEOUT_MS = 1000
const HURRIED_GAP_MS = 50

export class SimulatedChecks {
  readonly #fleet: Fleet
  readonly #options: SimulatedCheckOptions
  readonly #timers = new Map<SimulatedServer, FakeTimer>()

  constructor(fleet: Fleet, options: SimulatedCheckOptions) {
    this.#fleet = fleet
    this.#options = options
  }

  hurry(server: SimulatedServer): void {
    server.tally.restartRow()
    this.#plan(server, HURRIED_GAP_MS, () => this.check(server))
  }

  check(server: SimulatedServer): void {
    const { asks, seeFailing } = this.#options
    const { mode } = server
    if (mode === 'hanging' && asks) this.#plan(server, TIMEOUT_MS, () => this.#checked(server, server.mode === 'well'))
    else this.#checked(server, mode !== 'dead' && !(mode === 'failing' && asks && seeFailing))
  }

  #checked(server: SimulatedServer, passed: boolean): void {
    const { pool, outliers, random } = this.#fleet
    const { endpoint, tally } = server
    const before = endpoint.health
    const health = tally.record(passed, before)
    outliers.onPassed(endpoint, tally.passesInRow)
    if (passed ? before !== 'up' && health === 'up' : health === 'down') {
      endpoint.acceptsConnections = server.mode !== 'dead'
      pool.setHealth(endpoint, health, 'checks say so')
    }
    const isQuiet = endpoint.health === 'up' && tally.failuresInRow === 0
    const intervalMs = isQuiet ? INTERVAL_MS : CHANGING_INTERVAL_MS
    this.#plan(server, intervalMs * (0.9 + 0.2 * random.next()), () => this.check(server))
  }

  #plan(server: SimulatedServer, ms: number, callback: () => void): void {
    const { clock } = this.#fleet
    clock.clearTimeout(this.#timers.get(server))
    this.#timers.set(server, clock.setTimeout(callback, ms))
  }
}
