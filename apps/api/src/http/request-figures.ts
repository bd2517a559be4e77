// The few numbers about requests that the health pages show; Prometheus has the rest.

/** A moment's figures of one worker. */
export interface RequestFiguresSnapshot {
  /** Requests that have ended. */
  readonly total: number
  readonly active: number
  /** Answers with a status of 500 or above. */
  readonly errors: number
  /** Mean time of all requests that have ended, in milliseconds; 0 before the first. */
  readonly averageMs: number
}

export class RequestFigures {
  readonly #onEnded: (failed: boolean) => void
  #active = 0
  #total = 0
  #errors = 0
  #totalMs = 0

  /** @param onEnded told of each request that has ended, and whether it failed by the server's fault */
  constructor(onEnded: (failed: boolean) => void = () => undefined) {
    this.#onEnded = onEnded
  }

  get active(): number {
    return this.#active
  }

  started(): void {
    this.#active += 1
  }

  ended(status: number, durationMs: number): void {
    this.#active -= 1
    this.#total += 1
    this.#totalMs += durationMs
    const failed = status >= 500
    if (failed) this.#errors += 1
    this.#onEnded(failed)
  }

  snapshot(): RequestFiguresSnapshot {
    const averageMs = this.#total === 0 ? 0 : Math.round((this.#totalMs / this.#total) * 1000) / 1000
    return { total: this.#total, active: this.#active, errors: this.#errors, averageMs }
  }
}
