// Which slot a key has, and whose request is longest ago.
//
//   scope ──► key ──► slot          newest ⇄ ... ⇄ oldest, by last admitted request
//
// All windows of a rule are equally long, so the oldest is also the first to be over: one look tells whether a slot can be used again.
//
// Invariants
// * At most `maxKeys` slots, each either free or in the list and in the map.
// * Keys are copied: a key cut out of a request's head would keep the whole head in memory. The V8 of Node 26 lets go of it by itself when a text becomes
//   a map's key; Node 24's doesn't, and nothing promises it.
// @hot

const NONE = -1

export class KeySlots {
  readonly #maxKeys: number
  readonly #scopes = new Map<string, Map<string, number>>()
  /** By slot, as long as the most that were ever in use. */
  readonly #keys: string[] = []
  readonly #scopeOf: string[] = []
  readonly #newer: Int32Array
  readonly #older: Int32Array
  readonly #free: number[] = []
  #newest = NONE
  #oldest = NONE

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
    this.#newer = new Int32Array(maxKeys)
    this.#older = new Int32Array(maxKeys)
  }

  get size(): number {
    return this.#keys.length - this.#free.length
  }

  /** -1 when the key has none. */
  find(key: string, scope: string): number {
    return this.#scopes.get(scope)?.get(key) ?? NONE
  }

  /** The slot whose last request is longest ago; -1 when there's none. */
  oldest(): number {
    return this.#oldest
  }

  /** A slot for a key that has none; -1 when all are taken. */
  add(key: string, scope: string): number {
    const slot = this.#free.pop() ?? this.#keys.length
    if (slot === this.#maxKeys) return NONE
    let keys = this.#scopes.get(scope)
    if (keys === undefined) this.#scopes.set(copied(scope), (keys = new Map()))
    const ownKey = copied(key)
    this.#keys[slot] = ownKey
    this.#scopeOf[slot] = scope === '' ? '' : copied(scope)
    keys.set(ownKey, slot)
    this.#link(slot)
    return slot
  }

  remove(slot: number): void {
    const scope = this.#scopeOf[slot] as string
    const keys = this.#scopes.get(scope) as Map<string, number>
    keys.delete(this.#keys[slot] as string)
    if (keys.size === 0) this.#scopes.delete(scope)
    this.#keys[slot] = ''
    this.#scopeOf[slot] = ''
    this.#unlink(slot)
    this.#free.push(slot)
  }

  /** Its request is the last one. */
  touch(slot: number): void {
    if (slot === this.#newest) return
    this.#unlink(slot)
    this.#link(slot)
  }

  #link(slot: number): void {
    this.#newer[slot] = NONE
    this.#older[slot] = this.#newest
    if (this.#newest === NONE) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot] as number
    const older = this.#older[slot] as number
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
  }
}

/** The same text, in a string that hangs on no other. UTF-16, because that keeps every string as it is, also half a surrogate pair. */
function copied(text: string): string {
  const isLatin1 = !/[^\0-\xff]/.test(text)
  const encoding = isLatin1 ? 'latin1' : 'utf16le'
  return Buffer.from(text, encoding).toString(encoding)
}
