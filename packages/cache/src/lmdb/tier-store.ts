// The tables of a tier and what changes them. Every method that writes is called inside one of `change`'s transactions.
//
// Invariants, at the end of each transaction
// * An entry's rows in `entries`, `chunks`, `index` and `order` are all there or all gone, and the totals are their sums.
// * `order` holds each entry once, at the time that its row in `index` tells.
import type { TransactionFlags } from 'lmdb'
import type { MachineClock } from '../machine/machine-clock.ts'
import { LeaseTable } from './lease-table.ts'
import type { ReadView, Root, Table } from './native.ts'
import {
  entryKeyOfOrderKey,
  HEAD_BYTES,
  indexBytes,
  type IndexRow,
  MAX_INLINE_BYTES,
  usedMsOfOrderKey,
  orderKey,
  PIECE_BYTES,
  pieceKey,
  readIndex,
  readTotal,
  takenBytes,
  type Times,
  type Total,
  totalBytes,
  writeHead,
} from './tier-row.ts'

const ALL = '#all'
const ORDER_VALUE = Buffer.from([1])
/** What lmdb's own `putSync` uses in an environment with overlapping syncs: visible at once, and a power cut costs the latest commits, never the map. */
const NO_SYNC_FLUSH = 0x1_0002
const DEFAULT_FLAGS = 3
const USED_STEP_MS = 60_000

/** The tables of a tier, for a check. */
export const TIER_TABLES = ['entries', 'chunks', 'index', 'order', 'totals', 'leases']

export class TierStore {
  readonly root: Root
  readonly view: ReadView
  readonly entries: Table
  readonly chunks: Table
  readonly leases: LeaseTable
  readonly #index: Table
  readonly #order: Table
  readonly #totals: Table
  readonly #flags: TransactionFlags
  /** Totals that the present transaction has changed. */
  readonly #changed = new Map<string, Total>()

  constructor(root: Root, view: ReadView, clock: MachineClock, unique: string, durable: boolean) {
    const table = (name: string): Table => root.openDB<Uint8Array, string>(name, { encoding: 'binary' })
    this.root = root
    this.view = view
    this.entries = table('entries')
    this.chunks = table('chunks')
    this.#index = table('index')
    this.#order = table('order')
    this.#totals = table('totals')
    this.leases = new LeaseTable(root, view, clock, unique)
    this.#flags = (durable ? NO_SYNC_FLUSH : DEFAULT_FLAGS) as TransactionFlags
  }

  /** One transaction: all of it, or nothing. @throws lmdb's error; nothing has changed then */
  change<T>(action: () => T): T {
    this.#changed.clear()
    return this.root.transactionSync(() => {
      const result = action()
      for (const [name, total] of this.#changed) this.#totals.putSync(name, totalBytes(total))
      return result
    }, this.#flags)
  }

  /** What all entries take together. Outside of a transaction. */
  total(): Total {
    return readTotal(this.view.get(this.#totals, ALL))
  }

  /** Inside a transaction: of a namespace by its key, or of all. */
  totalOf(name = ALL): Total {
    let total = this.#changed.get(name)
    if (total === undefined) {
      total = readTotal(this.#totals.getBinaryFast(name))
      this.#changed.set(name, total)
    }
    return total
  }

  put(entryKey: string, bytes: Uint8Array, lifeMs: number, now: Times, usedMs: number): void {
    this.remove(entryKey)
    const pieces = bytes.length > MAX_INLINE_BYTES ? Math.ceil(bytes.length / PIECE_BYTES) : 0
    const row: IndexRow = {
      boot: now.boot,
      machineMs: now.machineMs,
      wallMs: now.wallMs,
      lifeMs,
      length: bytes.length,
      pieces,
      usedMs,
      takenBytes: takenBytes(entryKey, bytes.length),
    }
    const value = Buffer.allocUnsafe(HEAD_BYTES + (pieces === 0 ? bytes.length : 0)).fill(0, 0, HEAD_BYTES)
    writeHead(value, row)
    if (pieces === 0) value.set(bytes, HEAD_BYTES)
    for (let piece = 0; piece < pieces; piece++) {
      const start = piece * PIECE_BYTES
      this.chunks.putSync(pieceKey(entryKey, piece), bytes.subarray(start, start + PIECE_BYTES))
    }
    this.entries.putSync(entryKey, value)
    this.#index.putSync(entryKey, indexBytes(row))
    this.#order.putSync(orderKey(entryKey, usedMs), ORDER_VALUE)
    this.#count(entryKey, 1, row.takenBytes)
  }

  /** What it had taken; 0: there was none. */
  remove(entryKey: string): number {
    const row = this.indexOf(entryKey)
    if (row === undefined) return 0
    for (let piece = 0; piece < row.pieces; piece++) this.chunks.removeSync(pieceKey(entryKey, piece))
    this.entries.removeSync(entryKey)
    this.#index.removeSync(entryKey)
    this.#order.removeSync(orderKey(entryKey, row.usedMs))
    this.#count(entryKey, -1, -row.takenBytes)
    return row.takenBytes
  }

  /** It was used; noted once a minute. */
  touch(entryKey: string, usedMs: number): void {
    const row = this.indexOf(entryKey)
    if (row === undefined || usedMs - row.usedMs < USED_STEP_MS) return
    this.#order.removeSync(orderKey(entryKey, row.usedMs))
    this.#order.putSync(orderKey(entryKey, usedMs), ORDER_VALUE)
    this.#index.putSync(entryKey, indexBytes({ ...row, usedMs }))
  }

  /** Takes out of a namespace what was used longest ago until it has at most `maxEntries`, or `most` are gone. */
  evictEntries(namespaceKey: string, maxEntries: number, most: number): number {
    const excess = Math.min(this.totalOf(namespaceKey).entries - maxEntries, most)
    if (excess <= 0) return 0
    let freed = 0
    for (const key of this.#oldest(namespaceKey, excess)) freed += this.remove(entryKeyOfOrderKey(key))
    return freed
  }

  /** Takes out of all namespaces what was used longest ago until all take at most `maxBytes`, or `most` are gone. The bytes that are free then. */
  evictBytes(maxBytes: number, most: number): number {
    let freed = 0
    let left = most
    const names = [...this.#totals.getKeys()].filter(name => name !== ALL)
    while (left > 0 && this.totalOf().bytes > maxBytes) {
      // The oldest of each namespace; as far as a minute after the next namespace's oldest, one namespace's can go together.
      const heads = names
        .flatMap(name => this.#oldest(name, 1))
        .toSorted((a, b) => usedMsOfOrderKey(a) - usedMsOfOrderKey(b))
      const [oldest, next] = heads
      if (oldest === undefined) break
      const untilMs = next === undefined ? Number.POSITIVE_INFINITY : usedMsOfOrderKey(next) + USED_STEP_MS
      for (const key of this.#oldest(oldest.slice(0, oldest.indexOf('\0')), left)) {
        if (usedMsOfOrderKey(key) > untilMs || this.totalOf().bytes <= maxBytes) break
        freed += this.remove(entryKeyOfOrderKey(key))
        left--
      }
    }
    return freed
  }

  #oldest(namespaceKey: string, limit: number): string[] {
    return [...this.#order.getKeys({ start: `${namespaceKey}\0`, end: `${namespaceKey}\u0001`, limit })]
  }

  /** Some entries of a namespace, or of all, after one of them. In a transaction or not. */
  some(namespaceKey: string | undefined, after: string | undefined, limit: number): { key: string; row: IndexRow }[] {
    const start = after ?? (namespaceKey === undefined ? undefined : `${namespaceKey}\0`)
    const range = this.#index.getRange({
      limit,
      ...(start === undefined ? {} : { start, exclusiveStart: after !== undefined }),
      ...(namespaceKey === undefined ? {} : { end: `${namespaceKey}\u0001` }),
    })
    const found: { key: string; row: IndexRow }[] = []
    for (const { key, value } of range) {
      const row = readIndex(value)
      if (row !== undefined) found.push({ key, row })
    }
    return found
  }

  /** Inside a transaction. */
  indexOf(entryKey: string): IndexRow | undefined {
    return readIndex(this.#index.getBinaryFast(entryKey))
  }

  #count(entryKey: string, entries: number, bytes: number): void {
    for (const total of [this.totalOf(entryKey.slice(0, entryKey.indexOf('\0'))), this.totalOf()]) {
      total.entries += entries
      total.bytes += bytes
    }
  }
}
