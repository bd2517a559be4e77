// One handler on one channel.
//
//     pending ──confirm()──► listening ──lose()──► lost
//        │                    │     ▲               │ │
//        │                    │     └──restore(gap)─┘ │
//        └──refuse(error)──┐  │ stop()        stop()  │
//                          ▼  ▼                       │
//                        stopped ◄────────────────────┘
//
// Invariants
// * Messages reach the handler in `listening` only, and the one way back there tells of the gap first: no message comes between a loss and its notice.
// * After `stop()` nothing is called any more, also when it was called by a handler of the same message.
// * Nothing that a handler does comes back to the caller: what it throws, or its promise is rejected with, is reported.
import type { DiscardReason } from '../channels.ts'

/** Time in which messages may have been lost. */
export interface ListenGap {
  /**
   * Its beginning, by the clock of `performance.now()`: what was notified before has arrived. It's when the last answered statement was sent, so up to a
   * heartbeat earlier than the loss.
   */
  readonly sinceMs: number
  /** From `sinceMs` until the server listened again. */
  readonly durationMs: number
  /** Why the connection was given up. */
  readonly reason: DiscardReason
}

/** Gets each message's payload, '' for none. It isn't waited for, so that an async one may run several times at once. */
export type MessageHandler = (payload: string) => unknown
export type GapHandler = (gap: ListenGap) => unknown

/** Which call of a handler failed. */
export interface HandlerFailure {
  readonly channel: string
  readonly during: 'message' | 'gap'
}

export type ReportFailure = (error: unknown, failure: HandlerFailure) => void
export type SubscriptionState = 'pending' | 'listening' | 'lost' | 'stopped'

export class Subscription {
  readonly channel: string
  readonly #onMessage: MessageHandler
  readonly #onGap: GapHandler | undefined
  readonly #report: ReportFailure
  readonly #confirmed = Promise.withResolvers<void>()
  #state: SubscriptionState = 'pending'

  constructor(channel: string, onMessage: MessageHandler, onGap: GapHandler | undefined, report: ReportFailure) {
    this.channel = channel
    this.#onMessage = onMessage
    this.#onGap = onGap
    this.#report = report
  }

  get state(): SubscriptionState {
    return this.#state
  }

  /** Settles when it's no longer pending. */
  get confirmed(): Promise<void> {
    return this.#confirmed.promise
  }

  confirm(): void {
    if (this.#state !== 'pending') return
    this.#state = 'listening'
    this.#confirmed.resolve()
  }

  refuse(error: Error): void {
    if (this.#state !== 'pending') return
    this.#state = 'stopped'
    this.#confirmed.reject(error)
  }

  lose(): void {
    if (this.#state === 'listening') this.#state = 'lost'
  }

  restore(gap: ListenGap): void {
    if (this.#state !== 'lost') return
    this.#state = 'listening'
    if (this.#onGap !== undefined) this.#call('gap', this.#onGap, gap)
  }

  stop(): void {
    this.#state = 'stopped'
  }

  deliver(payload: string): void {
    if (this.#state === 'listening') this.#call('message', this.#onMessage, payload)
  }

  #call<Value>(during: HandlerFailure['during'], handler: (value: Value) => unknown, value: Value): void {
    const failed = (error: unknown): void => this.#report(error, { channel: this.channel, during })
    try {
      const returned = handler(value)
      if (typeof returned === 'object' && returned !== null) Promise.resolve(returned).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
