// The endpoints behind the balancer: who is known, and who may take a request now.
//
// Discovery replaces the list and health changes availability; both only ever replace the snapshot, which requests read. A known
// endpoint keeps its object (and its counters) as long as its id and address stay the same. One that has left the list takes no new
// request; those under way finish on it.
import { Endpoint } from './endpoint.ts'
import type { EndpointDescription, EndpointHealth } from './endpoint.ts'

export class UpstreamPool {
  #known = new Map<string, Endpoint>()
  /** Immutable between two changes: replaced whole. */
  #available: readonly Endpoint[] = []
  #next = 0
  readonly #onJoin: (endpoint: Endpoint) => void
  readonly #onLeave: (endpoint: Endpoint) => void

  /** `onJoin` and `onLeave` start and stop what belongs to an endpoint: checks and kept connections. */
  constructor(onJoin: (endpoint: Endpoint) => void, onLeave: (endpoint: Endpoint) => void) {
    this.#onJoin = onJoin
    this.#onLeave = onLeave
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#known.values()]
  }

  get availableCount(): number {
    return this.#available.length
  }

  /** Takes a new list from discovery. */
  replace(list: readonly EndpointDescription[]): void {
    const known = new Map<string, Endpoint>()
    for (const description of list) {
      const before = this.#known.get(description.id)
      if (before && before.url === description.url) {
        before.weight = description.weight
        before.administrative = description.administrative
        known.set(before.id, before)
      } else {
        known.set(description.id, new Endpoint(description))
      }
    }
    const before = this.#known
    this.#known = known
    this.#rebuild()
    for (const endpoint of before.values()) if (known.get(endpoint.id) !== endpoint) this.#onLeave(endpoint)
    for (const endpoint of known.values()) if (before.get(endpoint.id) !== endpoint) this.#onJoin(endpoint)
  }

  /** Records what a check or a request saw of an endpoint. */
  setHealth(endpoint: Endpoint, health: EndpointHealth, reason: string): void {
    endpoint.setHealth(health, reason)
    this.#rebuild()
  }

  /**
   * The next endpoint in turn that isn't among `tried`, or null. A retry takes nobody's turn: else each failure of one endpoint would
   * send the next request there again.
   */
  pick(tried: readonly Endpoint[]): Endpoint | null {
    const available = this.#available
    if (tried.length === 0) return available[this.#next++ % available.length] ?? null
    for (let step = 0; step < available.length; step++) {
      const endpoint = available[(this.#next + step) % available.length]
      if (endpoint && !tried.includes(endpoint)) return endpoint
    }
    return null
  }

  /** Whether an endpoint that isn't among `tried` may take requests. */
  hasOther(tried: readonly Endpoint[]): boolean {
    return this.#available.some(endpoint => !tried.includes(endpoint))
  }

  #rebuild(): void {
    this.#available = [...this.#known.values()].filter(endpoint => endpoint.mayTakeRequests)
  }
}
