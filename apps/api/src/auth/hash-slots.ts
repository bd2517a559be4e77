// How many hashes are computed at once, and who waits for one.
//
//     run ──► free slot ──────────────────────────► running ──► resting, if anybody waits ──► slot given on, or free
//        └──► waiting (first in, first out) ──┘
//              │ full, or its time is up: API_ERR_PASSWORDS_BUSY
//              └ signal: its reason
//
// A hash takes one thread of libuv's pool and megabytes of memory for many milliseconds. Without a bound a flood of sign-ins takes all threads, on which file access,
// name look-ups and compression wait too, and then all cores.
//
// Workers don't know of each other, and where each has a slot they may be as many as cores. So a slot rests after each hash that others wait behind, for a share of the time
// that it took: under a flood all hashes of the machine together take as much as they're meant to, and who comes alone doesn't wait.
//
// Invariants
// * At most `slots` works run. A slot is given back when its work has ended, not when its caller has left: a hash can't be stopped.
// * At most `maxWaiting` wait, none longer than `maxWaitMs`; who leaves is forgotten at once, with its timer and its listener.
// * Nobody waits while a slot is free.
import type { Clock } from '../database/probe.ts'
import { ApiError } from '../errors.ts'

export interface HashSlotsOptions {
  /**
   * Hashes at once in this process, at least 1. For the machine it's to be its cores - 1, divided among the workers; below the size of libuv's thread pool (4 unless
   * UV_THREADPOOL_SIZE says other), so that others find a thread.
   */
  readonly slots: number
  /** Rest after a hash that others wait behind, by the time that it took: 0 none, 1 as long. */
  readonly rest: number
  /** Callers that may wait; 0: who finds no slot is refused. */
  readonly maxWaiting: number
  /** Longest wait for a slot. */
  readonly maxWaitMs: number
  readonly clock: Clock
}

/** A hash that took very long was kept from running by others. */
const MAX_REST_MS = 250

interface Waiter {
  /** Gives it the slot of one that has ended. */
  readonly start: () => void
}

export class HashSlots {
  readonly #options: HashSlotsOptions
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiter>()
  #running = 0

  constructor(options: HashSlotsOptions) {
    if (!Number.isInteger(options.slots) || options.slots < 1) {
      throw new RangeError(`slots is ${options.slots}; it's a whole number from 1.`)
    }
    this.#options = options
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * For who would do something costly before: whoever comes now would be refused.
   * @throws API_ERR_PASSWORDS_BUSY
   */
  throwIfFull(): void {
    const { slots, maxWaiting } = this.#options
    if (this.#running >= slots && this.#waiting.size >= maxWaiting) throw this.#busy()
  }

  /**
   * Runs `work` as soon as there's a slot.
   * @param signal ends the wait with its reason, also while the work runs; that goes on without anybody waiting
   * @throws API_ERR_PASSWORDS_BUSY; what `work` throws
   */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted()
    if (this.#running < this.#options.slots) this.#running += 1
    else await this.#wait(signal)
    // The slot is taken from here on, whatever happens.
    const done = this.#finish(work)
    return signal === undefined ? done : untilAborted(done, signal)
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const { maxWaiting, maxWaitMs, clock } = this.#options
    if (this.#waiting.size >= maxWaiting) return Promise.reject(this.#busy())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = (): void => {
      this.#waiting.delete(waiter)
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      leave()
      // The reason is always an error: deadlines set one, and AbortSignal's own default is one.
      reject(signal?.reason as Error)
    }
    const waiter: Waiter = {
      start: () => {
        leave()
        resolve()
      },
    }
    const timer = clock.setTimeout(() => {
      leave()
      reject(this.#busy())
    }, maxWaitMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(waiter)
    return promise
  }

  async #finish<Result>(work: () => Promise<Result>): Promise<Result> {
    const { rest, clock } = this.#options
    const beganAtMs = clock.now()
    try {
      return await work()
    } finally {
      const restMs = Math.min((clock.now() - beganAtMs) * rest, MAX_REST_MS)
      if (this.#waiting.size > 0 && restMs > 0) clock.setTimeout(() => this.#handOn(), restMs)
      else this.#handOn()
    }
  }

  #handOn(): void {
    const [next] = this.#waiting
    // Handed on, not given back: in between, somebody who has just come would overtake.
    if (next === undefined) this.#running -= 1
    else next.start()
  }

  #busy(): ApiError {
    return new ApiError('API_ERR_PASSWORDS_BUSY', 'Too many are signing in at this moment; try again shortly.', {
      retryAfterS: Math.max(1, Math.ceil(this.#options.maxWaitMs / 1000)),
    })
  }
}

function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const onAbort = (): void => reject(signal.reason as Error)
  // It may have aborted while the slot was being handed over.
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
