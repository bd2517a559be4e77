// Which of the keys 0, 1, 2, ... an LRU cache holds: a list from the most to the least recently used, drawn through two arrays.

const NONE = -1

export class LruSet {
  readonly #entries: number
  readonly #newer: Int32Array
  readonly #older: Int32Array
  readonly #held: Uint8Array
  #newest = NONE
  #oldest = NONE
  #size = 0

  /** @param keys - how many there are; `entries` of them are held at most */
  constructor(keys: number, entries: number) {
    this.#entries = entries
    this.#newer = new Int32Array(keys).fill(NONE)
    this.#older = new Int32Array(keys).fill(NONE)
    this.#held = new Uint8Array(keys)
  }

  /** Whether it's held; then it's the most recently used one. */
  use(key: number): boolean {
    if (this.#held[key] === 0) return false
    if (key !== this.#newest) {
      this.#unlink(key)
      this.#linkFirst(key)
    }
    return true
  }

  /** Holds it as the most recently used one; the least recently used goes when there's no room. */
  hold(key: number): void {
    if (this.use(key) || this.#entries === 0) return
    if (this.#size === this.#entries) {
      this.#held[this.#oldest] = 0
      this.#unlink(this.#oldest)
      this.#size--
    }
    this.#held[key] = 1
    this.#size++
    this.#linkFirst(key)
  }

  #linkFirst(key: number): void {
    this.#newer[key] = NONE
    this.#older[key] = this.#newest
    if (this.#newest === NONE) this.#oldest = key
    else this.#newer[this.#newest] = key
    this.#newest = key
  }

  #unlink(key: number): void {
    const newer = this.#newer[key] as number
    const older = this.#older[key] as number
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
  }
}
