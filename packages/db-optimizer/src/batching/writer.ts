// Rows that come one by one and are written several at once.
//
// A row's states:
//     queued       in the map under its key, behind older rows with the same key
//     in flight    part of a statement; rows with the same key that come now stay queued until it's over, so that the last one wins in the database too
//     settled      its caller knows
//
// Invariants
// * Of the queued rows with one key only the last is sent. When it's written, the older ones are settled as superseded; when it's refused as a row (`perRowErrors`), the next
//   older one is sent: what's left is what writing them one after the other would have left. A superseded row is never checked by the server.
// * A statement never has a key twice (SQLSTATE 21000), and its rows are sorted by key, so that writers on all connections and in all processes lock in the same
//   order and don't deadlock.
// * A row that was refused room was not queued.
// * Statements run on their own, never inside a transaction: see outside-transactions.ts.
import { AsyncLocalStorage } from 'node:async_hooks'
import { DbError } from '../errors.ts'
import { BatchGate } from './batch-gate.ts'
import { wholeNumber } from './batch-options.ts'
import { writeHalving } from './bisection.ts'
import { canonicalKey, type Canonical, type KeyForm } from './canonical-key.ts'
import { Waiter, type WaitOptions } from './waiter.ts'

export interface WriterOptions<Row> {
  /** Writes these rows in one statement, all or none. */
  readonly run: (rows: readonly Row[]) => Promise<unknown>
  /** The key by which a row is written: that of the statement's conflict. Default: rows have none, and each is written. */
  readonly keyOf?: (row: Row) => unknown
  /** What keys look like; see canonical-key.ts. Needed with `keyOf`. */
  readonly keyForm?: KeyForm | readonly KeyForm[]
  /** Most rows per statement, 1-1000. Default 50. */
  readonly maxRows?: number
  /** Most statements in flight, 1-64. Default 2. */
  readonly maxInFlight?: number
  /** Most rows that may wait; more are refused with DB_ERR_POOL_BUSY. 1 to 1,000,000. Default 1000. `ready()` waits for room. */
  readonly maxQueuedRows?: number
  /**
   * When a row makes a statement fail, find it by halving, write the others, and fail its caller alone. Then what's sent together is not atomic. Default false:
   * the statement fails for all.
   */
  readonly perRowErrors?: boolean
  /** Called in each caller's context; throws where writes aren't allowed. */
  readonly admit?: () => void
  /** Calls back at the end of the turn. Default `setImmediate`. */
  readonly schedule?: (callback: () => void) => void
}

/** What became of a row that was accepted. */
export interface Written {
  /** A later row with the same key was written in its stead. */
  readonly superseded: boolean
}

/** Counts since the writer was made. */
export interface WriterStatistics {
  readonly rows: number
  readonly superseded: number
  readonly statements: number
  readonly failedStatements: number
  readonly failedRows: number
  readonly queuedRows: number
  readonly inFlight: number
}

export interface Writer<Row> extends AsyncDisposable {
  /**
   * Resolves when the row, or a later one with its key, is written. Signal and time-out take a queued row back; one in flight is written nevertheless, and its
   * caller gets the outcome `unknown`.
   * @throws DB_ERR_PARAMETER for a row without a key, DB_ERR_POOL_BUSY, DB_ERR_CLOSED, DB_ERR_ABORTED, DB_ERR_TIMEOUT, and what the statement failed with
   */
  write(row: Row, options?: WaitOptions): Promise<Written>
  /** Resolves when there's room in the queue: back-pressure for producers that don't wait for each row. */
  ready(): Promise<void>
  /** Sends what's queued now and resolves when it's settled, whatever became of it. */
  flush(): Promise<void>
  /** Accepts nothing more, and flushes. */
  close(): Promise<void>
  statistics(): WriterStatistics
}

interface Version<Row> {
  readonly row: Row
  readonly waiter: Waiter<Written>
  readonly settled: Promise<unknown>
}

interface Entry<Row> {
  readonly canonical: string
  /** The last one is sent. */
  versions: Version<Row>[]
}

export function createWriter<Row>(options: WriterOptions<Row>): Writer<Row> {
  return new RowWriter(options)
}

class RowWriter<Row> implements Writer<Row> {
  readonly #options: WriterOptions<Row>
  readonly #canonical: Canonical | null
  readonly #maxRows: number
  readonly #maxQueuedRows: number
  readonly #gate: BatchGate
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #queue = new Map<string, Entry<Row>>()
  readonly #inFlightKeys = new Set<string>()
  readonly #unsettled = new Set<Version<Row>>()
  #queuedRows = 0
  #nextNumber = 0
  #closed = false
  #whenReady: (() => void)[] = []
  readonly #counts = { rows: 0, superseded: 0, statements: 0, failedStatements: 0, failedRows: 0 }

  constructor(options: WriterOptions<Row>) {
    if ((options.keyOf === undefined) !== (options.keyForm === undefined)) {
      throw new DbError('DB_ERR_OPTION', 'keyOf and keyForm go together: give both, or none.')
    }
    this.#options = options
    this.#canonical = options.keyForm === undefined ? null : canonicalKey(options.keyForm)
    this.#maxRows = wholeNumber('maxRows', options.maxRows, { default: 50, least: 1, most: 1000, unit: 'rows' })
    this.#maxQueuedRows = wholeNumber('maxQueuedRows', options.maxQueuedRows, {
      default: 1000,
      least: 1,
      most: 1_000_000,
      unit: 'rows',
    })
    const maxInFlight = wholeNumber('maxInFlight', options.maxInFlight, {
      default: 2,
      least: 1,
      most: 64,
      unit: 'statements',
    })
    const schedule: (callback: () => void) => void = options.schedule ?? setImmediate
    this.#gate = new BatchGate(
      { maxSize: this.#maxRows, openBelow: 1, maxInFlight },
      {
        waiting: () => this.#queue.size,
        start: () => this.#start(),
        schedule: callback => this.#outside(schedule, callback),
      },
    )
  }

  write(row: Row, options: WaitOptions = {}): Promise<Written> {
    const { promise, resolve, reject } = Promise.withResolvers<Written>()
    try {
      this.#accept(row, options, new Waiter<Written>(resolve, reject), promise)
    } catch (error) {
      reject(error)
    }
    return promise
  }

  ready(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve()
    return new Promise(resolve => void this.#whenReady.push(resolve))
  }

  async flush(): Promise<void> {
    const accepted = [...this.#unsettled].map(version => version.settled)
    this.#gate.release()
    await Promise.all(accepted)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#roomChanged()
    return this.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  statistics(): WriterStatistics {
    return { ...this.#counts, queuedRows: this.#queuedRows, inFlight: this.#gate.inFlight }
  }

  #accept(row: Row, options: WaitOptions, waiter: Waiter<Written>, promise: Promise<Written>): void {
    this.#options.admit?.()
    if (this.#closed) throw new DbError('DB_ERR_CLOSED', 'The writer is closed; the row was not written.')
    if (!this.#hasRoom()) throw tooMany(this.#queuedRows)
    const key = this.#options.keyOf?.(row)
    const canonical = this.#canonical === null ? String(this.#nextNumber++) : this.#canonical(key)
    // The version leaves the list whichever way its promise ends.
    const settled = promise.then(done, done)
    const version: Version<Row> = { row, waiter, settled }
    if (!waiter.watch(options, 'A row to be written', () => this.#takenBack(canonical, version))) return
    void settled.then(() => this.#unsettled.delete(version))
    this.#unsettled.add(version)
    this.#counts.rows += 1
    this.#queuedRows += 1
    const entry = this.#queue.get(canonical)
    if (entry === undefined) this.#queue.set(canonical, { canonical, versions: [version] })
    else entry.versions.push(version)
    this.#gate.added()
  }

  #takenBack(canonical: string, version: Version<Row>): 'not-executed' | 'unknown' {
    this.#counts.failedRows += 1
    const entry = this.#queue.get(canonical)
    const at = entry?.versions.indexOf(version) ?? -1
    if (entry === undefined || at < 0) return 'unknown'
    entry.versions.splice(at, 1)
    if (entry.versions.length === 0) this.#queue.delete(canonical)
    this.#queuedRows -= 1
    this.#roomChanged()
    return 'not-executed'
  }

  #start(): boolean {
    const entries: Entry<Row>[] = []
    for (const entry of this.#queue.values()) {
      if (entries.length === this.#maxRows) break
      if (!this.#inFlightKeys.has(entry.canonical)) entries.push(entry)
    }
    if (entries.length === 0) return false
    for (const entry of entries) {
      this.#queue.delete(entry.canonical)
      this.#inFlightKeys.add(entry.canonical)
      this.#queuedRows -= entry.versions.length
    }
    if (this.#canonical !== null) entries.sort(byKey)
    this.#roomChanged()
    void this.#outside(() => this.#send(entries))
    return true
  }

  async #send(entries: readonly Entry<Row>[]): Promise<void> {
    const run = async (part: readonly Entry<Row>[]): Promise<void> => {
      this.#counts.statements += 1
      try {
        await this.#options.run(part.map(lastRow))
      } catch (error) {
        this.#counts.failedStatements += 1
        throw error
      }
    }
    const failed = (part: readonly Entry<Row>[], error: unknown): void => {
      for (const entry of part) this.#fail(entry, error)
    }
    if (this.#options.perRowErrors === true) {
      await writeHalving(entries, run, { ok: part => part.forEach(entry => this.#succeed(entry)), failed })
    } else {
      await run(entries).then(
        () => entries.forEach(entry => this.#succeed(entry)),
        (error: unknown) => failed(entries, error),
      )
    }
    this.#gate.ended()
  }

  #succeed({ canonical, versions }: Entry<Row>): void {
    this.#inFlightKeys.delete(canonical)
    this.#counts.superseded += versions.length - 1
    versions.forEach(({ waiter }, at) => waiter.answer({ superseded: at < versions.length - 1 }))
  }

  #fail({ canonical, versions }: Entry<Row>, error: unknown): void {
    this.#inFlightKeys.delete(canonical)
    const older =
      this.#options.perRowErrors === true ? versions.slice(0, -1).filter(({ waiter }) => !waiter.settled) : []
    for (const version of versions) {
      if (older.includes(version) || version.waiter.settled) continue
      this.#counts.failedRows += 1
      version.waiter.fail(error)
    }
    if (older.length === 0) return
    // Behind what was refused, and before what has come since.
    const newer = this.#queue.get(canonical)
    this.#queuedRows += older.length
    if (newer === undefined) this.#queue.set(canonical, { canonical, versions: older })
    else newer.versions.unshift(...older)
  }

  #hasRoom(): boolean {
    return this.#closed || this.#queuedRows < this.#maxQueuedRows
  }

  #roomChanged(): void {
    if (this.#whenReady.length === 0 || !this.#hasRoom()) return
    const waiting = this.#whenReady
    this.#whenReady = []
    for (const resolve of waiting) resolve()
  }
}

function lastRow<Row>(entry: Entry<Row>): Row {
  return (entry.versions.at(-1) as Version<Row>).row
}

function byKey(a: { readonly canonical: string }, b: { readonly canonical: string }): number {
  return a.canonical < b.canonical ? -1 : 1
}

function done(): void {}

function tooMany(queued: number): DbError {
  return new DbError(
    'DB_ERR_POOL_BUSY',
    `${queued} rows wait already to be written; wait for \`ready()\`, or write more slowly.`,
  )
}
