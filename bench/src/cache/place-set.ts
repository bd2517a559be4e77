// A set of whole numbers below a limit that knows its largest: one bit per number, and above each 32 of them one bit that says whether any is set.
//
//     level 2                 1
//     level 1        1        0    ...   1
//     level 0   0010...0  0000...0      0100...0      a bit per number
//
// Adding, deleting and finding take as many steps as there are levels: 4 up to a million.

const BITS = 5
const MASK = 31

export class PlaceSet {
  /** Bits per number first, the topmost word last. */
  readonly #levels: readonly Uint32Array[]
  #size = 0

  /** @param limit - above the largest number */
  constructor(limit: number) {
    const levels: Uint32Array[] = []
    let words = limit
    do levels.push(new Uint32Array((words = Math.max(1, Math.ceil(words / 32)))))
    while (words > 1)
    this.#levels = levels
  }

  get size(): number {
    return this.#size
  }

  /** Of one that isn't there. */
  add(place: number): void {
    this.#size++
    let index = place
    for (const words of this.#levels) {
      const word = index >>> BITS
      const before = words[word] as number
      words[word] = before | (1 << (index & MASK))
      if (before !== 0) return
      index = word
    }
  }

  /** Whether it was there. */
  delete(place: number): boolean {
    const [lowest] = this.#levels as [Uint32Array]
    if (((lowest[place >>> BITS] as number) & (1 << (place & MASK))) === 0) return false
    this.#size--
    let index = place
    for (const words of this.#levels) {
      const word = index >>> BITS
      const after = (words[word] as number) & ~(1 << (index & MASK))
      words[word] = after
      if (after !== 0) return true
      index = word
    }
    return true
  }

  /** @throws RangeError when it's empty */
  largest(): number {
    if (this.#size === 0) throw new RangeError('an empty set has no largest number')
    let index = 0
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const word = (this.#levels[level] as Uint32Array)[index] as number
      index = index * 32 + (MASK - Math.clz32(word))
    }
    return index
  }
}
