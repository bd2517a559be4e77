// The composition root of the package: namespaces over the parts that they share.
//
// What's invalidated goes the same way for all of them:
//
//     delete, set, clear, invalidateTags, invalidatePrefix ─▶ log (other machines) ─▶ machine map (other processes) ─▶ this process ─▶ acknowledged
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { channels, type ContactChanged, type Invalidated } from './channels.ts'
import { Contact } from './contact.ts'
import { CacheError } from './errors.ts'
import { type LeaseKeeper, LeaseDesk } from './lease-desk.ts'
import type { InvalidationLog } from './log/invalidation-log.ts'
import { LogFollower } from './log-follower.ts'
import { LocalMachineMap } from './machine/local-machine-map.ts'
import type { MachineMap } from './machine/machine-map.ts'
import { Namespace, type NamespaceTools } from './namespace.ts'
import { type NamespaceOptions, type NamespaceSettings, namespaceSettings } from './options.ts'
import { SharedStore } from './shared-store.ts'
import { type CacheStatistics, hitRatio } from './statistics.ts'
import { hash32 } from './stored-entry.ts'
import { EVERYTHING, type Subject, tagSubject } from './subjects.ts'
import type { LocalTier, RemoteTier } from './tiers/tier.ts'
import { CoarseClock } from './coarse-clock.ts'
import { hottestKeys, warm, type Warmed, type WarmKey, type WarmOptions } from './warming.ts'

/** The parts that a cache stands on; without any it's a cache of one process alone. */
export interface CacheParts {
  /** What the processes of this machine share. Default: nothing; then this process must be the only one that caches and changes these data. */
  readonly map?: MachineMap
  readonly machine?: LocalTier
  readonly far?: LocalTier | RemoteTier
  /** What machines tell each other. Needs a map. */
  readonly log?: InvalidationLog
  readonly clusterLeases?: LeaseKeeper
  /** What several parts stand on; closed last. */
  readonly connection?: { close(): Promise<void> }
}

export interface CacheOptions {
  /** false: nothing is kept, every answer is loaded; those who ask at the same time still share one load. Default true. */
  readonly enabled?: boolean
  /** The build whose shapes are stored: another one's entries are never read. Default ''. */
  readonly epoch?: string
  /** How often the log is looked at without a ring, in ms. Default 1,000. */
  readonly pollMs?: number
  /** Silence of the log after which other machines' invalidations count as unknown, in ms. Default 5,000. */
  readonly silenceMs?: number
  /** Errors of what runs in the background. Default: dropped; `stats()` shows their effect. */
  readonly onError?: (error: unknown) => void
}

export interface CacheTools {
  /** Monotonic ms. Default `performance`. */
  readonly clock?: { now(): number }
  readonly random?: { next(): number }
}

/** Where an invalidation already stands in the log: in the transaction of the write that it belongs to. */
export interface InvalidateOptions {
  readonly position?: number
}

export class Cache {
  readonly #namespaces = new Map<string, Namespace<never>>()
  readonly #parts: CacheParts
  readonly #map: MachineMap
  readonly #contact: Contact
  readonly #leases: LeaseDesk
  readonly #follower: LogFollower | undefined
  readonly #clock: { now(): number }
  readonly #coarseClock: { now(): number }
  readonly #random: { next(): number }
  readonly #epoch: string
  readonly #enabled: boolean
  readonly #outside = AsyncLocalStorage.snapshot()
  #closed = false

  constructor(parts: CacheParts, options: CacheOptions, tools: CacheTools) {
    if (parts.log && !parts.map)
      throw new CacheError('CACHE_ERR_OPTION', 'A log is followed by one process of a machine: it needs a map.')
    if ((parts.machine ?? parts.far) && !parts.map)
      throw new CacheError(
        'CACHE_ERR_OPTION',
        'Shared tiers hold what others load: they need a map for its invalidations.',
      )
    checkCacheOptions(options)
    this.#parts = parts
    this.#clock = tools.clock ?? performance
    // A clock that's given is cheap, or stands still: it's asked itself.
    this.#coarseClock = tools.clock ?? new CoarseClock(performance)
    this.#random = tools.random ?? { next: () => Math.random() }
    this.#epoch = options.epoch ?? ''
    this.#enabled = options.enabled ?? true
    const map = parts.map ?? new LocalMachineMap()
    this.#map = map
    this.#contact = new Contact({
      map,
      logged: parts.log !== undefined,
      silenceMs: options.silenceMs ?? 5_000,
      onChange: (inTouch, reason) => {
        const message: ContactChanged = { inTouch, reason }
        if (channels.contactChanged.hasSubscribers) channels.contactChanged.publish(message)
      },
      onNewEra: () => {
        for (const namespace of this.#namespaces.values()) namespace.forgetMemory()
      },
    })
    this.#leases = new LeaseDesk(map, parts.clusterLeases)
    this.#follower =
      parts.log &&
      new LogFollower({
        log: parts.log,
        map,
        pollMs: options.pollMs ?? 1_000,
        onError: options.onError ?? (() => undefined),
      })
  }

  /** Begins to follow the log, if there's one. Until then, and while it can't be reached, the cache is out of touch: it loads. */
  async start(): Promise<this> {
    await this.#follower?.start()
    return this
  }

  /**
   * Makes a namespace; each name once.
   * @throws CACHE_ERR_OPTION
   */
  namespace<V>(name: string, options: NamespaceOptions<V> = {}): Namespace<V> {
    if (this.#namespaces.has(name)) throw new CacheError('CACHE_ERR_OPTION', `There is a namespace "${name}" already.`)
    const kept: NamespaceOptions<V> = this.#enabled
      ? options
      : { ...options, memory: { ...options.memory, maxEntries: 0 }, machine: false, far: false }
    const settings: NamespaceSettings<V> = namespaceSettings(name, kept)
    const epochHash = hash32(`${this.#epoch}\0${name}\0${settings.schema}`)
    const tools: NamespaceTools = {
      contact: this.#contact,
      store: new SharedStore(settings, this.#tiers(), epochHash, this.#contact),
      leases: this.#leases,
      clock: this.#clock,
      coarseClock: this.#coarseClock,
      random: this.#random,
      outside: run => this.#outside(run),
      invalidate: (subjects, position) => this.#invalidate(subjects, position),
    }
    const namespace = new Namespace<V>(settings, tools)
    this.#namespaces.set(name, namespace as unknown as Namespace<never>)
    return namespace
  }

  #tiers(): { machine: LocalTier | undefined; far: LocalTier | RemoteTier | undefined } {
    return { machine: this.#parts.machine, far: this.#parts.far }
  }

  /**
   * Everything that carries one of these tags, in every namespace. Resolves when nobody whom a namespace's kind protects gets the old values any more.
   * @throws CACHE_ERR_NOT_SPREAD
   */
  invalidateTags(tags: readonly string[], options: InvalidateOptions = {}): Promise<void> {
    return this.#invalidate(
      tags.map(tag => tagSubject(tag.toWellFormed())),
      options.position,
    )
  }

  async #invalidate(subjects: readonly Subject[], logged?: number): Promise<void> {
    if (this.#closed) throw new CacheError('CACHE_ERR_CLOSED', 'The cache was closed.')
    if (subjects.length === 0) return
    const startedAtMs = this.#clock.now()
    const { log } = this.#parts
    let failure: unknown
    let position = logged
    if (log && position === undefined)
      position = await log.append(subjects).catch((error: unknown) => void (failure = error))
    try {
      await this.#map.invalidate(subjects, position)
    } catch (error) {
      failure = error
      // What others can't be told holds here at least.
      for (const namespace of this.#namespaces.values()) namespace.forgetMemory()
    }
    this.#contact.changedAtMs = this.#clock.now()
    // Nothing tells old from new while out of touch: then what this process holds goes as well.
    if (this.#contact.look(this.#clock.now()) < 0)
      for (const namespace of this.#namespaces.values()) namespace.forgetMemory()
    if (failure !== undefined)
      throw new CacheError(
        'CACHE_ERR_NOT_SPREAD',
        `The invalidation of ${subjects.length} subject(s) couldn't be told to others: ${(failure as Error).message}`,
        failure,
      )
    if (channels.invalidated.hasSubscribers) {
      const message: Invalidated = { subjects, durationMs: this.#clock.now() - startedAtMs }
      channels.invalidated.publish(message)
    }
  }

  /**
   * Everything, also in namespaces that only other processes have; or one namespace. How many bytes of this process's memory that freed.
   * @throws CACHE_ERR_NOT_SPREAD, CACHE_ERR_OPTION for a name that isn't there
   */
  async clear(name?: string): Promise<number> {
    if (name !== undefined) return this.#named(name).clear()
    await this.#invalidate([EVERYTHING])
    let freed = 0
    for (const namespace of this.#namespaces.values()) freed += namespace.forgetAll()
    return freed
  }

  #named(name: string): Namespace<never> {
    const namespace = this.#namespaces.get(name)
    if (namespace === undefined) throw new CacheError('CACHE_ERR_OPTION', `There is no namespace "${name}".`)
    return namespace
  }

  /**
   * Holds every namespace's memory in this process to a share of its budget, from 0 to 1, until it's called again: for whoever watches over the process's
   * memory. How many bytes were freed at once.
   */
  limitMemory(share: number): number {
    let freed = 0
    for (const namespace of this.#namespaces.values()) freed += namespace.limitMemory(share)
    return freed
  }

  /** Bytes that this process's tier holds, over all namespaces; estimates. */
  get memoryBytes(): number {
    let bytes = 0
    for (const namespace of this.#namespaces.values()) bytes += namespace.stats().bytes
    return bytes
  }

  /** Looks first, so that `inTouch` is of now. */
  stats(): CacheStatistics {
    this.#contact.look(this.#clock.now())
    const namespaces = Object.fromEntries(
      Array.from(this.#namespaces, ([name, namespace]) => [name, namespace.stats()] as const),
    )
    const all = Object.values(namespaces)
    const sum = (of: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0)
    return {
      namespaces,
      hitRatio: hitRatio(
        sum(one => one.hits.memory + one.hits.machine + one.hits.far),
        sum(one => one.misses),
      ),
      entries: sum(one => one.entries),
      bytes: sum(one => one.bytes),
      machine: this.#parts.machine?.state(),
      far: this.#parts.far?.state(),
      inTouch: this.#contact.inTouch,
    }
  }

  /**
   * Loads keys through their namespaces' own loaders: few at a time, and only while the event loop has time. Never rejects.
   * @param keys - those of namespaces that have no loader, or aren't there, are passed over
   */
  warm(keys: readonly WarmKey[], options: WarmOptions = {}): Promise<Warmed> {
    let last = performance.eventLoopUtilization()
    return warm(Array.from(this.#namespaces.values()), keys, options, {
      clock: this.#clock,
      utilisation: () => {
        const { utilization } = performance.eventLoopUtilization(last)
        last = performance.eventLoopUtilization()
        return utilization
      },
      pause: ms => sleep(ms, undefined, { ref: false }),
    })
  }

  /** The most used keys of this process, `count` of each namespace that has a loader of its own: what's worth warming next time. */
  hottestKeys(count: number): WarmKey[] {
    return hottestKeys(Array.from(this.#namespaces.values()), count)
  }

  /** Ends what runs in the background and closes the parts. Loads that are under way still reach who waits for them. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#follower?.close()
    const { machine, far, log, connection } = this.#parts
    for (const part of [log, far, machine, this.#map, connection]) await part?.close()
  }
}

/** For whoever opens parts first: a refusal must leave nothing open. @throws CACHE_ERR_OPTION */
export function checkCacheOptions({ pollMs, silenceMs }: CacheOptions): void {
  checkMs('pollMs', pollMs)
  checkMs('silenceMs', silenceMs)
}

function checkMs(name: string, value: number | undefined): void {
  if (value === undefined || (value >= 1 && value <= 86_400_000)) return
  throw new CacheError('CACHE_ERR_OPTION', `${name} is a number of ms from 1 to 86,400,000, not ${String(value)}.`)
}

/** Makes a cache of its parts; see `openCache` for parts made from options. */
export function createCache(parts: CacheParts = {}, options: CacheOptions = {}, tools: CacheTools = {}): Cache {
  return new Cache(parts, options, tools)
}
