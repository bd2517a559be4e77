// One kind of values: the order of the tiers, who loads, and what may be served.
//
//     getOrLoad ─▶ memory ─▶ machine ─▶ (one caller per key from here on: a flight) ─▶ far ─▶ lease ─▶ number ─▶ loader ─▶ memory, machine, far
//                    │          │                                                        │                         │
//                    ▼          ▼                                                        ▼                         ▼
//                 fresh: answered. stale within its window: answered, and a flight in the background. else: whoever waits
//
// The order above is one class, which makes it long; what each step consists of is elsewhere: flight.ts, waiting.ts, lease-desk.ts, shared-store.ts, memory-tier.ts.
//
// Invariants
// * A value is kept only under the number that the machine had before its load began, and only if nothing about it was invalidated since (fill token).
// * A call never gets a value of a load that began before an invalidation which this process had to know of when the call came: it joins a flight only if the
//   flight's load hasn't begun, or nothing about it has been invalidated since.
// * A loader's error reaches who waits, and nothing of it is kept.
// * At most two loads of a key are under way in this process: the newest, and one that an invalidation has overtaken.
import { channels, type LoadFinished, type ValueUnshareable } from './channels.ts'
import type { Contact } from './contact.ts'
import { CacheError } from './errors.ts'
import { abortedError, Flight } from './flight.ts'
import { deepFreeze } from './frozen.ts'
import type { FlightLease, LeaseDesk } from './lease-desk.ts'
import { type ManyLoader, ManyLoads } from './many-loader.ts'
import { MemoryEntry, MemoryTier } from './memory-tier.ts'
import type { Loader, NamespaceSettings } from './options.ts'
import type { Found, SharedStore } from './shared-store.ts'
import { hitRatio, NamespaceCounters, type NamespaceStatistics } from './statistics.ts'
import { keySubject, namespaceSubject, prefixedSubject, prefixSubject, type Subject } from './subjects.ts'
import type { ServedFrom } from './tiers/tier.ts'
import { decodeValue, type EncodedValue, encodeValue, estimateBytes } from './value-codec.ts'
import { loadInTime, orOlder } from './waiting.ts'

/** Of one call. */
export interface CallOptions {
  /** Instead of the namespace's, in ms. */
  readonly ttlMs?: number
  /** What this value depends on: `invalidateTags` of any of them removes it, in every namespace. */
  readonly tags?: readonly string[]
  /** Stops waiting. The load itself is stopped only when nobody waits for it. */
  readonly signal?: AbortSignal
  /**
   * Told once, before the promise resolves with a value, where it was found and how long it stays fresh, in ms: below 0 when it's served past its time, or can't be
   * verified; 0 when it was loaded and may not be kept. `getMany` tells it for each value. It must not throw.
   */
  onServed?(from: ServedFrom, freshLeftMs: number): void
}

/** What a namespace needs of the cache that it's part of. */
export interface NamespaceTools {
  readonly contact: Contact
  readonly store: SharedStore
  readonly leases: LeaseDesk
  /** Monotonic ms of this process. */
  readonly clock: { now(): number }
  /** The same, read once a millisecond. */
  readonly coarseClock: { now(): number }
  readonly random: { next(): number }
  /** Runs outside of any caller's AsyncLocalStorage context. */
  readonly outside: <R>(run: () => R) => R
  invalidate(subjects: readonly Subject[], position?: number): Promise<void>
}

/** How a load is to be kept. */
interface Keeping {
  readonly ttlMs: number
  readonly tags: readonly string[]
}

// Beyond that many loading times before its end, an early refresh has a chance of 1 in 10 million.
const XFETCH_REACH = 16
const NO_TAGS: readonly string[] = []

export class Namespace<V> {
  readonly name: string
  readonly #settings: NamespaceSettings<V>
  readonly #contact: Contact
  readonly #store: SharedStore
  readonly #tools: NamespaceTools
  readonly #memory: MemoryTier<V>
  readonly #flights = new Map<string, Flight<V>>()
  readonly #counters = new NamespaceCounters()
  /** When to look at the machine's number next; a strict namespace always does. */
  #lookDueAtMs = Number.NEGATIVE_INFINITY
  readonly #copies: boolean

  constructor(settings: NamespaceSettings<V>, tools: NamespaceTools) {
    this.name = settings.name
    this.#settings = settings
    this.#contact = tools.contact
    this.#store = tools.store
    this.#tools = tools
    this.#memory = new MemoryTier(settings.memory)
    this.#copies = settings.values === 'copied'
  }

  /**
   * The value, from the nearest tier that has it, else from the loader: once, however many ask.
   * @throws CACHE_ERR_ABORTED, CACHE_ERR_LOAD_TIMEOUT, and whatever the loader throws
   * @hot
   */
  getOrLoad(key: string, load?: Loader<V>, options?: CallOptions): Promise<V> {
    const nowMs = this.#tools.clock.now()
    if (nowMs >= this.#lookDueAtMs) this.#look(nowMs)
    const entry = this.#memory.get(key)
    if (entry !== undefined && entry.checked === this.#contact.applied && nowMs < entry.refreshAtMs) {
      entry.hits++
      this.#counters.memoryHits++
      if (options?.onServed !== undefined) options.onServed('memory', this.#freshUntilMs(entry) - nowMs)
      return this.#copies ? this.#copy(entry.value) : entry.promise()
    }
    return this.#lookFurther(key, entry, nowMs, load ?? this.#settings.load, options)
  }

  /**
   * What's in this process and may be served, else undefined: never loads, never waits. Its times are late by a millisecond, and by as long as the event loop is blocked.
   * @hot
   */
  peek(key: string): V | undefined {
    const nowMs = this.#tools.coarseClock.now()
    if (nowMs >= this.#lookDueAtMs) this.#look(nowMs)
    const entry = this.#memory.get(key)
    if (entry === undefined || nowMs >= entry.freshUntilMs) return undefined
    if (entry.checked !== this.#contact.applied && !this.#mayServe(key, entry, nowMs)) return undefined
    return this.#copies ? copyOf(entry.value) : entry.value
  }

  /**
   * Several values at once; what's missing is asked of the far tier and of the loader together. Keys without a value aren't in the answer, and are remembered as
   * such for `negativeTtlMs`.
   * @throws as `getOrLoad`, when one of them does
   */
  async getMany(
    keys: readonly string[],
    load: ManyLoader<V & {}>,
    options?: CallOptions,
  ): Promise<Map<string, V & {}>> {
    const values = new Map<string, V & {}>()
    const loads = new ManyLoads<V>(load)
    const missing: Promise<void>[] = []
    for (const key of new Set(keys)) {
      const value = this.getOrLoad(key, loads.loadOne as Loader<V>, options)
      missing.push(
        value.then(loaded => {
          if (loaded !== undefined && loaded !== null) values.set(key, loaded)
        }),
      )
    }
    await Promise.all(missing)
    return values
  }

  #look(nowMs: number): void {
    this.#contact.look(nowMs)
    if (!this.#settings.strict) this.#lookDueAtMs = nowMs + this.#settings.boundMs
  }

  /** Whether what's in memory is known to be current, or was loaded within the bound; then `checked` says so. */
  #mayServe(key: string, entry: MemoryEntry<V>, nowMs: number): boolean {
    const { applied, versions } = this.#contact
    if (applied < 0) return !this.#settings.strict && this.#isWithinBound(entry.loadedAtMs, nowMs)
    if (!versions.isCurrent(entry.stamp, this.name, key, entry.tags)) return false
    entry.checked = applied
    return true
  }

  /** While out of touch: what was read then is no older than the bound, and no older than what this process itself has changed. */
  #isWithinBound(readAtMs: number, nowMs: number): boolean {
    return nowMs - readAtMs <= this.#settings.boundMs && readAtMs > this.#contact.changedAtMs
  }

  /** While out of touch: nothing that's known was said against it, but something may have been that isn't. */
  #isUnverified(key: string, entry: MemoryEntry<V>): boolean {
    const { applied, versions } = this.#contact
    if (applied >= 0 || this.#settings.strict || this.#settings.staleIfErrorMs === 0) return false
    return versions.applied < 0 || versions.isCurrent(entry.stamp, this.name, key, entry.tags)
  }

  /** Everything but a plain hit in memory. */
  #lookFurther(
    key: string,
    inMemory: MemoryEntry<V> | undefined,
    nowMs: number,
    load: Loader<V> | undefined,
    options: CallOptions | undefined,
  ): Promise<V> {
    if (load === undefined)
      return Promise.reject(
        new CacheError('CACHE_ERR_OPTION', `${this.name}: there's no loader, neither in the call nor in the options.`),
      )
    let from: ServedFrom = 'memory'
    let entry = inMemory
    let unverified: MemoryEntry<V> | undefined
    if (entry && !this.#mayServe(key, entry, nowMs)) {
      if (this.#isUnverified(key, entry)) unverified = entry
      else this.#memory.delete(key)
      entry = undefined
    }
    // Another process may have a newer one.
    if (entry === undefined || nowMs >= entry.refreshAtMs) {
      const adopted = this.#readMachine(key, nowMs)
      if (adopted && (entry === undefined || adopted.freshUntilMs > entry.freshUntilMs)) {
        if (nowMs < adopted.freshUntilMs) this.#counters.machineHits++
        entry = adopted
        from = 'machine'
        if (nowMs < adopted.refreshAtMs) return this.#give(adopted, from, nowMs, options)
      } else if (entry) this.#countMemoryHit(entry, nowMs)
    } else this.#countMemoryHit(entry, nowMs)

    if (entry && nowMs < entry.freshUntilMs) {
      if (this.#refreshesEarly(entry, nowMs)) {
        this.#counters.earlyRefreshes++
        this.#refresh(key, load, options, nowMs)
      }
      return this.#give(entry, from, nowMs, options)
    }
    if (entry && nowMs < entry.staleUntilMs) {
      this.#counters.staleServed++
      this.#refresh(key, load, options, nowMs)
      return this.#give(entry, from, nowMs, options)
    }
    // Asked for here and not before: whoever makes signals only when they're needed has made none for a hit.
    const signal = options?.signal
    if (signal?.aborted) return Promise.reject(abortedError(signal))
    const candidate = entry ?? unverified
    const older = candidate && nowMs < candidate.staleUntilMs + this.#settings.staleIfErrorMs ? candidate : undefined
    const flight = this.#flightFor(key, load, options, nowMs)
    const loaded = flight.join(signal)
    const give = (value: V) => this.#giveLoaded(value, flight, options)
    if (older === undefined) return this.#copies || options?.onServed !== undefined ? loaded.then(give) : loaded
    const waitMs = this.#patienceMs(flight, nowMs)
    return orOlder(loaded, waitMs, { loaded: give, older: () => this.#giveOlder(older, from, options) })
  }

  /** How long to wait for a load when there's something older. Whoever finds one that has taken too long already needn't find out again. */
  #patienceMs(flight: Flight<V>, nowMs: number): number | undefined {
    const { softTimeoutMs } = this.#settings
    return softTimeoutMs === 0 ? undefined : Math.max(0, softTimeoutMs - (nowMs - flight.startedAtMs))
  }

  #countMemoryHit(entry: MemoryEntry<V>, nowMs: number): void {
    if (nowMs >= entry.staleUntilMs) return
    entry.hits++
    this.#counters.memoryHits++
  }

  #give(entry: MemoryEntry<V>, from: ServedFrom, nowMs: number, options: CallOptions | undefined): Promise<V> {
    options?.onServed?.(from, this.#freshUntilMs(entry) - nowMs)
    return this.#copies ? this.#copy(entry.value) : entry.promise()
  }

  /** Of the value itself: how long it's kept in this process doesn't count. */
  #freshUntilMs(entry: MemoryEntry<V>): number {
    return entry.staleUntilMs - this.#settings.staleWhileRevalidateMs
  }

  #giveLoaded(value: V, flight: Flight<V>, options: CallOptions | undefined): V {
    // First: when it can't be copied something older may be given, and told of.
    const given = this.#copies ? copyOf(value) : value
    options?.onServed?.(flight.servedFrom, Math.max(0, flight.freshUntilMs - this.#tools.clock.now()))
    return given
  }

  /** Async, so that what can't be copied is a rejection. @throws CACHE_ERR_VALUE */
  async #copy(value: V): Promise<V> {
    return copyOf(value)
  }

  /** XFetch: the nearer the end, and the longer the load took, the likelier. */
  #refreshesEarly(entry: MemoryEntry<V>, nowMs: number): boolean {
    const { earlyRefresh } = this.#settings
    if (earlyRefresh === 0) return false
    const chance = this.#tools.random.next() || Number.MIN_VALUE
    return nowMs - entry.loadMs * earlyRefresh * Math.log(chance) >= entry.freshUntilMs
  }

  #refresh(key: string, load: Loader<V>, options: CallOptions | undefined, nowMs: number): void {
    if (!this.#flights.has(key)) this.#flightFor(key, load, options, nowMs).keep()
  }

  /** What's past its time, or can't be verified. */
  #giveOlder(older: MemoryEntry<V>, from: ServedFrom, options: CallOptions | undefined): Promise<V> {
    this.#counters.staleServed++
    options?.onServed?.(from, Math.min(-1, this.#freshUntilMs(older) - this.#tools.clock.now()))
    return this.#copies ? this.#copy(older.value) : older.promise()
  }

  #readMachine(key: string, nowMs: number): MemoryEntry<V> | undefined {
    if (!this.#store.hasMachine || this.#contact.applied < 0) return undefined
    const found = this.#store.read(key)
    return found && this.#adopt(key, found, nowMs)
  }

  /** Takes what a shared tier had into memory. */
  #adopt(key: string, found: Found, nowMs: number): MemoryEntry<V> {
    const { memory, earlyRefresh } = this.#settings
    const freshUntilMs = nowMs + Math.min(found.freshLeftMs, memory.ttlMs)
    const entry = new MemoryEntry<V>({
      value: (this.#settings.values === 'frozen' ? deepFreeze(found.value) : found.value) as V,
      tags: found.tags,
      stamp: found.stamp,
      loadedAtMs: nowMs - found.ageMs,
      refreshAtMs: freshUntilMs - found.loadMs * earlyRefresh * XFETCH_REACH,
      freshUntilMs,
      staleUntilMs: nowMs + found.staleLeftMs,
      loadMs: found.loadMs,
      bytes: found.bytes * 2 + 200,
    })
    entry.checked = this.#contact.applied
    this.#memory.set(key, entry)
    return entry
  }

  #flightFor(key: string, load: Loader<V>, options: CallOptions | undefined, nowMs: number): Flight<V> {
    const under = this.#flights.get(key)
    if (under && this.#mayJoin(key, under, options, nowMs)) {
      this.#counters.joins++
      return under
    }
    const before = under?.overtook ? under : undefined
    const keeping: Keeping = { ttlMs: options?.ttlMs ?? this.#settings.ttlMs, tags: options?.tags ?? NO_TAGS }
    const flight = this.#tools.outside(
      () =>
        new Flight<V>(nowMs, under !== undefined, async own => {
          if (before) await before.settled
          try {
            return await this.#fly(own, key, load, keeping)
          } finally {
            if (this.#flights.get(key) === own) this.#flights.delete(key)
            this.#counters.landed(own.calls, own.servedFrom)
          }
        }),
    )
    this.#flights.set(key, flight)
    return flight
  }

  #mayJoin(key: string, flight: Flight<V>, options: CallOptions | undefined, nowMs: number): boolean {
    if (flight.abandoned) return false
    const { stamp } = flight
    if (stamp === undefined) return true
    const { applied, versions } = this.#contact
    if (applied < 0) return !this.#settings.strict && this.#isWithinBound(flight.startedAtMs, nowMs)
    // Tags that follow from the value aren't known yet: then any invalidation might concern it.
    if (this.#settings.tags !== undefined) return stamp === applied
    return versions.isCurrent(stamp, this.name, key, options?.tags ?? NO_TAGS)
  }

  /** The way of one load: far tier, lease, number, loader, tiers. */
  async #fly(flight: Flight<V>, key: string, load: Loader<V>, keeping: Keeping): Promise<V> {
    const { clock } = this.#tools
    if (this.#store.hasFar && this.#contact.applied >= 0) {
      const [found] = await this.#store.readFar([key])
      // It was judged by the latest look; an invalidation that came meanwhile counts as well.
      if (found && found.freshLeftMs > 0) {
        const nowMs = clock.now()
        this.#contact.look(nowMs)
        const entry = this.#adopt(key, found, nowMs)
        if (this.#mayServe(key, entry, nowMs)) {
          flight.found('far', nowMs + found.freshLeftMs)
          return entry.value
        }
        this.#memory.delete(key)
      }
    }
    using lease = await this.#takeLease(flight, key)
    if (lease?.entry) {
      // Somebody else has just loaded it, while this load waited for its turn.
      flight.found('loaded', this.#freshUntilMs(lease.entry))
      return lease.entry.value
    }
    const startedAtMs = clock.now()
    const stamp = this.#contact.look(startedAtMs)
    const { era } = this.#contact.versions
    const { position } = this.#contact
    flight.stamp = stamp
    const value = await this.#load(flight, key, load, startedAtMs)
    // Awaited here: the lease is given back when other processes can see the value, not before.
    return await this.#keep(key, value, keeping, { stamp, era, position, startedAtMs, flight })
  }

  /** The right to load for the machine; or what another process has loaded meanwhile. */
  async #takeLease(flight: Flight<V>, key: string): Promise<FlightLease<MemoryEntry<V>> | undefined> {
    const { singleFlight, leaseMs } = this.#settings
    if (singleFlight === 'process' || !this.#store.hasAny || this.#contact.applied < 0) return undefined
    return this.#tools.leases.take(
      `${this.name}\0${key}`,
      { leaseMs, cluster: singleFlight === 'cluster' },
      flight.signal,
      async () => {
        const nowMs = this.#tools.clock.now()
        if (this.#contact.look(nowMs) < 0) return undefined
        let entry = this.#readMachine(key, nowMs)
        if (!entry && singleFlight === 'cluster') {
          const [found] = await this.#store.readFar([key])
          entry = found && this.#adopt(key, found, nowMs)
        }
        return entry && nowMs < entry.refreshAtMs ? entry : undefined
      },
      () => this.#counters.leaseWaits++,
    )
  }

  async #load(flight: Flight<V>, key: string, load: Loader<V>, startedAtMs: number): Promise<V> {
    try {
      return await loadInTime(flight, load, key, { namespace: this.name, ms: this.#settings.hardTimeoutMs })
    } catch (error) {
      const timedOut = error instanceof CacheError && error.code === 'CACHE_ERR_LOAD_TIMEOUT'
      this.#counters.loadFailures++
      if (timedOut) this.#counters.loadTimeouts++
      this.#publish(key, startedAtMs, timedOut ? 'timeout' : 'failed', error)
      throw error
    } finally {
      this.#counters.loaded(this.#tools.clock.now() - startedAtMs)
    }
  }

  /** Puts a loaded value where it belongs, unless it was overtaken; resolves with what callers get. */
  async #keep(
    key: string,
    value: V,
    keeping: Keeping,
    load: { stamp: number; era: number; position: number; startedAtMs: number; flight?: Flight<V> },
  ): Promise<V> {
    const settings = this.#settings
    const nowMs = this.#tools.clock.now()
    const given = settings.values === 'frozen' ? deepFreeze(value) : value
    const tags = [...keeping.tags, ...(settings.tags?.(value, key) ?? NO_TAGS)].map(tag => tag.toWellFormed())
    const negative = value === undefined || value === null
    const ttlMs = negative ? Math.min(keeping.ttlMs, settings.negativeTtlMs) : keeping.ttlMs
    if (ttlMs <= 0) return given
    this.#contact.look(nowMs)
    const { versions, applied } = this.#contact
    const blind = load.stamp < 0 || applied < 0
    const current = !blind && versions.era === load.era && versions.isCurrent(load.stamp, this.name, key, tags)
    if (!current && !(blind && !settings.strict)) {
      this.#counters.overtaken++
      this.#publish(key, load.startedAtMs, 'overtaken')
      return given
    }
    const loadMs = nowMs - load.startedAtMs
    const freshMs = ttlMs * (1 - settings.jitter * this.#tools.random.next())
    const encoded = this.#store.hasAny ? this.#encode(key, value) : undefined
    const freshUntilMs = nowMs + Math.min(freshMs, settings.memory.ttlMs)
    const entry = new MemoryEntry<V>({
      value: given,
      tags,
      stamp: load.stamp,
      loadedAtMs: load.startedAtMs,
      refreshAtMs: freshUntilMs - loadMs * settings.earlyRefresh * XFETCH_REACH,
      freshUntilMs,
      staleUntilMs: nowMs + freshMs + settings.staleWhileRevalidateMs,
      loadMs,
      bytes: encoded ? encoded.payload.byteLength * 2 + 200 : estimateBytes(value) + 200,
    })
    if (current) entry.checked = applied
    this.#memory.set(key, entry)
    load.flight?.found('loaded', nowMs + freshMs)
    if (encoded && current) {
      const keepMs = freshMs + settings.staleWhileRevalidateMs + settings.staleIfErrorMs
      const { stamp, position } = load
      const head = { stamp, position, tags, freshMs, staleMs: settings.staleWhileRevalidateMs, loadMs }
      await this.#store.write(key, head, encoded, keepMs)
    }
    this.#publish(key, load.startedAtMs, 'stored')
    return given
  }

  #encode(key: string, value: V): EncodedValue | undefined {
    try {
      return encodeValue(value)
    } catch (error) {
      if (!(error instanceof CacheError)) throw error
      this.#counters.unshareable++
      if (channels.valueUnshareable.hasSubscribers) {
        const message: ValueUnshareable = { namespace: this.name, key, error }
        channels.valueUnshareable.publish(message)
      }
      return undefined
    }
  }

  #publish(key: string, startedAtMs: number, result: LoadFinished['result'], error?: unknown): void {
    if (!channels.loadFinished.hasSubscribers) return
    const durationMs = this.#tools.clock.now() - startedAtMs
    const message: LoadFinished = {
      namespace: this.name,
      key,
      durationMs,
      result,
      ...(error === undefined ? {} : { error }),
    }
    channels.loadFinished.publish(message)
  }

  /**
   * Puts a value there as if it had just been loaded; what was there before is invalidated first.
   * @throws CACHE_ERR_NOT_SPREAD
   */
  async set(key: string, value: V, options: Omit<CallOptions, 'signal'> = {}): Promise<void> {
    await this.#tools.invalidate([keySubject(this.name, key)])
    const startedAtMs = this.#tools.clock.now()
    const stamp = this.#contact.look(startedAtMs)
    const keeping = { ttlMs: options.ttlMs ?? this.#settings.ttlMs, tags: options.tags ?? NO_TAGS }
    const { era } = this.#contact.versions
    await this.#keep(key, value, keeping, { stamp, era, position: this.#contact.position, startedAtMs })
  }

  /** Resolves when nobody whom the namespace's kind protects gets the old value any more. @throws CACHE_ERR_NOT_SPREAD */
  async delete(...keys: string[]): Promise<void> {
    await this.#tools.invalidate(keys.map(key => keySubject(this.name, key)))
    for (const key of keys) this.#memory.delete(key)
    this.#store.forget(keys)
  }

  /** Everything whose key begins so. @throws CACHE_ERR_NOT_SPREAD */
  async invalidatePrefix(prefix: string): Promise<void> {
    await this.#tools.invalidate([prefixSubject(this.name, prefix), prefixedSubject(this.name)])
  }

  /** Everything of this namespace; how many bytes of this process's memory that freed. @throws CACHE_ERR_NOT_SPREAD */
  async clear(): Promise<number> {
    await this.#tools.invalidate([namespaceSubject(this.name)])
    return this.forgetAll()
  }

  /** Gives the space back in every tier; that nothing of it is served any more is the invalidation's doing. */
  forgetAll(): number {
    this.#store.forgetAll()
    return this.#memory.clear()
  }

  /** Gives up what's in this process; the shared tiers keep theirs. */
  forgetMemory(): number {
    return this.#memory.clear()
  }

  /** Holds this process's tier to a part of its budget until it's called again; how many bytes were freed. */
  limitMemory(share: number): number {
    return this.#memory.limitBytes(this.#settings.memory.maxBytes * share)
  }

  /** The most used keys of this process. */
  hottest(count: number): { key: string; hits: number }[] {
    return this.#memory.hottest(count)
  }

  get loader(): Loader<V> | undefined {
    return this.#settings.load
  }

  stats(): NamespaceStatistics {
    const { memoryHits, machineHits, farHits, misses, ...rest } = this.#counters
    return {
      ...rest,
      hits: { memory: memoryHits, machine: machineHits, far: farHits },
      misses,
      hitRatio: hitRatio(memoryHits + machineHits + farHits, misses),
      evictions: { ...this.#memory.evictions },
      entries: this.#memory.size,
      bytes: this.#memory.bytes,
      loading: this.#flights.size,
    }
  }
}

/** A copy that nobody else has. */
function copyOf<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value
  const { form, payload } = encodeValue(value)
  return decodeValue(form, payload as Buffer) as V
}
