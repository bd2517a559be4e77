// Random numbers for picking, without garbage: V8 returns each number of Math.random() as a new object of 16 bytes, while this is compiled
// into the pick itself.
//
// The generator is sfc32 (Chris Doty-Humphrey's, 128 bits of state, passes PractRand). Not for secrets: who sees enough picks can tell the next.
// @hot
import type { RandomSource } from './picker.ts'

const TWO_TO_32 = 4_294_967_296
/** Steps after which neighbouring seeds have nothing in common. */
const WARM_UP = 16

/** Numbers in [0, 1) in steps of 2^-32; the same seed gives the same numbers. */
export class FastRandom implements RandomSource {
  #a: number
  #b = 0
  #c = 0
  #counter = 1

  /** `seed`: a whole number from 0 to 2^32 - 1, as of `crypto.randomInt(2 ** 32)`; balancers with the same seed draw in step. */
  constructor(seed: number) {
    this.#a = seed | 0
    for (let step = 0; step < WARM_UP; step++) this.next()
  }

  next(): number {
    const drawn = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + drawn) | 0
    return (drawn >>> 0) / TWO_TO_32
  }
}
