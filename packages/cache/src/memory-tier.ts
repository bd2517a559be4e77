// The process's own tier: references to values, least recently used first out, with a budget in entries and in bytes.
//
// lru-cache does the ordering (0.02 µs a read, no dependencies, the field's reference); times, bytes and reasons are ours, since its own TTL asks the clock once
// more for each read.
import { LRUCache } from 'lru-cache'
import type { EvictionReason } from './tiers/tier.ts'

/** No number of a map, and not the -1 of being out of touch. */
const NEVER = -2

/**
 * A value in memory and all that's needed to decide about it.
 *
 * Numbers are whole where that's no loss: V8 keeps a fraction in a box of its own, and with 10,000 entries the way to those boxes was a fifth of a hit (1.23-1.39 ×
 * lru-cache's `fetch`, 1.17-1.19 without them).
 */
export class MemoryEntry<V> {
  readonly value: V
  readonly tags: readonly string[]
  /** The machine's number before its load. */
  readonly stamp: number
  /** The latest number for which it's known to be current; NEVER: for none. */
  checked = NEVER
  /** When its load began, for namespaces that are out of touch. */
  readonly loadedAtMs: number
  /** Until then nothing has to be thought about; from then on it may be refreshed early. */
  refreshAtMs: number
  readonly freshUntilMs: number
  readonly staleUntilMs: number
  readonly loadMs: number
  readonly bytes: number
  hits = 0
  /** Made at its first use: what's awaited costs no new promise. */
  #promise: Promise<V> | undefined

  constructor(made: {
    value: V
    tags: readonly string[]
    stamp: number
    loadedAtMs: number
    refreshAtMs: number
    freshUntilMs: number
    staleUntilMs: number
    loadMs: number
    bytes: number
  }) {
    this.value = made.value
    this.tags = made.tags
    this.stamp = made.stamp
    this.loadedAtMs = Math.floor(made.loadedAtMs)
    this.refreshAtMs = Math.floor(made.refreshAtMs)
    this.freshUntilMs = Math.floor(made.freshUntilMs)
    this.staleUntilMs = Math.floor(made.staleUntilMs)
    this.loadMs = made.loadMs
    this.bytes = Math.round(made.bytes)
  }

  promise(): Promise<V> {
    return (this.#promise ??= Promise.resolve(this.value))
  }
}

export interface MemoryLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

export class MemoryTier<V> {
  readonly #entries: LRUCache<string, MemoryEntry<V>>
  readonly #maxEntries: number
  #maxBytes: number
  #bytes = 0
  readonly evictions: Record<EvictionReason, number> = { entries: 0, bytes: 0, shrink: 0 }

  constructor({ maxEntries, maxBytes }: MemoryLimits) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#entries = new LRUCache({ max: Math.max(1, maxEntries) })
  }

  /** @hot */
  get(key: string): MemoryEntry<V> | undefined {
    return this.#entries.get(key)
  }

  set(key: string, entry: MemoryEntry<V>): void {
    if (this.#maxEntries === 0) return
    this.delete(key)
    if (entry.bytes > this.#maxBytes) {
      this.evictions.bytes++
      return
    }
    if (this.#entries.size >= this.#maxEntries) this.#evict('entries')
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
    while (this.#bytes > this.#maxBytes) this.#evict('bytes')
  }

  delete(key: string): void {
    const entry = this.#entries.peek(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  clear(): number {
    const freed = this.#bytes
    this.#entries.clear()
    this.#bytes = 0
    return freed
  }

  #evict(reason: EvictionReason): void {
    const entry = this.#entries.pop()
    if (entry === undefined) {
      this.#bytes = 0
      return
    }
    this.#bytes -= entry.bytes
    this.evictions[reason]++
  }

  /** Another budget from now on; what was freed at once. */
  limitBytes(maxBytes: number): number {
    const before = this.#bytes
    this.#maxBytes = maxBytes
    while (this.#bytes > maxBytes && this.#entries.size > 0) this.#evict('shrink')
    return before - this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keys with their hits, most used first. */
  hottest(count: number): { key: string; hits: number }[] {
    return Array.from(this.#entries.entries(), ([key, entry]) => ({ key, hits: entry.hits }))
      .toSorted((one, other) => other.hits - one.hits)
      .slice(0, count)
  }
}
