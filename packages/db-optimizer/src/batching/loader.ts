// Keyed reads that come one by one and leave as one statement.
//
// An entry is one key that's wanted; its states:
//     waiting    in the map, may be joined by others that want the same key
//     sent       part of a batch in flight; who asks for the key now starts a new entry, since the batch may have been read before a write that they know of
//     gone       answered, failed, or all who wanted it have left
//
// Invariants
// * A key stands in a batch once, and nobody gets another key's row: rows are matched by the canonical form of their key, never by position.
// * A failed batch fails those that wait for it, and nobody else.
// * Who leaves (signal, time-out) takes nothing from the others; a batch is aborted only when all have left it.
// * There's no cache: every `load` is answered by a statement that began after it.
// * The batch runs in the async context in which the loader was made, never in that of whoever happened to come first; callers go on in their own.
import { AsyncLocalStorage } from 'node:async_hooks'
import { DbError } from '../errors.ts'
import { BatchGate } from './batch-gate.ts'
import { wholeNumber } from './batch-options.ts'
import { canonicalKey, type Canonical, type KeyForm } from './canonical-key.ts'
import { Waiter, type WaitOptions } from './waiter.ts'

export interface LoaderOptions<Key, Row> {
  /** Fetches the rows for these keys, in any order; has to stop early when the signal is aborted. */
  readonly run: (keys: readonly Key[], context: { readonly signal: AbortSignal }) => Promise<readonly Row[]>
  /** The key of a row, in any shape that the form reads. */
  readonly keyOf: (row: Row) => Key
  /** What keys look like; see canonical-key.ts. */
  readonly keyForm: KeyForm | readonly KeyForm[]
  /** Most keys per statement, 1-1000. Default 50. */
  readonly maxKeys?: number
  /** Below so many statements in flight a load waits only for the end of the turn, 1-64. Default 2. */
  readonly openBelow?: number
  /** Most statements in flight, at least `openBelow`, up to 256. Default 8. */
  readonly maxInFlight?: number
  /** Most keys that may wait; more are refused with DB_ERR_POOL_BUSY. 1 to 1,000,000. Default 10,000. */
  readonly maxWaitingKeys?: number
  /** Called in each caller's context; throws where loads aren't allowed. `refuseInside` makes one. */
  readonly admit?: () => void
  /** Calls back at the end of the turn. Default `setImmediate`. */
  readonly schedule?: (callback: () => void) => void
}

/** Counts since the loader was made. */
export interface LoaderStatistics {
  readonly loads: number
  /** Loads that joined a key that waited already. */
  readonly joined: number
  readonly batches: number
  readonly failedBatches: number
  /** Batches that were aborted because nobody waited for them any more. */
  readonly abandonedBatches: number
  readonly keys: number
  /** Keys without a row. */
  readonly missing: number
  /** Rows that nobody asked for: `keyOf` or the key form doesn't fit the statement. */
  readonly strayRows: number
  readonly waiting: number
  readonly inFlight: number
}

export interface Loader<Key, Value> {
  /**
   * The value for a key. Those who wait for the same key get the same object: don't change it.
   * @throws DB_ERR_PARAMETER for what is no key, DB_ERR_POOL_BUSY, DB_ERR_ABORTED, DB_ERR_TIMEOUT, and what the batch failed with
   */
  load(key: Key, options?: WaitOptions): Promise<Value>
  /** The values in the order of the keys; fails with the first of them that fails. */
  loadMany(keys: readonly Key[], options?: WaitOptions): Promise<Value[]>
  statistics(): LoaderStatistics
}

/** One row per key, or null. More than one row for a key is an error for those who wait for that key. */
export function createLoader<Key, Row>(options: LoaderOptions<Key, Row>): Loader<Key, Row | null> {
  return new KeyedLoader<Key, Row, Row | null>(options, (rows: readonly Row[] | undefined) => {
    if (rows === undefined) return null
    if (rows.length === 1) return rows[0] as Row
    throw new DbError(
      'DB_ERR_OPTION',
      `A key has ${rows.length} rows where one is expected: use the loader for many rows.`,
    )
  })
}

/** All rows of a key, in the order in which they came; none: an empty list. */
export function createManyLoader<Key, Row>(options: LoaderOptions<Key, Row>): Loader<Key, readonly Row[]> {
  return new KeyedLoader<Key, Row, readonly Row[]>(options, rows => rows ?? [])
}

interface Entry<Key, Value> {
  readonly key: Key
  readonly canonical: string
  readonly waiters: Waiter<Value>[]
  /** Those who haven't left. */
  present: number
  batch: Batch | null
}

interface Batch {
  readonly controller: AbortController
  /** Entries that somebody still waits for. */
  wanted: number
}

class KeyedLoader<Key, Row, Value> implements Loader<Key, Value> {
  readonly #options: LoaderOptions<Key, Row>
  readonly #valueOf: (rows: readonly Row[] | undefined) => Value
  readonly #canonical: Canonical
  readonly #maxKeys: number
  readonly #maxWaitingKeys: number
  readonly #gate: BatchGate
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #waiting = new Map<string, Entry<Key, Value>>()
  readonly #counts = {
    loads: 0,
    joined: 0,
    batches: 0,
    failedBatches: 0,
    abandonedBatches: 0,
    keys: 0,
    missing: 0,
    strayRows: 0,
  }

  constructor(options: LoaderOptions<Key, Row>, valueOf: (rows: readonly Row[] | undefined) => Value) {
    this.#options = options
    this.#valueOf = valueOf
    this.#canonical = canonicalKey(options.keyForm)
    this.#maxKeys = wholeNumber('maxKeys', options.maxKeys, { default: 50, least: 1, most: 1000, unit: 'keys' })
    this.#maxWaitingKeys = wholeNumber('maxWaitingKeys', options.maxWaitingKeys, {
      default: 10_000,
      least: 1,
      most: 1_000_000,
      unit: 'keys',
    })
    const openBelow = wholeNumber('openBelow', options.openBelow, {
      default: 2,
      least: 1,
      most: 64,
      unit: 'statements',
    })
    const maxInFlight = wholeNumber('maxInFlight', options.maxInFlight, {
      default: Math.max(8, openBelow),
      least: openBelow,
      most: 256,
      unit: 'statements',
    })
    const schedule: (callback: () => void) => void = options.schedule ?? setImmediate
    this.#gate = new BatchGate(
      { maxSize: this.#maxKeys, openBelow, maxInFlight },
      {
        waiting: () => this.#waiting.size,
        start: () => this.#start(),
        schedule: callback => this.#outside(schedule, callback),
      },
    )
  }

  load(key: Key, options: WaitOptions = {}): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#options.admit?.()
      this.#counts.loads += 1
      const canonical = this.#canonical(key)
      const found = this.#waiting.get(canonical)
      if (found !== undefined) this.#counts.joined += 1
      else if (this.#waiting.size >= this.#maxWaitingKeys) throw tooMany(this.#waiting.size)
      const entry = found ?? { key, canonical, waiters: [], present: 0, batch: null }
      const waiter = new Waiter<Value>(resolve, reject)
      if (!waiter.watch(options, 'A keyed read', () => this.#left(entry))) return
      entry.waiters.push(waiter)
      entry.present += 1
      if (found !== undefined) return
      this.#waiting.set(canonical, entry)
      this.#gate.added()
    })
  }

  loadMany(keys: readonly Key[], options: WaitOptions = {}): Promise<Value[]> {
    return Promise.all(keys.map(key => this.load(key, options)))
  }

  statistics(): LoaderStatistics {
    return { ...this.#counts, waiting: this.#waiting.size, inFlight: this.#gate.inFlight }
  }

  #left(entry: Entry<Key, Value>): 'not-executed' | 'rolled-back' {
    entry.present -= 1
    const { batch } = entry
    if (entry.present > 0) return batch === null ? 'not-executed' : 'rolled-back'
    if (batch === null) {
      this.#waiting.delete(entry.canonical)
      return 'not-executed'
    }
    batch.wanted -= 1
    if (batch.wanted === 0) {
      this.#counts.abandonedBatches += 1
      batch.controller.abort()
    }
    return 'rolled-back'
  }

  #start(): boolean {
    const entries: Entry<Key, Value>[] = []
    for (const entry of this.#waiting.values()) {
      if (entries.length === this.#maxKeys) break
      entries.push(entry)
    }
    if (entries.length === 0) return false
    const batch: Batch = { controller: new AbortController(), wanted: entries.length }
    for (const entry of entries) {
      this.#waiting.delete(entry.canonical)
      entry.batch = batch
    }
    this.#counts.batches += 1
    this.#counts.keys += entries.length
    void this.#outside(() => this.#send(entries, batch))
    return true
  }

  async #send(entries: readonly Entry<Key, Value>[], batch: Batch): Promise<void> {
    try {
      const rows = await this.#options.run(
        entries.map(entry => entry.key),
        { signal: batch.controller.signal },
      )
      const byKey = this.#group(rows, entries)
      for (const entry of entries) this.#answer(entry, byKey.get(entry.canonical))
    } catch (error) {
      if (batch.wanted > 0) this.#counts.failedBatches += 1
      for (const entry of entries) for (const waiter of entry.waiters) waiter.fail(error)
    } finally {
      this.#gate.ended()
    }
  }

  #group(rows: readonly Row[], entries: readonly Entry<Key, Value>[]): Map<string, Row[]> {
    const asked = new Set(entries.map(entry => entry.canonical))
    const byKey = new Map<string, Row[]>()
    for (const row of rows) {
      const canonical = this.#canonical(this.#options.keyOf(row))
      const found = byKey.get(canonical)
      if (found !== undefined) found.push(row)
      else if (asked.has(canonical)) byKey.set(canonical, [row])
      else this.#counts.strayRows += 1
    }
    return byKey
  }

  #answer(entry: Entry<Key, Value>, rows: readonly Row[] | undefined): void {
    if (rows === undefined) this.#counts.missing += 1
    try {
      const value = this.#valueOf(rows)
      for (const waiter of entry.waiters) waiter.answer(value)
    } catch (error) {
      for (const waiter of entry.waiters) waiter.fail(error)
    }
  }
}

function tooMany(waiting: number): DbError {
  return new DbError(
    'DB_ERR_POOL_BUSY',
    `${waiting} keys wait already to be read; the database doesn't keep up, or \`maxWaitingKeys\` is too small.`,
  )
}
