// The caches that are compared. All hold the same entries for the same time in this process's memory, hand out references, and load once however many ask; where one
// does more or less than that, `differs` says so.
//
// Libraries are loaded by who opens a cache, so that a thread has only its own.
import type { NamespaceOptions } from '@plimsoll/cache'
import type { Item } from './items.ts'

export interface CacheSetting {
  /** Room for so many. */
  readonly entries: number
  readonly ttlMs: number
  readonly load: (key: string) => Promise<Item>
  /** For what processes share: the same one for all processes of a measurement. */
  readonly folder: string
}

/** Answered with a promise; what's missing is loaded. */
export interface OpenCache {
  readonly get: (key: string) => Promise<Item | undefined>
  readonly close: () => Promise<void>
}

/** Answered at once with what's there. */
export interface OpenStore {
  readonly prepare: (keys: readonly string[]) => Promise<void>
  readonly get: (key: string) => Item | undefined
  readonly close: () => Promise<void>
}

interface Described {
  readonly name: string
  /** What it does that others don't, or the other way round. */
  readonly differs: string
}

/** Loads by itself. */
export interface LoadingCache extends Described {
  readonly kind: 'awaited'
  readonly open: (setting: CacheSetting) => Promise<OpenCache>
}

/** Looked into without waiting. */
export interface Store extends Described {
  readonly kind: 'at once'
  readonly open: (setting: CacheSetting) => Promise<OpenStore>
}

/** What the others are compared with. */
export const FETCH = 'lru-cache fetch'
export const GET = 'lru-cache get'
export const BOUNDED = 'ours, bounded'
export const STRICT = 'ours, strict'
export const STRICT_SHARED = 'ours, strict, shared map'
export const MACHINE = 'ours, machine tier'
export const PEEK = 'ours, peek'
export const STRICT_PEEK = 'ours, strict peek'
export const STRICT_SHARED_PEEK = 'ours, strict peek, shared map'

/** A namespace of a process that shares the machine's numbers and no values. */
const MAP_ALONE = { machine: false, far: false } as const

export const LOADING_CACHES: readonly LoadingCache[] = [
  {
    kind: 'awaited',
    name: 'Map of promises',
    differs: 'no limit, no TTL: what an awaited hit costs at least',
    open: async ({ load }) => {
      const promises = new Map<string, Promise<Item>>()
      const add = (key: string) => {
        const loading = load(key)
        promises.set(key, loading)
        return loading
      }
      return { get: key => promises.get(key) ?? add(key), close: async () => promises.clear() }
    },
  },
  {
    kind: 'awaited',
    name: FETCH,
    differs: 'reads the clock once per ms; no invalidation but by key',
    open: async ({ entries, ttlMs, load }) => {
      const { LRUCache } = await import('lru-cache')
      const cache = new LRUCache<string, Item>({ max: entries, ttl: ttlMs, fetchMethod: key => load(key) })
      return { get: key => cache.fetch(key), close: async () => cache.clear() }
    },
  },
  {
    kind: 'awaited',
    name: BOUNDED,
    differs: 'frozen values, bytes counted, tags, statistics; looks for invalidations once a second',
    open: setting => openOurs(setting),
  },
  {
    kind: 'awaited',
    name: STRICT,
    differs: 'the same; looks for invalidations at each read',
    open: setting => openOurs(setting, { kind: 'strict' }),
  },
  {
    kind: 'awaited',
    name: STRICT_SHARED,
    differs: 'the same; those of other processes too, in shared memory',
    open: setting => openOurs(setting, { kind: 'strict', ...MAP_ALONE }, 'machine'),
  },
  {
    kind: 'awaited',
    name: 'async-cache-dedupe',
    differs: 'TTL in whole seconds, by a clock read once a second',
    open: async ({ entries, ttlMs, load }) => {
      const { createCache } = await import('async-cache-dedupe')
      const storage = { type: 'memory', options: { size: entries } } as const
      const cache = createCache({ ttl: ttlMs / 1000, storage }).define('item', async (key: string) => load(key))
      return { get: key => cache.item(key), close: () => cache.clear() }
    },
  },
  {
    kind: 'awaited',
    name: 'bentocache',
    differs: 'serialising switched off (by default it does); publishes events',
    open: async ({ entries, ttlMs, load }) => {
      const { BentoCache, bentostore } = await import('bentocache')
      const { memoryDriver } = await import('bentocache/drivers/memory')
      const memory = bentostore().useL1Layer(memoryDriver({ maxItems: entries, serialize: false }))
      const cache = new BentoCache({ default: 'memory', ttl: ttlMs, stores: { memory } })
      return {
        get: key => cache.getOrSet({ key, factory: () => load(key) }),
        close: () => cache.disconnect(),
      }
    },
  },
  {
    kind: 'awaited',
    name: 'cache-manager',
    differs: 'its default store: a Map without a limit',
    open: async ({ ttlMs, load }) => {
      const { createCache } = await import('cache-manager')
      const cache = createCache({ ttl: ttlMs })
      return {
        get: key => cache.wrap(key, () => load(key)),
        close: async () => {
          await cache.disconnect()
        },
      }
    },
  },
  {
    kind: 'awaited',
    name: 'cacheable',
    differs: 'on @cacheable/memory, its copying switched off (by default it copies)',
    open: async ({ entries, ttlMs, load }) => {
      const { Cacheable, createKeyv } = await import('cacheable')
      const cache = new Cacheable({ ttl: ttlMs, primary: createKeyv({ lruSize: entries, useClone: false }) })
      return {
        get: key => cache.getOrSet(key, () => load(key), { throwErrors: true }),
        close: () => cache.disconnect(),
      }
    },
  },
]

export const STORES: readonly Store[] = [
  {
    kind: 'at once',
    name: 'Map',
    differs: 'no limit, no TTL',
    open: async ({ load }) => {
      const items = new Map<string, Item>()
      return {
        prepare: async keys => {
          for (const key of keys) items.set(key, await load(key))
        },
        get: key => items.get(key),
        close: async () => items.clear(),
      }
    },
  },
  {
    kind: 'at once',
    name: GET,
    differs: 'with TTL; reads the clock once per ms',
    open: async ({ entries, ttlMs, load }) => {
      const { LRUCache } = await import('lru-cache')
      const cache = new LRUCache<string, Item>({ max: entries, ttl: ttlMs })
      return {
        prepare: async keys => {
          for (const key of keys) cache.set(key, await load(key))
        },
        get: key => cache.get(key),
        close: async () => cache.clear(),
      }
    },
  },
  {
    kind: 'at once',
    name: PEEK,
    differs: 'bounded; reads the clock once per ms',
    open: setting => openOursAtOnce(setting),
  },
  {
    kind: 'at once',
    name: STRICT_PEEK,
    differs: 'looks for invalidations at each read',
    open: setting => openOursAtOnce(setting, { kind: 'strict' }),
  },
  {
    kind: 'at once',
    name: STRICT_SHARED_PEEK,
    differs: 'the same; those of other processes too, in shared memory',
    open: setting => openOursAtOnce(setting, { kind: 'strict', ...MAP_ALONE }, 'machine'),
  },
]

/** What processes of a machine share: of use where there are several. */
export const SHARED_CACHES: readonly LoadingCache[] = [
  {
    kind: 'awaited',
    name: MACHINE,
    differs: 'one process of the machine loads, the others read its value in shared memory',
    open: setting => openOurs(setting, {}, 'machine'),
  },
]

/** Which processes share what it knows. */
type Reach = 'alone' | 'machine'

async function openOurs(
  setting: CacheSetting,
  options: NamespaceOptions<Item> = {},
  reach: Reach = 'alone',
): Promise<OpenCache> {
  const { cache, namespace } = await openNamespace(setting, options, reach)
  const { load } = setting
  return { get: key => namespace.getOrLoad(key, () => load(key)), close: () => cache.close() }
}

async function openOursAtOnce(
  setting: CacheSetting,
  options: NamespaceOptions<Item> = {},
  reach: Reach = 'alone',
): Promise<OpenStore> {
  const { cache, namespace } = await openNamespace(setting, options, reach)
  return {
    prepare: async keys => {
      for (const key of keys) await namespace.getOrLoad(key, () => setting.load(key))
    },
    get: key => namespace.peek(key),
    close: () => cache.close(),
  }
}

async function openNamespace({ entries, ttlMs, folder }: CacheSetting, options: NamespaceOptions<Item>, reach: Reach) {
  const { openCache } = await import('@plimsoll/cache')
  const cache = await openCache(reach === 'alone' ? { alone: true } : { machine: { folder } })
  // Room in bytes for all of them: the others count none.
  const memory = { maxEntries: entries, ttlMs, maxBytes: 1024 * entries + 2 ** 20 }
  return { cache, namespace: cache.namespace<Item>('items', { ttlMs, memory, ...options }) }
}
