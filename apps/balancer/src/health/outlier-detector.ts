// Takes endpoints out whose requests fail, and lets them back on evidence.
//
//   outcome of a request ──► circuit says "too many failures" ──► may one more be out? ──yes──► open: ejected, for n × `baseMs`
//                                                                      └─no──► suppressed: it stays, and is asked again at its next failure
//   time over │ `rise` × n checks passed │ a stalled one was heard ──► half-open: one request ──well──► closed, with slow start
//                                                                                             └─failed─► open again, for longer
//
// Invariants
// * At most max(1, `maxEjectedRatio` of the endpoints) are out at a time, and never the last one that may take requests: a fault that all
//   share, such as a database that's gone, must not take the service down. One may always go: a part of few is nothing, and small
//   pools would have no ejection at all.
// * A check of the connection alone is no evidence against failures of requests: it brings back what could not be connected to.
import type { CircuitCause, Trip } from '../upstream/circuit-breaker.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import type { Clock } from '../transport/timer-wheel.ts'

export interface OutlierOptions {
  /** Part of the endpoints, 0-1, that may be out at a time; one may always be. 0: none is ever ejected. */
  readonly maxEjectedRatio: number
  /** Checks passed since the ejection that bring an endpoint back before its time, multiplied by how often in a row it was ejected. */
  readonly rise: number
  /** Whether checks ask more than whether a connection opens. */
  readonly checksAsk: boolean
}

/** Told of what's done. */
export interface OutlierListener {
  onEjected(endpoint: Endpoint, trip: Trip, forMs: number): void
  /** It should be out, but too many are. */
  onSuppressed(endpoint: Endpoint, trip: Trip): void
  onReturned(endpoint: Endpoint): void
}

/** Causes that a connection which opens speaks against. */
const DISPROVED_BY_CONNECTING: ReadonlySet<CircuitCause> = new Set<CircuitCause>(['connect'])
/** More rounds of checks than this aren't asked for, however often it was ejected. */
const MOST_ROUNDS = 5

export class OutlierDetector {
  readonly #pool: UpstreamPool
  readonly #clock: Clock
  readonly #listener: OutlierListener
  #options: OutlierOptions

  constructor(pool: UpstreamPool, options: OutlierOptions, clock: Clock, listener: OutlierListener) {
    this.#pool = pool
    this.#options = options
    this.#clock = clock
    this.#listener = listener
  }

  configure(options: OutlierOptions): void {
    this.#options = options
  }

  /** A request that was the probe of a half-open endpoint has ended. `failure`: what was wrong with it, or null. */
  onProbe(endpoint: Endpoint, failure: string | null): void {
    if (failure === null) return this.#close(endpoint)
    endpoint.circuit.probeFailed(failure, this.#clock.now())
    this.#tellEjected(endpoint)
    this.#pool.rebuild()
  }

  /** Another request has ended. `failure`: what was wrong with it, or null. `connected`: it was sent, at least in part. */
  onOutcome(endpoint: Endpoint, failure: string | null, connected = true): void {
    const { circuit } = endpoint
    const trip = circuit.record(failure === null, this.#clock.now(), connected)
    if (trip !== null) this.eject(endpoint, { ...trip, reason: `${trip.reason}, the last: ${failure}` })
    // In panic everybody works: whoever does so well needs no probe. One that's under way comes first: overtaken, it would be taken for the
    // next one.
    else if (failure === null && this.#pool.isPanicking && circuit.state !== 'closed' && !circuit.isProbing)
      this.#close(endpoint)
  }

  /** Takes it out, if one more may be. */
  eject(endpoint: Endpoint, trip: Trip): void {
    if (endpoint.circuit.state !== 'closed') return
    if (!this.#mayEject(endpoint)) {
      this.#listener.onSuppressed(endpoint, trip)
      return
    }
    endpoint.circuit.open(trip, this.#clock.now())
    this.#tellEjected(endpoint)
    this.#pool.rebuild()
  }

  /** So many checks in a row have passed. */
  onPassed(endpoint: Endpoint, passesInRow: number): void {
    const { circuit } = endpoint
    if (circuit.state !== 'open' || circuit.trip === null) return
    const { rise, checksAsk } = this.#options
    if (!checksAsk && !DISPROVED_BY_CONNECTING.has(circuit.trip.cause)) return
    if (passesInRow >= rise * Math.min(circuit.opensInRow, MOST_ROUNDS)) this.#tryAgain(endpoint)
  }

  /** A byte of an answer has come from it. */
  onHeard(endpoint: Endpoint): void {
    const { circuit } = endpoint
    if (circuit.state === 'open' && circuit.trip?.cause === 'stalled') this.#tryAgain(endpoint)
  }

  /** Ends what has lasted long enough. */
  tick(): void {
    const nowMs = this.#clock.now()
    for (const endpoint of this.#pool.endpoints) if (endpoint.circuit.isDue(nowMs)) this.#tryAgain(endpoint)
  }

  #tryAgain(endpoint: Endpoint): void {
    endpoint.circuit.halfOpen(this.#clock.now())
    this.#pool.rebuild()
  }

  #close(endpoint: Endpoint): void {
    endpoint.circuit.close(this.#clock.now())
    endpoint.forgetPicks()
    this.#pool.startSlowly(endpoint)
    this.#pool.rebuild()
    this.#listener.onReturned(endpoint)
  }

  #mayEject(endpoint: Endpoint): boolean {
    const { maxEjectedRatio } = this.#options
    if (maxEjectedRatio === 0) return false
    let ready = 0
    let out = 0
    let left = 0
    for (const other of this.#pool.endpoints) {
      if (other.administrative !== 'ready') continue
      ready++
      if (other.circuit.state !== 'closed') out++
      else if (other !== endpoint && other.mayTakeRequests) left++
    }
    return left > 0 && out < Math.max(1, Math.floor(ready * maxEjectedRatio))
  }

  #tellEjected(endpoint: Endpoint): void {
    const { trip } = endpoint.circuit
    if (trip) this.#listener.onEjected(endpoint, trip, endpoint.circuit.openForMs(this.#clock.now()))
  }
}
