// Tokens whose signature was found good, so that it's not computed again with each request: a look-up instead of a digest.
//
//     young ──full──► old ──full──► forgotten
//       ▲  found again │
//       └──────────────┘
//
// Two generations instead of a list by use: an entry costs no more than its place in a map, and one that's in use is never forgotten for one that isn't.
//
// The key is the token itself, whole: nothing that's derived from it could be the same for two. What's kept is what the token says; whether it's still good is asked anew
// with each look.
export class VerifiedTokens<Claims> {
  readonly #maxEntries: number
  #young = new Map<string, Claims>()
  #old = new Map<string, Claims>()

  /** @param maxEntries 0: none are kept */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(token: string): Claims | undefined {
    const young = this.#young.get(token)
    if (young !== undefined) return young
    const old = this.#old.get(token)
    if (old === undefined) return undefined
    this.#old.delete(token)
    this.set(token, old)
    return old
  }

  set(token: string, claims: Claims): void {
    if (this.#maxEntries === 0) return
    // Each generation is half of all.
    if (this.#young.size >= Math.ceil(this.#maxEntries / 2)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(token, claims)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
  }
}
