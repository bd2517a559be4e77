// What each statement costs: how often, how long it waits for a connection and how long it runs, apart; rows and errors.
//
//     text as sent ──► known texts (two generations, at most 2 × maxTexts) ──► entry (normalised text, at most maxStatements)
//                          not there: normalised, once                            full: the one not used for longest is folded into `others`
//
// Invariants: nothing recorded is lost (entries + `others` = all); no text and no entry is kept beyond the bounds, whatever is sent; no value of a statement is kept.
// @hot: `record` is called for every statement.
import { DurationHistogram } from '../duration-histogram.ts'
import { normalizeSql } from './normalize-sql.ts'

export interface StatementStatisticsOptions {
  /** Statements kept apart, by normalised text. Default 500. About 4 KB each. */
  readonly maxStatements?: number
  /** Texts as sent whose normalised text is remembered, per generation. Default 1000. */
  readonly maxTexts?: number
}

/** Texts longer than this aren't remembered: each is normalised anew, by which a few of them can't fill the memory. */
const MAX_REMEMBERED_LENGTH = 8192
/** What's folded together when there are too many statements. */
export const OTHERS = '(others)'

/** One statement's figures. */
export class StatementEntry {
  /** Normalised. */
  readonly text: string
  readonly wait = new DurationHistogram()
  readonly execution = new DurationHistogram()
  rows = 0
  errors = 0
  usedAt = 0
  /** Folded into the others: what still comes for it goes there. */
  folded = false

  constructor(text: string) {
    this.text = text
  }
}

export class StatementStatistics {
  readonly #maxStatements: number
  readonly #maxTexts: number
  readonly #entries = new Map<string, StatementEntry>()
  readonly others = new StatementEntry(OTHERS)
  #young = new Map<string, StatementEntry>()
  #old = new Map<string, StatementEntry>()
  #uses = 0
  /** Statements that were folded into the others. */
  foldedTotal = 0

  constructor(options: StatementStatisticsOptions = {}) {
    this.#maxStatements = options.maxStatements ?? 500
    this.#maxTexts = options.maxTexts ?? 1000
  }

  /** Counts one execution, and gives its entry. `text` as sent; `rows` null where there's no count. */
  record(text: string, waitMs: number, executionMs: number, rows: number | null, failed: boolean): StatementEntry {
    const known = this.#young.get(text)
    const entry = known !== undefined && !known.folded ? known : this.#find(text)
    entry.usedAt = ++this.#uses
    entry.wait.record(waitMs)
    entry.execution.record(executionMs)
    if (rows !== null) entry.rows += rows
    if (failed) entry.errors += 1
    return entry
  }

  /** Statements kept apart. */
  get size(): number {
    return this.#entries.size
  }

  /** All entries, and the others if there are any. */
  *entries(): IterableIterator<StatementEntry> {
    yield* this.#entries.values()
    if (this.others.execution.count > 0) yield this.others
  }

  #find(text: string): StatementEntry {
    const old = this.#old.get(text)
    const entry = old !== undefined && !old.folded ? old : this.#entry(normalizeSql(text))
    if (text.length > MAX_REMEMBERED_LENGTH) return entry
    if (this.#young.size >= this.#maxTexts) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, entry)
    return entry
  }

  #entry(normalized: string): StatementEntry {
    const found = this.#entries.get(normalized)
    if (found !== undefined) return found
    if (this.#entries.size >= this.#maxStatements) this.#foldLeastRecent()
    const entry = new StatementEntry(normalized)
    this.#entries.set(normalized, entry)
    return entry
  }

  #foldLeastRecent(): void {
    let least: StatementEntry | undefined
    for (const entry of this.#entries.values()) if (least === undefined || entry.usedAt < least.usedAt) least = entry
    if (least === undefined) return
    this.#entries.delete(least.text)
    least.folded = true
    this.foldedTotal += 1
    this.others.wait.add(least.wait)
    this.others.execution.add(least.execution)
    this.others.rows += least.rows
    this.others.errors += least.errors
  }
}
