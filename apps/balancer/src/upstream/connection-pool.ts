// The connections to one endpoint: kept when free, opened when none is.
//
// Invariants
// * The one that was used last is taken first, so that what isn't needed ages and is closed.
// * A connection that's older than `maxAgeMs` isn't kept: over time load spreads to what has changed behind an address.
// * After `close`, and while the endpoint drains, nothing is kept; requests under way finish. So it's we who close first, and no request
//   meets the close of an endpoint that leaves.
import type { Clock } from '../transport/timer-wheel.ts'
import type { AnswerReceiver } from './answer-receiver.ts'
import { UpstreamConnection, type ConnectionKeeper, type UpstreamSurroundings } from './connection.ts'
import type { Endpoint } from './endpoint.ts'

export interface ConnectionPoolOptions {
  readonly maxIdle: number
  /** 0: no limit. */
  readonly maxAgeMs: number
}

export class ConnectionPool implements ConnectionKeeper {
  readonly #endpoint: Endpoint
  readonly #surroundings: UpstreamSurroundings
  #options: ConnectionPoolOptions
  readonly #clock: Clock
  readonly #idle: UpstreamConnection[] = []
  readonly #open = new Set<UpstreamConnection>()
  #closed = false
  /** Connections ever opened, and requests that found a kept one. */
  openedTotal = 0
  reusedTotal = 0

  constructor(endpoint: Endpoint, surroundings: UpstreamSurroundings, options: ConnectionPoolOptions, clock: Clock) {
    this.#endpoint = endpoint
    this.#surroundings = surroundings
    this.#options = options
    this.#clock = clock
  }

  /** Other bounds from now on. */
  configure(options: ConnectionPoolOptions): void {
    this.#options = options
    while (this.#idle.length > options.maxIdle) this.#idle.shift()?.abandon()
  }

  get idleCount(): number {
    return this.#idle.length
  }

  get openCount(): number {
    return this.#open.size
  }

  /**
   * Gives the receiver a connection: at once when one is kept, else when it's open. Returns it, so that it can be abandoned. With
   * `fresh` a kept one isn't taken: one has just turned out to be closed, and the others may be as old. With `careful` a kept one is
   * looked at once more before it's used.
   */
  acquire(receiver: AnswerReceiver, fresh: boolean, careful: boolean): UpstreamConnection {
    for (let kept = fresh ? undefined : this.#idle.pop(); kept; kept = this.#idle.pop()) {
      if (kept.state !== 'idle') continue
      this.reusedTotal++
      kept.attach(receiver, careful)
      return kept
    }
    this.openedTotal++
    const opened = new UpstreamConnection(this.#endpoint, receiver, this.#surroundings, this, this.#clock.now())
    this.#open.add(opened)
    return opened
  }

  onFree(connection: UpstreamConnection): void {
    const { maxIdle, maxAgeMs } = this.#options
    const tooOld = maxAgeMs > 0 && this.#clock.now() - connection.openedAtMs > maxAgeMs
    const unwanted = this.#closed || this.#endpoint.administrative === 'draining'
    if (unwanted || tooOld || this.#idle.length >= maxIdle) connection.abandon()
    else this.#idle.push(connection)
  }

  onGone(connection: UpstreamConnection): void {
    this.#open.delete(connection)
    const index = this.#idle.lastIndexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
  }

  /** Closes what is kept; what is in use closes when its answer is whole. */
  close(): void {
    this.#closed = true
    this.closeIdle()
  }

  /** For the balancer's end: closes everything, also answers that are being discarded and tunnels that don't drain. */
  destroy(): void {
    this.close()
    for (const connection of this.#open) connection.destroy()
  }

  /** Closes what is kept. */
  closeIdle(): void {
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) kept.abandon()
  }
}
