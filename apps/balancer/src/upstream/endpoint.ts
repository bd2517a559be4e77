// One server that requests can be sent to. The object stays the same for as long as the endpoint is known, so that counters and
// health survive every rebuild of the list.
//
// States are kept apart, because different parties own them:
//   administrative   ready | draining               said by discovery, unless an operator says otherwise
//   health           starting | up | down           seen by checks; an endpoint starts down, as `starting`, until its first pass
//   circuit          closed | open | half-open      seen of its requests (circuit-breaker.ts)
//
//   starting ──pass──► up ──fall failures or a refused connection──► down ──rise passes──► up
//   starting ──fall failures──► down
//
// Invariant: `mayTakeRequests` is the only test for picking, and `unavailableReason` explains exactly when it's false. What's half-open
// takes nothing but its probe.
import { PickState, type Candidate } from '@plimsoll/load-balancing'
import { EndpointReport } from '../reports/endpoint-report.ts'
import type { SlowStart } from '../health/slow-start.ts'
import type { UpstreamAddress } from './address.ts'
import { CircuitBreaker, type CircuitOptions } from './circuit-breaker.ts'
import { FirstByteTimes } from './first-byte-times.ts'

export type EndpointHealth = 'starting' | 'up' | 'down'
export type AdministrativeState = 'ready' | 'draining'

/** What discovery knows about an endpoint. */
export interface EndpointDescription {
  /** Stable name; a replaced worker has a new one. */
  readonly id: string
  readonly url: string
  readonly address: UpstreamAddress
  /** Share of the traffic relative to the others, 1-1000. */
  readonly weight: number
  readonly administrative: AdministrativeState
}

/** What an operator has said of an endpoint; null where discovery's word holds. */
export interface OperatorSettings {
  readonly weight: number | null
  readonly state: AdministrativeState | null
}

/** What the configuration says of every endpoint. */
export interface EndpointSettings {
  readonly circuit: CircuitOptions
  /** Requests at once; Infinity: no limit. */
  readonly maxRequests: number
}

const NOTHING_SAID: OperatorSettings = Object.freeze({ weight: null, state: null })

export class Endpoint implements Candidate {
  readonly id: string
  readonly url: string
  readonly address: UpstreamAddress
  pick = new PickState()
  readonly circuit: CircuitBreaker
  readonly firstByte = new FirstByteTimes()
  /** What it says of its own load. */
  readonly report = new EndpointReport()
  /** By its reports, nobody waits there for a database connection. A new value counts from the pool's next rebuild on. */
  databaseHasRoom = true
  /** Share of the traffic at this moment, and requests that it may have at once: slow start scales both, what it reports the first. */
  weight = 1
  maxRequests = Infinity
  /** Requests sent and not yet answered in full. */
  activeRequests = 0
  /** Requests ever sent to it, each try counted. */
  requestsTotal = 0
  /** Answers by class of status: index 1 counts 1xx, ... 5 counts 5xx. */
  readonly answersByClass: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0]
  /** Tries that ended without an answer: refused, reset, timed out. */
  failuresTotal = 0
  /** Requests that it has whole and of which no answer has begun. */
  waitingRequests = 0
  /** When it was last heard of, or the second of those that wait was sent: one alone may be a slow one. */
  silentSinceMs = 0
  /** The last attempt to connect did not fail. */
  acceptsConnections = true
  /** Null when it isn't in slow start. */
  slowStart: SlowStart | null = null
  /** It was there when the balancer began: nobody else was warmer. */
  readonly isOriginal: boolean
  #description: EndpointDescription
  #operator = NOTHING_SAID
  #settings: EndpointSettings
  #startRatio = 1
  #reportRatio = 1
  #reportReason: string | null = null
  #health: EndpointHealth = 'starting'
  #healthReason = 'waiting for the first check'

  constructor(description: EndpointDescription, settings: EndpointSettings, isOriginal: boolean) {
    this.id = description.id
    this.url = description.url
    this.address = description.address
    this.isOriginal = isOriginal
    this.#description = description
    this.#settings = settings
    this.circuit = new CircuitBreaker(settings.circuit)
    this.#scale()
  }

  // ——— administrative ———

  get administrative(): AdministrativeState {
    return this.#operator.state ?? this.#description.administrative
  }

  get discovered(): EndpointDescription {
    return this.#description
  }

  get operator(): OperatorSettings {
    return this.#operator
  }

  /** Weight without slow start and without what it reports. */
  get configuredWeight(): number {
    return this.#operator.weight ?? this.#description.weight
  }

  /** Discovery says something new of it. What an operator has said stays. */
  describe(description: EndpointDescription): void {
    this.#description = description
    this.#scale()
  }

  operate(settings: OperatorSettings): void {
    this.#operator = settings
    this.#scale()
  }

  configure(settings: EndpointSettings): void {
    this.#settings = settings
    this.circuit.configure(settings.circuit)
    this.#scale()
  }

  /** It's back after an absence: what pickers knew of it was of another time. */
  forgetPicks(): void {
    this.pick = new PickState()
  }

  // ——— observed ———

  get health(): EndpointHealth {
    return this.#health
  }

  get healthReason(): string {
    return this.#healthReason
  }

  /** The one place where health changes. Only the pool calls it, which then replaces its snapshot. */
  setHealth(to: EndpointHealth, reason: string): void {
    this.#health = to
    this.#healthReason = reason
  }

  /** Part of its weight and limit that it gets now, 0-1. */
  get startRatio(): number {
    return this.#startRatio
  }

  /** 1 ends a slow start. */
  setStartRatio(ratio: number): void {
    this.#startRatio = ratio
    if (ratio >= 1) this.slowStart = null
    this.#scale()
  }

  /** Part of its weight that its reports leave it, 0.1-1. */
  get reportRatio(): number {
    return this.#reportRatio
  }

  /** Why that isn't all, or would not be; null when nothing is the matter. */
  get reportReason(): string | null {
    return this.#reportReason
  }

  setReportRatio(ratio: number, reason: string | null): void {
    this.#reportReason = reason
    if (ratio === this.#reportRatio) return
    this.#reportRatio = ratio
    this.#scale()
  }

  /** It has been given a request whole and owes an answer. */
  beginWaiting(nowMs: number): void {
    // Behind a slow request that waits alone nobody was silent yet for whoever comes second.
    if (this.waitingRequests < 2) this.silentSinceMs = nowMs
    this.waitingRequests++
  }

  endWaiting(): void {
    this.waitingRequests--
  }

  // ——— the one predicate, and its explanation ———

  get mayTakeRequests(): boolean {
    return this.#health === 'up' && this.circuit.state === 'closed' && this.administrative === 'ready'
  }

  /** It waits for the one request that shows whether it's back. */
  get wantsProbe(): boolean {
    return this.#health === 'up' && this.circuit.state === 'half-open' && this.administrative === 'ready'
  }

  /** Why it gets no requests, or null when it does. */
  get unavailableReason(): string | null {
    if (this.administrative === 'draining') return 'draining: it finishes what it has and gets nothing new'
    if (this.#health !== 'up') return `${this.#health}: ${this.#healthReason}`
    const { trip, state } = this.circuit
    if (trip === null) return null
    return state === 'open' ? `ejected: ${trip.reason}` : `on trial with one request, after: ${trip.reason}`
  }

  #scale(): void {
    const { maxRequests } = this.#settings
    // The lesser, not the product: both say how much it can take, and a tenth of a tenth would be next to nothing.
    this.weight = this.configuredWeight * Math.min(this.#startRatio, this.#reportRatio)
    this.maxRequests = this.#startRatio < 1 ? Math.max(1, Math.ceil(maxRequests * this.#startRatio)) : maxRequests
  }
}
