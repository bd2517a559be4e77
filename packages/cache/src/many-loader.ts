// Loads of many keys as one: each key goes its own way through tiers, leases and flights, and those whose loads begin in the same turn of the event loop share one
// call of the loader.
import type { LoadContext } from './options.ts'

/** Loads several values; keys that aren't in the answer have none. `signal` fires when nobody waits for any of them. */
export type ManyLoader<V> = (
  keys: readonly string[],
  context: Pick<LoadContext, 'signal'>,
) => Promise<ReadonlyMap<string, V>> | ReadonlyMap<string, V>

export class ManyLoads<V> {
  readonly #load: ManyLoader<V>
  #batch: Batch<V> | undefined

  constructor(load: ManyLoader<V>) {
    this.#load = load
  }

  /** One key's part of it; a loader for `getOrLoad`. */
  readonly loadOne = ({ key, signal }: LoadContext): Promise<V | undefined> => {
    if (this.#batch === undefined) {
      const batch = new Batch<V>()
      this.#batch = batch
      setImmediate(() => {
        this.#batch = undefined
        batch.run(this.#load)
      })
    }
    return this.#batch.add(key, signal)
  }
}

class Batch<V> {
  readonly #keys: string[] = []
  readonly #abort = new AbortController()
  readonly #answers = Promise.withResolvers<ReadonlyMap<string, V>>()
  #waiting = 0

  add(key: string, signal: AbortSignal): Promise<V | undefined> {
    this.#keys.push(key)
    this.#waiting++
    const leave = () => {
      if (--this.#waiting === 0) this.#abort.abort(signal.reason)
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    return this.#answers.promise.then(answers => answers.get(key))
  }

  run(load: ManyLoader<V>): void {
    // In a promise's executor, so that what's thrown at once is a rejection as well.
    this.#answers.resolve(new Promise(resolve => resolve(load(this.#keys, { signal: this.#abort.signal }))))
  }
}
