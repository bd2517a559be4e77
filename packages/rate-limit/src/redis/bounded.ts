// What an answer from far away may cost a request: one bounded wait. After a failure nothing is asked for a while; then one request asks, and the others go on without.
//
//     closed ──an error, or no answer in timeoutMs──► open, for pauseMs ──► one call tries ──► closed, or open again
import type { StoreState } from '../store.ts'

export interface BoundedOptions {
  readonly timeoutMs: number
  readonly pauseMs: number
  readonly clock: { now(): number }
  /** Told once of each change. */
  readonly onState: (state: StoreState) => void
}

export class Bounded {
  readonly #options: BoundedOptions
  #openUntilMs = Number.NEGATIVE_INFINITY
  #isTrying = false
  #state: StoreState = { state: 'on' }

  constructor(options: BoundedOptions) {
    this.#options = options
  }

  state(): StoreState {
    return this.#state
  }

  close(): void {
    this.#state = { state: 'off', reason: 'closed' }
  }

  /** Undefined: it wasn't asked, failed, or took too long; what it answers later is dropped. */
  async run<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (!this.#admits()) return undefined
    const tries = this.#state.state === 'degraded'
    this.#isTrying = tries
    try {
      const answer = await this.#inTime(ask)
      this.#change({ state: 'on' })
      return answer
    } catch (error) {
      this.#openUntilMs = this.#options.clock.now() + this.#options.pauseMs
      this.#change({ state: 'degraded', reason: error instanceof Error ? error.message : String(error) })
      return undefined
    } finally {
      if (tries) this.#isTrying = false
    }
  }

  #admits(): boolean {
    const { state } = this.#state
    if (state === 'on') return true
    return state === 'degraded' && !this.#isTrying && this.#options.clock.now() >= this.#openUntilMs
  }

  /** The timer holds the process: somebody waits. */
  #inTime<T>(ask: () => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // A process that was busy itself finds the timer due before it has read what came meanwhile: that's read first.
        setImmediate(() => reject(new Error(`there was no answer within ${timeoutMs} ms`)))
      }, timeoutMs)
      ask()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  /** Calls that began before may end after: what's open stays open until one that tried has succeeded. */
  #change(state: StoreState): void {
    const before = this.#state.state
    if (before === 'off' || (state.state === 'on' && before === 'degraded' && !this.#isTrying)) return
    this.#state = state
    if (before !== state.state) this.#options.onState(state)
  }
}
