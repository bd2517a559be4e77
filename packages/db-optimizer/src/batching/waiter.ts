// Somebody who waits for a part of a batch, and may stop waiting before the batch is over.
//
// Invariants: settled once; when it's settled no listener and no timer is left.
import { DbError, type Outcome } from '../errors.ts'

export interface WaitOptions {
  /** Ends the wait with DB_ERR_ABORTED; its reason is the error's `cause`. */
  readonly signal?: AbortSignal | undefined
  /** Ends the wait with DB_ERR_TIMEOUT after this time, in milliseconds. Default: none. */
  readonly timeoutMs?: number | undefined
}

export class Waiter<Value> {
  readonly #resolve: (value: Value) => void
  readonly #reject: (error: unknown) => void
  #signal: AbortSignal | undefined
  #timer: NodeJS.Timeout | undefined
  #stop: (() => void) | undefined
  #settled = false

  constructor(resolve: (value: Value) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Watches signal and time; `leave` is called at most once, and says what became of the work. False when it's over before it began. */
  watch({ signal, timeoutMs }: WaitOptions, what: string, leave: () => Outcome): boolean {
    if (signal?.aborted === true) {
      this.fail(aborted(what, 'not-executed', signal))
      return false
    }
    if (signal !== undefined) {
      this.#signal = signal
      this.#stop = () => this.#leave(() => aborted(what, leave(), signal))
      signal.addEventListener('abort', this.#stop, { once: true })
    }
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => {
        this.#leave(
          () => new DbError('DB_ERR_TIMEOUT', `${what} had no answer within ${timeoutMs} ms.`, { outcome: leave() }),
        )
      }, timeoutMs)
    }
    return true
  }

  answer(value: Value): void {
    if (this.#settle()) this.#resolve(value)
  }

  fail(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #leave(error: () => DbError): void {
    if (this.#settle()) this.#reject(error())
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#stop !== undefined) this.#signal?.removeEventListener('abort', this.#stop)
    return true
  }
}

function aborted(what: string, outcome: Outcome, signal: AbortSignal): DbError {
  return new DbError('DB_ERR_ABORTED', `${what} was stopped by its caller.`, { outcome, cause: signal.reason })
}
