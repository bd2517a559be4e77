// One load that several callers wait for.
//
// Invariants
// * The load is aborted only when every caller has left, and nobody asked for it in the background.
// * Whoever waits is answered when its own signal fires, whatever the load does.
// * A caller's AsyncLocalStorage context is its own: the load runs in none of them.
import { CacheError } from './errors.ts'
import type { ServedFrom } from './tiers/tier.ts'

export class Flight<V> {
  readonly startedAtMs: number
  /** Whether another load of the same key, overtaken by an invalidation, was still under way. */
  readonly overtook: boolean
  /** Resolves when it has ended, however. */
  readonly settled: Promise<void>
  /** The machine's number before the load began; undefined until then. */
  stamp: number | undefined
  /** Where its value came from, and until when it's fresh; one that wasn't kept isn't. Known when it has ended. */
  servedFrom: ServedFrom = 'loaded'
  freshUntilMs = Number.NEGATIVE_INFINITY
  /** Calls that have joined it, those that have left included. */
  calls = 0
  readonly #abort = new AbortController()
  readonly #result: Promise<V>
  /** A load in the background has one waiter that never leaves. */
  #waiters = 0
  #settled = false

  /** @param run - begins at once; its signal fires when nobody waits any more */
  constructor(startedAtMs: number, overtook: boolean, run: (flight: Flight<V>) => Promise<V>) {
    this.startedAtMs = startedAtMs
    this.overtook = overtook
    this.#result = run(this)
    // Callers that left don't see its failure, and it mustn't end the process.
    const end = () => {
      this.#settled = true
    }
    this.settled = this.#result.then(end, end)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** True once nobody waits any more and it was told to stop. */
  get abandoned(): boolean {
    return this.#abort.signal.aborted
  }

  /** Ends the load's own time; those who wait learn of it by its rejection. */
  abort(reason: unknown): void {
    this.#abort.abort(reason)
  }

  found(from: ServedFrom, freshUntilMs: number): void {
    this.servedFrom = from
    this.freshUntilMs = freshUntilMs
  }

  keep(): void {
    this.#waiters++
  }

  /** @throws CACHE_ERR_ABORTED when the caller's signal fires first */
  join(signal: AbortSignal | undefined): Promise<V> {
    this.#waiters++
    this.calls++
    if (signal === undefined) return this.#result
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(abortedError(signal))
        if (--this.#waiters === 0 && !this.#settled) this.#abort.abort(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      const done = () => signal.removeEventListener('abort', leave)
      this.#result.then(
        value => {
          done()
          resolve(value)
        },
        (error: unknown) => {
          done()
          reject(error)
        },
      )
    })
  }
}

export function abortedError(signal: AbortSignal): CacheError {
  return new CacheError('CACHE_ERR_ABORTED', 'The caller’s signal fired before the value was there.', signal.reason)
}
