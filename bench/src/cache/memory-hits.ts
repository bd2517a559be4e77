// The first tier as the product has it, on a trace: what the simulation has to agree with.
import { itemOf, type Item, keyOf } from './items.ts'

/** Reads between two turns of the event loop, so that Ctrl-C is heard. */
const READS_PER_TURN = 10_000

/** How many reads of the trace are hits of a namespace with so many entries in memory. */
export async function memoryHits(trace: Uint32Array, keys: number, entries: number): Promise<number> {
  // Loaded here, so that listing the suites takes no time.
  const { createCache } = await import('@plimsoll/cache')
  const cache = createCache()
  try {
    // Entries leave for want of room alone.
    const memory = { maxEntries: entries, maxBytes: 1024 * entries + 2 ** 20 }
    const namespace = cache.namespace<Item>('items', { memory, jitter: 0, earlyRefresh: 0 })
    const names = Array.from({ length: keys }, (_, key) => keyOf(key))
    const load = ({ key }: { key: string }): Item => itemOf(key)
    for (const [place, key] of trace.entries()) {
      const name = names[key] as string
      const { id } = await namespace.getOrLoad(name, load)
      if (id !== key) throw new Error(`${name} was asked for, and the answer was item ${id}`)
      if (place % READS_PER_TURN === 0) await new Promise(resolve => setImmediate(resolve))
    }
    return namespace.stats().hits.memory
  } finally {
    await cache.close()
  }
}
