// The same keys for every candidate, in the same order, for as long as one likes.
import { SeededRandom } from '@plimsoll/testing'
import { ITEMS } from './items.ts'
import { zipfRanks } from './zipf.ts'

const KEYS = 65_536

export class KeyRing {
  readonly #keys: Uint32Array
  #next = 0

  constructor(seed: number) {
    this.#keys = zipfRanks(ITEMS, KEYS, new SeededRandom(seed))
  }

  /** @hot */
  next(): number {
    this.#next = (this.#next + 1) % KEYS
    return this.#keys[this.#next] as number
  }
}
