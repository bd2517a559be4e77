// Endpoints, their pool and what watches them, put together as the balancer does it, with a clock that only tests move.
import { createPicker, type Strategy } from '@plimsoll/load-balancing'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import { OutlierDetector, type OutlierOptions } from '../../src/health/outlier-detector.ts'
import { parseUpstreamAddress } from '../../src/upstream/address.ts'
import type { Trip } from '../../src/upstream/circuit-breaker.ts'
import type { Endpoint, EndpointDescription } from '../../src/upstream/endpoint.ts'
import { TryReports } from '../../src/upstream/try-reports.ts'
import type { TryState } from '../../src/upstream/try-state.ts'
import { UpstreamPool, type PoolSettings } from '../../src/upstream/upstream-pool.ts'

/** As the configuration has it where nothing else is said. */
export const CIRCUIT = {
  consecutiveFailures: 5,
  minSuccessRatio: 0.5,
  minRequests: 20,
  windowMs: 10_000,
  baseMs: 10_000,
  maxMs: 300_000,
} as const
export const OUTLIERS: OutlierOptions = { maxEjectedRatio: 0.5, rise: 2, checksAsk: true }

export interface FleetOptions extends Partial<Omit<PoolSettings, 'picker'>> {
  readonly strategy?: Strategy
  readonly seed?: number
  readonly outliers?: Partial<OutlierOptions>
  /** Told of every ejection, a failed probe's too, while it's being done. */
  readonly onEjected?: (endpoint: Endpoint, trip: Trip) => void
}

export class Fleet {
  readonly clock: FakeClock
  readonly random: SeededRandom
  readonly pool: UpstreamPool
  readonly outliers: OutlierDetector
  readonly reports: TryReports
  /** What the listeners were told, in order: `join a`, `drain a`, `a up`, `panic`, `ejected a: failures`, `returned a`, ... */
  readonly log: string[] = []
  readonly #options: FleetOptions

  constructor(options: FleetOptions = {}, clock = new FakeClock()) {
    this.#options = options
    this.clock = clock
    this.random = new SeededRandom(options.seed ?? 1)
    this.pool = new UpstreamPool(this.settings(), clock, {
      onJoin: ({ id }) => this.log.push(`join ${id}`),
      onLeave: ({ id }) => this.log.push(`leave ${id}`),
      onDrain: ({ id }) => this.log.push(`drain ${id}`),
      onHealthChanged: ({ endpoint, to }) => this.log.push(`${endpoint.id} ${to}`),
      onPanic: panic => this.log.push(panic ? 'panic' : 'calm'),
    })
    this.outliers = new OutlierDetector(this.pool, { ...OUTLIERS, ...options.outliers }, clock, {
      onEjected: (endpoint, trip) => {
        this.log.push(`ejected ${endpoint.id}: ${trip.cause}`)
        options.onEjected?.(endpoint, trip)
      },
      onSuppressed: ({ id }) => this.log.push(`suppressed ${id}`),
      onReturned: ({ id }) => this.log.push(`returned ${id}`),
    })
    this.reports = new TryReports(this.pool, this.outliers, clock)
  }

  /** What the pool was made with, with changes. */
  settings(change: Partial<Omit<PoolSettings, 'picker'>> & { readonly strategy?: Strategy } = {}): PoolSettings {
    const { strategy = 'round-robin', ...given } = { ...this.#options, ...change }
    return {
      endpoint: given.endpoint ?? { circuit: CIRCUIT, maxRequests: Infinity },
      slowStart: given.slowStart ?? { durationMs: 10_000, fromRatio: 0.1 },
      panicBelowRatio: given.panicBelowRatio ?? 0.5,
      loadBalancing: given.loadBalancing ?? true,
      picker: createPicker<Endpoint>(strategy, { random: this.random, clock: this.clock }),
    }
  }

  /** So many, named a, b, ..., all up. */
  static up(count: number, options: FleetOptions = {}): Fleet {
    const fleet = new Fleet(options)
    fleet.pool.replace(Array.from({ length: count }, (_, i) => describe(String.fromCharCode(97 + i))))
    for (const endpoint of fleet.pool.endpoints) fleet.pool.setHealth(endpoint, 'up', 'a test says so')
    fleet.log.length = 0
    return fleet
  }

  get(id: string): Endpoint {
    const endpoint = this.pool.find(id)
    if (endpoint === null) throw new Error(`there is no endpoint ${id}`)
    return endpoint
  }

  /** Ids of the next picks of requests that end at once. */
  pickIds(count: number): string[] {
    return Array.from({ length: count }, () => this.pool.pick([], true)?.id ?? '-')
  }

  /** A request that ends at once, at the endpoint that the pool picks; gives that endpoint's id. */
  serve(fails: (endpoint: Endpoint) => boolean, repeatable = true): string {
    const endpoint = this.pool.pick([], repeatable)
    if (endpoint === null) return '-'
    const attempt = new Attempt(endpoint)
    this.reports.picked(attempt, endpoint, this.pool.lastKind === 'probe')
    attempt.sentAtMs = this.clock.now()
    this.reports.waits(attempt)
    if (fails(endpoint)) this.reports.failed(attempt, endpoint, 'a test says so')
    else {
      attempt.firstByteAtMs = this.clock.now()
      this.reports.heard(attempt, endpoint)
      this.reports.answered(attempt, endpoint, 200, 0)
      this.reports.whole(attempt, endpoint)
    }
    this.reports.release(attempt, endpoint)
    return endpoint.id
  }
}

/** One try of a request, as far as reports go. */
export class Attempt implements TryState {
  readonly endpoint: Endpoint
  isProbe = false
  awaitsVerdict = false
  isWaiting = false
  pickedAtMs = 0
  sentAtMs = 0
  firstByteAtMs = 0

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
  }
}

export function describe(id: string, change: Partial<EndpointDescription> = {}): EndpointDescription {
  const url = change.url ?? `http://127.0.0.1:${3000 + id.charCodeAt(0)}`
  return { id, url, address: parseUpstreamAddress(url), weight: 1, administrative: 'ready', ...change }
}
