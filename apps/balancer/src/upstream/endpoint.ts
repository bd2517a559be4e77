// One server that requests can be sent to. The object stays the same for as long as the endpoint is known, so that counters and
// health survive every rebuild of the list.
//
// Two states are kept apart, because different parties own them:
//   administrative   ready | draining            said by discovery or an operator
//   health           starting | up | down        seen by checks; an endpoint starts down, as `starting`, until its first pass
//
//   starting ──pass──► up ──fall failures or a refused connection──► down ──rise passes──► up
//   starting ──fall failures──► down
//
// Invariant: `mayTakeRequests` is the only test for picking, and `unavailableReason` explains exactly when it's false.
import type { UpstreamAddress } from './address.ts'

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

export class Endpoint {
  readonly id: string
  readonly url: string
  readonly address: UpstreamAddress
  weight: number
  administrative: AdministrativeState
  /** Requests sent and not yet answered in full. */
  activeRequests = 0
  /** Requests ever sent to it, each try counted. */
  requestsTotal = 0
  /** Answers by class of status: index 1 counts 1xx, ... 5 counts 5xx. */
  readonly answersByClass: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0]
  /** Tries that ended without an answer: refused, reset, timed out. */
  failuresTotal = 0
  #health: EndpointHealth = 'starting'
  #healthReason = 'waiting for the first check'

  constructor(description: EndpointDescription) {
    this.id = description.id
    this.url = description.url
    this.address = description.address
    this.weight = description.weight
    this.administrative = description.administrative
  }

  get health(): EndpointHealth {
    return this.#health
  }

  get mayTakeRequests(): boolean {
    return this.#health === 'up' && this.administrative === 'ready'
  }

  /** Why it gets no requests, or null when it does. */
  get unavailableReason(): string | null {
    if (this.administrative === 'draining') return 'draining: it finishes what it has and gets nothing new'
    return this.#health === 'up' ? null : `${this.#health}: ${this.#healthReason}`
  }

  /** The one place where health changes. Only the pool calls it, which then replaces its snapshot. */
  setHealth(to: EndpointHealth, reason: string): void {
    this.#health = to
    this.#healthReason = reason
  }
}
