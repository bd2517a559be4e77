// A shared tier that's shared with nobody: bytes in this process, exactly least recently used first out. What it costs beside the first tier is what encoding, decoding
// and the way through the tiers cost; real tiers come on top.
import { LRUCache } from 'lru-cache'
import type { LocalTier, StoredBytes } from '@plimsoll/cache'

interface Stored {
  readonly bytes: Uint8Array
  readonly untilMs: number
}

export class ProcessTier implements LocalTier {
  readonly name = 'this process'
  readonly #namespaces = new Map<string, LRUCache<string, Stored>>()
  readonly #limits = new Map<string, number>()

  get(namespace: string, key: string): StoredBytes | undefined {
    const stored = this.#namespaces.get(namespace)?.get(key)
    if (stored === undefined) return undefined
    const leftMs = stored.untilMs - performance.now()
    return leftMs > 0 ? { bytes: stored.bytes, leftMs } : undefined
  }

  async set(namespace: string, key: string, bytes: Uint8Array, lifeMs: number): Promise<boolean> {
    let entries = this.#namespaces.get(namespace)
    if (entries === undefined) {
      entries = new LRUCache({ max: this.#limits.get(namespace) ?? 1_000 })
      this.#namespaces.set(namespace, entries)
    }
    entries.set(key, { bytes, untilMs: performance.now() + lifeMs })
    return true
  }

  async delete(namespace: string, key: string): Promise<void> {
    this.#namespaces.get(namespace)?.delete(key)
  }

  async clear(namespace?: string): Promise<void> {
    if (namespace === undefined) this.#namespaces.clear()
    else this.#namespaces.delete(namespace)
  }

  limit(namespace: string, maxEntries: number): void {
    this.#limits.set(namespace, maxEntries)
  }

  /** It counts no bytes. */
  async shrink(): Promise<number> {
    return 0
  }

  state(): ReturnType<LocalTier['state']> {
    let entries = 0
    for (const namespace of this.#namespaces.values()) entries += namespace.size
    return { state: 'on', entries, bytes: 0 }
  }

  async close(): Promise<void> {
    this.#namespaces.clear()
  }
}
