// A tier in a file that the processes of a machine have mapped: in shared memory for the machine, or on the disk, where it survives restarts.
//
//     set, delete ─▶ queue ─▶ one transaction per turn of the event loop (durable: per 25 ms): writes, then evicts what's over a limit
//     get         ─▶ one read of memory; that an entry was used is noted, and written once a minute at most, many at a time
//     sweeper     ─▶ one process of the machine, by a lease: takes out what has expired, a few rows at a time
//
// One file: the queue, the notes of use and the sweeper decide by each other's limits; what a row and a transaction consist of is in tier-row.ts and tier-store.ts.
//
// Invariants
// * No call rejects or throws; what fails costs the tier (environment.ts).
// * Each value is written in one transaction and read in one snapshot, so it's whole.
// * The file takes at most a quarter more than `mapBytes`: entries get 60 % of it, since lmdb writes what it changes into free pages; beyond it values are refused.
// @hot: get
import { randomUUID } from 'node:crypto'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { machineClock, type MachineClock } from '../machine/machine-clock.ts'
import type { LocalTier, LocalTierState, StoredBytes } from '../tiers/tier.ts'
import { Environment } from './environment.ts'
import { mapKey } from './map-key.ts'
import { fileBytes } from './native.ts'
import { bootId } from './process-identity.ts'
import { HEAD_BYTES, lifeLeftMs, namespaceKey, PIECE_BYTES, pieceKey, ROW_FORMAT, type Times } from './tier-row.ts'
import { TIER_TABLES, TierStore } from './tier-store.ts'

/** Of the rows in tier-row.ts: another one never opens these files. */
const FORMAT = 1
const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const ENTRIES_SHARE = 0.6
const MAX_FILE_FACTOR = 1.25
const MAX_VALUE_SHARE = 0.25
/** Of one transaction; what's more waits for the next turn of the event loop. */
const MAX_OPERATIONS = 64
const MAX_OPERATIONS_DURABLE = 512
const MAX_OPERATION_BYTES = 4 * MIB
const EVICTED_AT_ONCE = 256
/** Uses that are remembered in a minute; those after them aren't noted. */
const MAX_TOUCHED = 20_000
const TOUCHES_AT_ONCE = 500
const SWEPT_AT_ONCE = 200
const SWEEP_SLICES = 50
const SWEEP_LEASE_MS = 10_000
/** How long sets are refused after the map was full in spite of evicting. */
const FULL_PAUSE_MS = 1000
/** Writes of a durable tier are collected for so long: a commit waits for the disk, 0.5-1 ms on a quick one, and the event loop with it. */
const DURABLE_PAUSE_MS = 25

export interface LmdbTierOptions {
  readonly folder: string
  /** Tells tiers in one folder apart, and is the tier's name. Default `machine`, or `disk` when it's durable. */
  readonly name?: string
  /** Kept through restarts and reboots, for a folder on a disk. Default false: for shared memory. */
  readonly durable?: boolean
  /** Bytes of the file; less when the file system hasn't twice as much free. Default 64 MiB, or 256 MiB when it's durable. */
  readonly mapBytes?: number
  /** Bytes that all entries may take, keys and whole pages included. Default and at most 60 % of `mapBytes`. */
  readonly maxBytes?: number
  /** The largest value that's kept, in bytes; at most a quarter of `mapBytes`. Default 1 MiB. */
  readonly maxValueBytes?: number
  /** How often expired entries are looked for, in ms. Default 30,000. */
  readonly sweepMs?: number
  /** How often the uses of entries are written, in ms. Default 20,000. */
  readonly touchMs?: number
  /** Longest time that a check of the map may take, in ms. Default 5000. */
  readonly checkTimeoutMs?: number
  /** How often the map's files are looked at, in ms. Default 200. */
  readonly watchMs?: number
  readonly clock?: MachineClock
  /** Ms since 1970. */
  readonly wallClock?: { now(): number }
}

interface Operation {
  readonly key: string
  readonly namespaceKey: string
  /** Undefined: delete. */
  readonly bytes: Uint8Array | undefined
  readonly lifeMs: number
  readonly resolve: (kept: boolean) => void
}

/** @see LocalTier */
export class LmdbTier implements LocalTier {
  readonly name: string
  readonly #environment: Environment
  readonly #durable: boolean
  readonly #clock: MachineClock
  readonly #wallClock: { now(): number }
  readonly #boot = Number.parseInt(bootId().slice(0, 8), 16)
  readonly #maxBytes: number
  readonly #maxValueBytes: number
  readonly #namespaces = new Map<string, string>()
  readonly #limits = new Map<string, number>()
  readonly #timers: NodeJS.Timeout[]
  #store: TierStore | undefined
  #queue: Operation[] = []
  #flushing: Promise<void> | undefined
  #fullUntilMs = Number.NEGATIVE_INFINITY
  #minute = 0
  #touched = new Set<string>()
  #untold: string[] = []
  #sweptTo: string | undefined
  #sweeping = false

  constructor(options: LmdbTierOptions) {
    const durable = options.durable ?? false
    this.name = options.name ?? (durable ? 'disk' : 'machine')
    this.#durable = durable
    this.#clock = options.clock ?? machineClock()
    this.#wallClock = options.wallClock ?? Date
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
    this.#maxValueBytes = options.maxValueBytes ?? MIB
    const unique = randomUUID()
    this.#environment = new Environment({
      folder: options.folder,
      name: `tier-${this.name}`,
      format: FORMAT,
      mapBytes: options.mapBytes ?? (durable ? 256 : 64) * MIB,
      durable,
      tables: TIER_TABLES,
      ...(options.checkTimeoutMs === undefined ? {} : { checkTimeoutMs: options.checkTimeoutMs }),
      ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
      onOpen: (root, view) => {
        this.#store = new TierStore(root, view, this.#clock, unique, durable)
      },
      onClose: () => {
        this.#store = undefined
      },
    })
    this.#timers = [
      setInterval(() => void this.sweep(), options.sweepMs ?? 30_000).unref(),
      setInterval(() => this.#tellTouched(TOUCHES_AT_ONCE), options.touchMs ?? 20_000).unref(),
    ]
  }

  /** @hot */
  get(namespace: string, key: string): StoredBytes | undefined {
    const store = this.#store
    if (store === undefined) return undefined
    try {
      const entryKey = this.#entryKey(namespace, key)
      const row = store.view.getKept(store.entries, entryKey)
      if (row === undefined || row[0] !== ROW_FORMAT) return undefined
      const machineMs = this.#clock.nowMs()
      const wallMs = this.#durable ? this.#wallClock.now() : 0
      const leftMs = lifeLeftMs(
        {
          boot: row.readUInt32LE(4),
          machineMs: row.readDoubleLE(8),
          wallMs: row.readDoubleLE(16),
          lifeMs: row.readDoubleLE(24),
        },
        { boot: this.#boot, machineMs, wallMs },
        this.#durable,
      )
      if (!(leftMs > 0)) return undefined
      const length = row.readUInt32LE(32)
      const pieces = row.readUInt32LE(36)
      const bytes = pieces === 0 ? copyOf(row, length) : this.#join(store, entryKey, pieces, length)
      if (bytes === undefined) return undefined
      this.#used(entryKey, this.#durable ? wallMs : machineMs)
      return { bytes, leftMs }
    } catch (error) {
      this.#environment.failed(error)
      return undefined
    } finally {
      store.view.end()
    }
  }

  #join(store: TierStore, entryKey: string, pieces: number, length: number): Uint8Array | undefined {
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let piece = 0; piece < pieces; piece++) {
      const start = piece * PIECE_BYTES
      const part = store.view.getKept(store.chunks, pieceKey(entryKey, piece))
      if (part === undefined || part.length !== Math.min(PIECE_BYTES, length - start)) return undefined
      part.copy(bytes, start, 0, part.length)
    }
    return bytes
  }

  #used(entryKey: string, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#touched.clear()
    }
    if (this.#touched.has(entryKey) || this.#touched.size >= MAX_TOUCHED) return
    this.#touched.add(entryKey)
    this.#untold.push(entryKey)
  }

  set(namespace: string, key: string, bytes: Uint8Array, lifeMs: number): Promise<boolean> {
    const most = Math.min(this.#maxValueBytes, this.#environment.mapBytes * MAX_VALUE_SHARE, this.#budgetBytes())
    if (bytes.length > most || !(lifeMs > 0) || this.#clock.nowMs() < this.#fullUntilMs) {
      // What was there before isn't what the caller wants kept.
      return this.delete(namespace, key).then(() => false)
    }
    return this.#enqueue(namespace, key, bytes, lifeMs)
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.#enqueue(namespace, key, undefined, 0)
  }

  #enqueue(namespace: string, key: string, bytes: Uint8Array | undefined, lifeMs: number): Promise<boolean> {
    if (this.#store === undefined) return Promise.resolve(false)
    return new Promise(resolve => {
      const namespaceKey = this.#namespaceKey(namespace)
      this.#queue.push({ key: this.#entryKey(namespace, key), namespaceKey, bytes, lifeMs, resolve })
      this.#flushing ??= this.#flush()
    })
  }

  async #flush(): Promise<void> {
    try {
      // Together with what else is asked for meanwhile.
      await (this.#durable ? sleep(DURABLE_PAUSE_MS) : turn())
      while (this.#queue.length > 0) {
        this.#apply(this.#takeBatch())
        if (this.#queue.length > 0) await turn()
      }
    } finally {
      this.#flushing = undefined
    }
  }

  #takeBatch(): Operation[] {
    const most = this.#durable ? MAX_OPERATIONS_DURABLE : MAX_OPERATIONS
    let bytes = 0
    let count = 0
    while (count < this.#queue.length && count < most && (count === 0 || bytes < MAX_OPERATION_BYTES)) {
      bytes += this.#queue[count++]?.bytes?.length ?? 0
    }
    return this.#queue.splice(0, count)
  }

  #apply(batch: readonly Operation[]): void {
    let kept = this.#tryApply(batch)
    if (kept === undefined && this.#store !== undefined) {
      this.#change(store => store.evictBytes(store.totalOf().bytes * (1 - 1 / 8), EVICTED_AT_ONCE))
      kept = this.#tryApply(batch)
      if (kept === undefined) {
        this.#fullUntilMs = this.#clock.nowMs() + FULL_PAUSE_MS
        // What they replace, or take out, at least.
        kept = this.#tryApply(batch.map(operation => ({ ...operation, bytes: undefined })))
      }
    }
    for (const [index, { resolve }] of batch.entries()) resolve(kept?.[index] ?? false)
  }

  /** Which of them are kept; undefined: the transaction failed, and nothing has changed. */
  #tryApply(batch: readonly Operation[]): readonly boolean[] | undefined {
    this.#tellTouched(TOUCHES_AT_ONCE)
    return this.#change(store => {
      const now = this.#times()
      const usedMs = this.#usedMsOf(now)
      const kept = batch.map(({ key, bytes, lifeMs }) => {
        if (bytes === undefined || !this.#hasRoom(store, bytes.length)) {
          store.remove(key)
          return false
        }
        store.put(key, bytes, lifeMs, now, usedMs)
        return true
      })
      for (const name of new Set(batch.map(operation => operation.namespaceKey))) {
        const limit = this.#limits.get(name)
        if (limit !== undefined) store.evictEntries(name, limit, EVICTED_AT_ONCE)
      }
      store.evictBytes(this.#budgetBytes(), EVICTED_AT_ONCE)
      return kept
    })
  }

  /** A file that's longer than it should be has free pages that don't fit; what fits into a page or two does. */
  #hasRoom(store: TierStore, length: number): boolean {
    const maxBytes = this.#environment.mapBytes
    const bytes = fileBytes(store.root)
    if (bytes + length <= maxBytes) return true
    return bytes <= maxBytes * MAX_FILE_FACTOR
  }

  /** Undefined: it failed, or the tier isn't on. */
  #change<T>(action: (store: TierStore) => T): T | undefined {
    const store = this.#store
    if (store === undefined) return undefined
    try {
      return store.change(() => action(store))
    } catch (error) {
      this.#environment.failed(error)
      return undefined
    }
  }

  async clear(namespace?: string): Promise<void> {
    await this.#flushing
    const name = namespace === undefined ? undefined : this.#namespaceKey(namespace)
    for (;;) {
      const removed = this.#change(store => {
        const found = store.some(name, undefined, EVICTED_AT_ONCE)
        for (const { key } of found) store.remove(key)
        return found.length
      })
      if (removed === undefined || removed < EVICTED_AT_ONCE) return
      await turn()
    }
  }

  limit(namespace: string, maxEntries: number): void {
    this.#limits.set(this.#namespaceKey(namespace), maxEntries)
  }

  async shrink(maxBytes: number): Promise<number> {
    await this.#flushing
    this.#tellTouched(this.#untold.length)
    let freed = 0
    for (;;) {
      const freedNow = this.#change(store => store.evictBytes(maxBytes, EVICTED_AT_ONCE)) ?? 0
      if (freedNow === 0) return freed
      freed += freedNow
      await turn()
    }
  }

  /** Takes out what has expired, if no other process of the machine does; the sweeper's timer calls it. How many are gone. */
  async sweep(): Promise<number> {
    const store = this.#store
    if (store === undefined || this.#sweeping) return 0
    this.#sweeping = true
    let removed = 0
    try {
      const lease = store.leases.take('sweep', SWEEP_LEASE_MS)
      if (lease === undefined) return 0
      for (let slice = 0; slice < SWEEP_SLICES && this.#store === store; slice++) {
        const found = store.some(undefined, this.#sweptTo, SWEPT_AT_ONCE)
        removed += this.#removeExpired(found)
        this.#sweptTo = found.length < SWEPT_AT_ONCE ? undefined : found.at(-1)?.key
        if (this.#sweptTo === undefined) break
        await turn()
      }
      if (this.#store === store) await lease.release()
    } catch (error) {
      this.#environment.failed(error)
    } finally {
      this.#sweeping = false
    }
    return removed
  }

  #removeExpired(found: ReturnType<TierStore['some']>): number {
    const now = this.#times()
    const over = found.filter(({ row }) => !(lifeLeftMs(row, now, this.#durable) > 0))
    if (over.length === 0) return 0
    return (
      this.#change(store => {
        let removed = 0
        for (const { key } of over) {
          // It may have been stored anew since it was looked at.
          const present = store.indexOf(key)
          if (present === undefined || lifeLeftMs(present, now, this.#durable) > 0) continue
          store.remove(key)
          removed++
        }
        return removed
      }) ?? 0
    )
  }

  #tellTouched(most: number): void {
    if (this.#untold.length === 0) return
    const told = this.#untold.splice(0, most)
    const usedMs = this.#usedMsOf(this.#times())
    this.#change(store => {
      for (const key of told) store.touch(key, usedMs)
    })
  }

  state(): LocalTierState {
    const { state, reason } = this.#environment.state()
    if (this.#store === undefined) return { state, ...(reason === undefined ? {} : { reason }), entries: 0, bytes: 0 }
    try {
      const { entries, bytes } = this.#store.total()
      if (this.#clock.nowMs() >= this.#fullUntilMs) return { state, entries, bytes }
      return { state: 'degraded', reason: 'the map is full, and evicting gave no room', entries, bytes }
    } catch (error) {
      this.#environment.failed(error)
      return { ...this.#environment.state(), entries: 0, bytes: 0 }
    }
  }

  /** Resolves when the tier is on, or is known to stay off. */
  settled(): Promise<void> {
    return this.#environment.settled()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#flushing
    this.#tellTouched(this.#untold.length)
    await this.#environment.close()
  }

  #budgetBytes(): number {
    return Math.min(this.#maxBytes, this.#environment.mapBytes * ENTRIES_SHARE)
  }

  #times(): Times {
    return { boot: this.#boot, machineMs: this.#clock.nowMs(), wallMs: this.#wallClock.now() }
  }

  #usedMsOf(now: Times): number {
    return this.#durable ? now.wallMs : now.machineMs
  }

  #entryKey(namespace: string, key: string): string {
    return `${this.#namespaceKey(namespace)}\0${mapKey(key)}`
  }

  #namespaceKey(namespace: string): string {
    let name = this.#namespaces.get(namespace)
    if (name === undefined) {
      name = namespaceKey(namespace)
      this.#namespaces.set(namespace, name)
    }
    return name
  }
}

function copyOf(row: Buffer, length: number): Uint8Array | undefined {
  if (row.length !== HEAD_BYTES + length) return undefined
  const bytes = Buffer.allocUnsafe(length)
  row.copy(bytes, 0, HEAD_BYTES, HEAD_BYTES + length)
  return bytes
}
