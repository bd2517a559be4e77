// Where queries get their connection from: the pool, for each its own; or a transaction, whose one connection they take in turns.
import type { Slot } from '../driver/slot.ts'
import type { DbError } from '../errors.ts'
import type { AcquireOptions } from '../pool/pool.ts'
import type { Waiter } from '../pool/waiting-line.ts'
import type { Priority } from '../pool/wait-queue.ts'

export interface LeaseOptions extends AcquireOptions {
  /** Names of routes that are taken only when there's no other. */
  readonly avoidRoutes?: ReadonlySet<string> | undefined
}

export interface Session {
  readonly inTransaction: boolean
  /** Until a cancel, for queries that don't say other, in milliseconds. */
  readonly timeoutMs: number
  /** Longest wait for a connection, in milliseconds. */
  readonly acquireTimeoutMs: number
  /** A connection at once, if one is free and nobody waits. */
  tryLease(priority: Priority): Slot | undefined
  /**
   * Waits in line for a connection without a promise; gives what takes the waiter out again. Undefined where that can't be done: `lease` does it then.
   */
  enqueue(waiter: Waiter): { leave(waiter: Waiter): void } | undefined
  /** Whether `lease` may still give a connection to who was refused like this. */
  sendsOn(error: DbError): boolean
  /** @throws DbError */
  lease(options: LeaseOptions): Promise<Slot>
  release(slot: Slot): void
  /** Looks at what a statement did to the session by its command tag; gives the error if that isn't allowed here. */
  refusal(slot: Slot, result: unknown, text: string | undefined): DbError | undefined
  /** Told of each statement that failed. */
  failed(error: DbError): void
}
