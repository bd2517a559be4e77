// Those who wait for a connection: what each is told, and when its time is over.
//
//     push ──► waiting ──► granted             by take(), from the head of its class
//                 └──────► refused             displaced by a more important one; time over; left; the pool can't give any
//
// A waiter may have a second, earlier time limit that counts only while the pool has no connection at all.
import type { Slot } from '../driver/slot.ts'
import type { DbError } from '../errors.ts'
import { type Priority, WaitQueue } from './wait-queue.ts'

/** Somebody who waits for a connection; told once, by one of the two. Neither may throw. */
export abstract class Waiter {
  readonly priority: Priority
  readonly sinceMs = performance.now()
  /** When it's refused, on the clock of `performance.now()`. */
  readonly deadlineMs: number
  /** When it's refused if the pool has no connection at all then. */
  readonly emptyDeadlineMs: number
  settled = false

  constructor(priority: Priority, timeoutMs: number, whenEmptyMs: number) {
    this.priority = priority
    this.deadlineMs = this.sinceMs + timeoutMs
    this.emptyDeadlineMs = this.sinceMs + whenEmptyMs
  }

  abstract granted(slot: Slot, waitedMs: number): void
  abstract refused(error: DbError): void
}

/** One that waits by a promise. */
export class PromisedWaiter extends Waiter {
  readonly #resolve: (slot: Slot) => void
  readonly #reject: (error: DbError) => void
  /** Takes back the listener of a signal. */
  cleanUp: (() => void) | undefined

  constructor(
    { priority, timeoutMs }: { readonly priority: Priority; readonly timeoutMs: number },
    whenEmptyMs: number,
    resolve: (slot: Slot) => void,
    reject: (error: DbError) => void,
  ) {
    super(priority, timeoutMs, whenEmptyMs)
    this.#resolve = resolve
    this.#reject = reject
  }

  granted(slot: Slot): void {
    this.cleanUp?.()
    this.#resolve(slot)
  }

  refused(error: DbError): void {
    this.cleanUp?.()
    this.#reject(error)
  }
}

/** What the line needs to know of its pool, and what it tells it. */
export interface LineOwner {
  /** Whether the pool has no connection at all. */
  isEmpty(): boolean
  /** The waiter's time is over; it has left. */
  timedOut(waiter: Waiter): void
}

/** All who wait, and one timer for the earliest of their deadlines: who is served in time costs none. */
export class WaitingLine {
  readonly #queue: WaitQueue<Waiter>
  readonly #owner: LineOwner
  #timer: NodeJS.Timeout | undefined
  #atMs = Infinity

  constructor(max: number, owner: LineOwner) {
    this.#queue = new WaitQueue(max)
    this.#owner = owner
  }

  get size(): number {
    return this.#queue.size
  }

  /** Adds a waiter. Gives the one that has to leave: another, the newcomer itself, or undefined. @hot */
  push(waiter: Waiter): Waiter | undefined {
    const displaced = this.#queue.push(waiter)
    if (displaced !== waiter) this.#watchUntil(Math.min(waiter.deadlineMs, waiter.emptyDeadlineMs))
    return displaced
  }

  take(): Waiter | undefined {
    return this.#queue.take()
  }

  /** False if it was served or gone already. */
  leave(waiter: Waiter): boolean {
    return this.#queue.leave(waiter)
  }

  /** Watches nobody any more. */
  stop(): void {
    clearTimeout(this.#timer)
  }

  #watchUntil(atMs: number): void {
    if (atMs >= this.#atMs) return
    clearTimeout(this.#timer)
    this.#atMs = atMs
    this.#timer = setTimeout(() => this.#check(), Math.max(1, atMs - performance.now()))
  }

  #check(): void {
    this.#atMs = Infinity
    const nowMs = performance.now()
    let nextMs = Infinity
    for (const waiter of this.#queue.waiting()) {
      const { deadlineMs, emptyDeadlineMs } = waiter
      if (nowMs >= deadlineMs || (nowMs >= emptyDeadlineMs && this.#owner.isEmpty())) {
        if (this.#queue.leave(waiter)) this.#owner.timedOut(waiter)
      } else nextMs = Math.min(nextMs, deadlineMs, nowMs < emptyDeadlineMs ? emptyDeadlineMs : Infinity)
    }
    if (nextMs < Infinity) this.#watchUntil(nextMs)
  }
}
