// What can be set, with the figures that hold when nothing is. Parsed once, into frozen complete objects: inside nobody asks for a default.
import { CacheError } from './errors.ts'

/** Loads one value. `signal` fires when nobody waits for it any more, or its time is up. */
export type Loader<V> = (context: LoadContext) => Promise<V> | V

export interface LoadContext {
  readonly key: string
  readonly signal: AbortSignal
}

/** How much of a namespace a tier keeps, and for how long at most. */
export interface TierLimits {
  readonly maxEntries: number
  readonly ttlMs: number
}

export interface NamespaceOptions<V> {
  /** How long a value is fresh, in ms. Default 300,000 (5 min), at least 1. */
  readonly ttlMs?: number
  /**
   * `bounded`: hits are the cheapest, and at most `boundMs` behind an invalidation by another process. `strict`: after an invalidation was acknowledged, no
   * process of the machine returns what was loaded before it; each hit reads a number in shared memory (about 1 µs). Default `bounded`.
   */
  readonly kind?: 'bounded' | 'strict'
  /** How far a bounded namespace may lag behind other processes of the machine, in ms. Default 1,000. */
  readonly boundMs?: number
  /** How long after its freshness a value is still served at once, while one load replaces it, in ms. Never after an invalidation. Default 0. */
  readonly staleWhileRevalidateMs?: number
  /**
   * How long after that it's served when the loader fails or is slower than `softTimeoutMs`, in ms. Default 0. Never after an invalidation that's known; while a
   * bounded namespace is out of touch, what can't be verified counts as older.
   */
  readonly staleIfErrorMs?: number
  /** How long a caller waits for a load when there's something older to serve, in ms; 0: as long as the load takes. Default 0. */
  readonly softTimeoutMs?: number
  /** How long a load may take, in ms; then it's aborted, and who waits gets CACHE_ERR_LOAD_TIMEOUT or something older. Default 10,000. */
  readonly hardTimeoutMs?: number
  /** How long null and undefined are kept, in ms; 0: not at all. At most `ttlMs`. Default 5,000. */
  readonly negativeTtlMs?: number
  /** Values become stale up to this share of their time earlier, so that what was loaded together doesn't expire together. 0 to 0.5, default 0.1. */
  readonly jitter?: number
  /** XFetch's beta: hot values are refreshed before they expire, the earlier the longer they took to load (Vattani et al., 2015). 0: off. Default 1. */
  readonly earlyRefresh?: number
  /**
   * `frozen`: the value is frozen at any depth, all callers get the same. `copied`: each caller gets a copy of its own, and may change it. `shared`: all get the
   * same, unfrozen. Default `frozen`.
   */
  readonly values?: 'frozen' | 'copied' | 'shared'
  /** Of this namespace's values; another one never reads what this one has stored. Default `1`. */
  readonly schema?: string
  /** The process's tier. Default 100 entries, 5 min, 16 MiB. */
  readonly memory?: Partial<TierLimits & { readonly maxBytes: number }>
  /** The machine's tier; false: not there. Default 500 entries, 30 min. */
  readonly machine?: Partial<TierLimits> | false
  /** The tier on disk, or shared by machines; false: not there. Default 1,000 entries, 1 h. */
  readonly far?: Partial<TierLimits> | false
  /** Who loads a missing value once: each process, one for the machine, or one for all machines (needs a cluster lease). Default `machine`. */
  readonly singleFlight?: 'process' | 'machine' | 'cluster'
  /** How long others wait at most for a process that died or hangs while it loads for all, in ms. Default 10,000. */
  readonly leaseMs?: number
  /** Tags that follow from the value; added to those of the call. */
  readonly tags?: (value: V, key: string) => readonly string[]
  /** Loads by key alone: what warming uses, and `getOrLoad` when it's given no loader. */
  readonly load?: Loader<V>
}

/** Everything decided. */
export interface NamespaceSettings<V> {
  readonly name: string
  readonly ttlMs: number
  readonly strict: boolean
  readonly boundMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  readonly negativeTtlMs: number
  readonly jitter: number
  readonly earlyRefresh: number
  readonly values: 'frozen' | 'copied' | 'shared'
  readonly schema: string
  readonly memory: TierLimits & { readonly maxBytes: number }
  readonly machine: TierLimits | undefined
  readonly far: TierLimits | undefined
  readonly singleFlight: 'process' | 'machine' | 'cluster'
  readonly leaseMs: number
  readonly tags: ((value: V, key: string) => readonly string[]) | undefined
  readonly load: Loader<V> | undefined
}

const KNOWN: ReadonlySet<string> = new Set<keyof NamespaceOptions<unknown>>([
  'ttlMs',
  'kind',
  'boundMs',
  'staleWhileRevalidateMs',
  'staleIfErrorMs',
  'softTimeoutMs',
  'hardTimeoutMs',
  'negativeTtlMs',
  'jitter',
  'earlyRefresh',
  'values',
  'schema',
  'memory',
  'machine',
  'far',
  'singleFlight',
  'leaseMs',
  'tags',
  'load',
])

/** @throws CACHE_ERR_OPTION */
export function namespaceSettings<V>(name: string, options: NamespaceOptions<V>): NamespaceSettings<V> {
  if (!/^[\w.:-]{1,64}$/.test(name))
    throw bad(`A namespace’s name is 1 to 64 letters, digits and . _ : -, not "${name}".`)
  for (const key of Object.keys(options)) if (!KNOWN.has(key)) throw bad(`${name}: there’s no option "${key}".`)
  const number = (key: string, value: number | undefined, fallback: number, min: number, max: number): number => {
    const chosen = value ?? fallback
    if (Number.isFinite(chosen) && chosen >= min && chosen <= max) return chosen
    throw bad(`${name}: ${key} is a number from ${min} to ${max}, not ${String(chosen)}.`)
  }
  const yearMs = 365 * 86_400_000
  const ms = (key: string, value: number | undefined, fallback: number, min = 0) =>
    number(key, value, fallback, min, yearMs)
  const limits = (
    key: string,
    given: Partial<TierLimits> | false | undefined,
    entries: number,
    ttl: number,
  ): TierLimits | undefined =>
    given === false
      ? undefined
      : {
          maxEntries: number(`${key}.maxEntries`, given?.maxEntries, entries, 1, 10_000_000),
          ttlMs: ms(`${key}.ttlMs`, given?.ttlMs, ttl, 1),
        }
  const ttlMs = ms('ttlMs', options.ttlMs, 300_000, 1)
  const softTimeoutMs = ms('softTimeoutMs', options.softTimeoutMs, 0)
  const hardTimeoutMs = ms('hardTimeoutMs', options.hardTimeoutMs, 10_000, 1)
  if (softTimeoutMs > hardTimeoutMs)
    throw bad(`${name}: softTimeoutMs (${softTimeoutMs}) is longer than hardTimeoutMs (${hardTimeoutMs}).`)
  if (options.kind === 'strict' && options.boundMs !== undefined)
    throw bad(`${name}: boundMs is for bounded namespaces; a strict one has none.`)
  return Object.freeze({
    name,
    ttlMs,
    strict: options.kind === 'strict',
    boundMs: options.kind === 'strict' ? 0 : ms('boundMs', options.boundMs, 1_000),
    staleWhileRevalidateMs: ms('staleWhileRevalidateMs', options.staleWhileRevalidateMs, 0),
    staleIfErrorMs: ms('staleIfErrorMs', options.staleIfErrorMs, 0),
    softTimeoutMs,
    hardTimeoutMs,
    negativeTtlMs: Math.min(ttlMs, ms('negativeTtlMs', options.negativeTtlMs, 5_000)),
    jitter: number('jitter', options.jitter, 0.1, 0, 0.5),
    earlyRefresh: number('earlyRefresh', options.earlyRefresh, 1, 0, 100),
    values: options.values ?? 'frozen',
    schema: options.schema ?? '1',
    memory: {
      maxEntries: number('memory.maxEntries', options.memory?.maxEntries, 100, 0, 10_000_000),
      ttlMs: ms('memory.ttlMs', options.memory?.ttlMs, 300_000, 1),
      maxBytes: number('memory.maxBytes', options.memory?.maxBytes, 16 * 2 ** 20, 1_024, 2 ** 40),
    },
    machine: limits('machine', options.machine, 500, 1_800_000),
    far: limits('far', options.far, 1_000, 3_600_000),
    singleFlight: options.singleFlight ?? 'machine',
    leaseMs: ms('leaseMs', options.leaseMs, 10_000, 100),
    tags: options.tags,
    load: options.load,
  })
}

function bad(message: string): CacheError {
  return new CacheError('CACHE_ERR_OPTION', message)
}
