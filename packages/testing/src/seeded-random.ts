// Random numbers that can be had again: the seed is printed when the test fails.
//
// The generator is sfc32 (Chris Doty-Humphrey's small fast chaotic generator, 128 bits of state), seeded through splitmix32 so that neighbouring seeds give
// unrelated sequences. It's for tests, not for secrets.
import { readTestEnvironment } from './test-environment.ts'
import type { TestScope } from './test-scope.ts'

export class SeededRandom {
  /** What makes the sequence: a whole number, 0 to 2^32 - 1. */
  readonly seed: number
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.seed = seed >>> 0
    let state = this.seed
    const splitmix32 = (): number => {
      state = (state + 0x9e3779b9) | 0
      let mixed = state ^ (state >>> 16)
      mixed = Math.imul(mixed, 0x21f0aaad)
      mixed ^= mixed >>> 15
      mixed = Math.imul(mixed, 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    }
    this.#a = splitmix32()
    this.#b = splitmix32()
    this.#c = splitmix32()
  }

  /** A number in [0, 1), in steps of 2^-32. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return (result >>> 0) / 4_294_967_296
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  /** @throws RangeError for an empty list. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("Can't pick from an empty list.")
    return items[this.integer(0, items.length - 1)] as T
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let last = copy.length - 1; last > 0; last--) {
      const other = this.integer(0, last)
      ;[copy[last], copy[other]] = [copy[other] as T, copy[last] as T]
    }
    return copy
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.integer(0, 255)))
  }
}

/** Random numbers for one test: from `seed`, else from PLIMSOLL_TEST_SEED, else from a new seed, which a failing test prints. */
export function seededRandom(t: TestScope, options: { readonly seed?: number } = {}): SeededRandom {
  const random = new SeededRandom(
    options.seed ?? readTestEnvironment().seed ?? Math.floor(Math.random() * 4_294_967_296),
  )
  t.teardown(() => {
    if (!t.passing()) t.comment(`to repeat "${t.name}": PLIMSOLL_TEST_SEED=${random.seed}`)
  })
  return random
}
