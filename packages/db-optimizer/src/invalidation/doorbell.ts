// Rings at most once per interval, however often it's asked to.
//
//     quiet ──ring()──► rings at once ──► pausing ──interval over──► quiet, or rings again if it was asked meanwhile
//
// NOTIFY inside each writing transaction would take a lock of the whole server at its commit, so that commits wait for each other. The rows are durable without it: a ring that's
// lost costs until the reader's next look.
import type { RetryTimers } from '../retry/pause.ts'

export class Doorbell {
  readonly #send: () => Promise<unknown>
  readonly #intervalMs: number
  readonly #timers: Pick<RetryTimers, 'setTimeout' | 'clearTimeout'>
  #timer: unknown
  #asked = false
  #sending: Promise<unknown> = Promise.resolve()
  #closed = false
  /** Rings that were sent, and those of them that failed. */
  readonly counts = { sent: 0, failed: 0 }

  /** @param send - one ring; what it rejects with is counted */
  constructor(
    send: () => Promise<unknown>,
    intervalMs: number,
    timers: Pick<RetryTimers, 'setTimeout' | 'clearTimeout'>,
  ) {
    this.#send = send
    this.#intervalMs = intervalMs
    this.#timers = timers
  }

  ring(): void {
    if (this.#closed) return
    if (this.#timer === undefined) this.#now()
    else this.#asked = true
  }

  /** Sends what's still to be sent, and waits for it. */
  async close(): Promise<void> {
    if (this.#asked && !this.#closed) this.#now()
    this.#closed = true
    this.#timers.clearTimeout(this.#timer)
    await this.#sending
  }

  #now(): void {
    this.#asked = false
    this.#counted()
    this.#timers.clearTimeout(this.#timer)
    this.#timer = this.#timers.setTimeout(() => {
      this.#timer = undefined
      if (this.#asked) this.#now()
    }, this.#intervalMs)
  }

  #counted(): void {
    this.counts.sent += 1
    const sent = this.#send().catch(() => void (this.counts.failed += 1))
    this.#sending = Promise.all([this.#sending, sent])
  }
}
