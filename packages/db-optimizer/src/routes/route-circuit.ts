// A route's circuit breaker: opossum around every wait for a connection that wasn't free at once. A query that finds a connection alive and idle needs no
// opinion on whether the route works, and pays nothing.
//
//     closed ── half of at least 10 waits in 10 s found no way in ──► open ── 5 s ──► half open: one wait decides
//
// opossum counts what its filter lets pass as a success: a busy pool, an aborted wait and a closed pool say nothing against the route.
import CircuitBreaker from 'opossum'
import { DbError } from '../errors.ts'

export interface RouteCircuitOptions {
  /** Shortest time from open to half open, in milliseconds. */
  readonly resetMs: number
  /** Waits in 10 s below which it never opens. */
  readonly minWaits: number
}

type Work = () => Promise<unknown>

const ROLLING_MS = 10_000
const FAILED_PERCENT = 50

export class RouteCircuit {
  readonly #breaker: CircuitBreaker<[Work]>

  /** @param onOpen told each time that it opens */
  constructor(name: string, options: RouteCircuitOptions, onOpen: () => void) {
    this.#breaker = new CircuitBreaker<[Work]>(work => work(), {
      name,
      timeout: false,
      resetTimeout: options.resetMs,
      rollingCountTimeout: ROLLING_MS,
      volumeThreshold: options.minWaits,
      errorThresholdPercentage: FAILED_PERCENT,
      errorFilter: error => !(error instanceof DbError && error.code === 'DB_ERR_CONNECT'),
    })
    this.#breaker.on('open', onOpen)
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#breaker.halfOpen) return 'half-open'
    return this.#breaker.opened ? 'open' : 'closed'
  }

  /** Runs it, unless the circuit is open. @throws DB_ERR_CONNECT with the reason CIRCUIT_OPEN; what `work` throws */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return (await this.#breaker.fire(work)) as Result
    } catch (error) {
      if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error
      throw new DbError(
        'DB_ERR_CONNECT',
        `The circuit of route "${this.#breaker.name}" is open: too many attempts to connect have failed. Nothing was executed.`,
        { reason: 'CIRCUIT_OPEN' },
      )
    }
  }

  close(): void {
    this.#breaker.shutdown()
  }
}
