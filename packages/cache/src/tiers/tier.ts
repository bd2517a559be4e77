// A tier that processes share: bytes under a key for a bounded time. What the bytes mean, and whether they may still be served, is decided above.
//
// Invariants an implementation keeps
// * What `get` returns is exactly what one `set` was given, whole: never half of one, never another key's.
// * Nothing is returned after its life is over, whatever becomes of the wall clock.
// * Keys may be any string: empty, 10,000 characters long, lone surrogates, `__proto__`; two different strings are never the same key.
// * A failure of the tier is a miss, or a value that isn't kept: calls don't reject and don't throw. `state()` tells.
// * At most `maxEntries` per namespace and `maxBytes` altogether; the entry that was used longest ago goes first (roughly: within a minute).

/** Bytes and how long they would still be kept. */
export interface StoredBytes {
  readonly bytes: Uint8Array
  /** What's left of the life that `set` gave them, in ms. */
  readonly leftMs: number
}

export interface TierState {
  /** `off`: by option or after a failure; `degraded`: it fails at the moment and is tried again. */
  readonly state: 'on' | 'degraded' | 'off'
  /** Why it isn't on. */
  readonly reason?: string
  /** Undefined where the tier can't tell. */
  readonly entries?: number
  readonly bytes?: number
}

/** A tier on this machine can tell. */
export interface LocalTierState extends TierState {
  readonly entries: number
  readonly bytes: number
}

/** Where a value was found: in this process, in the machine's memory, in the far tier, or nowhere, so that it was loaded for this caller or for others it waited with. */
export type ServedFrom = 'memory' | 'machine' | 'far' | 'loaded'

/** Why an entry left a tier before its time. */
export type EvictionReason = 'entries' | 'bytes' | 'shrink'

/** A tier whose reads are reads of memory: they answer at once. */
export interface LocalTier {
  readonly name: string
  get(namespace: string, key: string): StoredBytes | undefined
  /** Resolves when other processes can see it; false: it isn't kept (too large, full, off). The bytes aren't changed afterwards by the caller. */
  set(namespace: string, key: string, bytes: Uint8Array, lifeMs: number): Promise<boolean>
  delete(namespace: string, key: string): Promise<void>
  /** Everything of one namespace, or of all. */
  clear(namespace?: string): Promise<void>
  /** How many entries a namespace may keep; called before its first use. */
  limit(namespace: string, maxEntries: number): void
  /** Gives up the least recently used until at most `maxBytes` are kept; how many bytes were freed. */
  shrink(maxBytes: number): Promise<number>
  state(): LocalTierState
  close(): Promise<void>
}

/** A tier behind a network: always asked for several keys at once, and never without a time-out of its own. */
export interface RemoteTier {
  readonly name: string
  /** One result for each key, in their order; all undefined when the tier can't be asked in time. */
  getMany(namespace: string, keys: readonly string[]): Promise<readonly (StoredBytes | undefined)[]>
  setMany(namespace: string, entries: readonly RemoteEntry[]): Promise<void>
  deleteMany(namespace: string, keys: readonly string[]): Promise<void>
  clear(namespace?: string): Promise<void>
  limit(namespace: string, maxEntries: number): void
  state(): TierState
  close(): Promise<void>
}

export interface RemoteEntry {
  readonly key: string
  readonly bytes: Uint8Array
  readonly lifeMs: number
}
