// The oracle: every admitted request with its time, nothing ever forgotten before its window is over.

export class LogModel {
  readonly #limit: number
  readonly #windowMs: number
  readonly #log = new Map<string, number[]>()

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  admit(key: string, nowMs: number): void {
    this.#log.set(key, [...this.all(key), nowMs])
  }

  /** The first of the requests made at that time, as if it had never been. */
  remove(key: string, atMs: number): void {
    const log = [...this.all(key)]
    log.splice(log.indexOf(atMs), 1)
    this.#log.set(key, log)
  }

  all(key: string): readonly number[] {
    return this.#log.get(key) ?? []
  }

  /** Requests of the last `spanMs`, or of the window. */
  live(key: string, nowMs: number, spanMs = this.#windowMs): readonly number[] {
    return this.all(key).filter(atMs => nowMs - atMs < spanMs)
  }

  state(key: string, nowMs: number): { readonly remaining: number; readonly nextMs: number; readonly resetMs: number } {
    const live = this.live(key, nowMs)
    const untilOver = (atMs: number | undefined): number => (atMs === undefined ? 0 : atMs + this.#windowMs - nowMs)
    const remaining = this.#limit - live.length
    return { remaining, nextMs: remaining > 0 ? 0 : untilOver(live[0]), resetMs: untilOver(live.at(-1)) }
  }

  /** The most requests of a key that any window has. */
  fullestWindow(): number {
    let most = 0
    for (const log of this.#log.values()) {
      for (const [i, fromMs] of log.entries()) {
        most = Math.max(most, log.slice(i).filter(atMs => atMs - fromMs < this.#windowMs).length)
      }
    }
    return most
  }
}

/** A clock that can be set to any time, back too. */
export class SettableClock {
  nowMs = 0

  now(): number {
    return this.nowMs
  }
}
