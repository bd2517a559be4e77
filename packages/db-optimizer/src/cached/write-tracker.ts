// Tells the cache what was written, before the writer is answered.
//
//     lone statement:  ran ──► its tags ──► cache.invalidate ──► the caller's promise
//     transaction:     each statement's text is noted ──► tags ──► [cache.record in the transaction] ──► COMMIT ──► cache.invalidate ──► the caller's promise
//
// Invariants
// * What may have been written is told: a lost answer as well as a success, and of texts that may commit in parts also an error.
// * A statement whose answer was lost may still be running: it's told at once, and once more when the server's time limit for it is over.
// * A failing cache fails no write: the write is done, and its caller has to know. It's published.
// * Without `automatic` only tags given by hand are told.
import { channels } from '../channels.ts'
import type { DbError } from '../errors.ts'
import type { QueryOptions } from '../sql/query.ts'
import { isAtomic } from '../sql/repeat-query.ts'
import type { StatementText } from './dependencies.ts'
import type { Known, KnownStatements } from './known-statements.ts'
import type { QueryCache } from './query-cache.ts'
import { TransactionWrites } from './transaction-writes.ts'
import type { WriteWatcher } from './write-watcher.ts'

export interface WriteTrackerOptions {
  /** Find out what statements write. */
  readonly automatic: boolean
  /** From a lost answer until no statement can still be running, in ms. */
  readonly lateMs: number
}

export class WriteTracker implements WriteWatcher {
  readonly #cache: QueryCache
  readonly #known: KnownStatements
  readonly #options: WriteTrackerOptions
  /** Told once more at their time. */
  readonly #late = new Map<NodeJS.Timeout, readonly string[]>()

  constructor(cache: QueryCache, known: KnownStatements, options: WriteTrackerOptions) {
    this.#cache = cache
    this.#known = known
    this.#options = options
  }

  executed(statement: StatementText, settings: QueryOptions, error: DbError | undefined): Promise<void> | undefined {
    const unknown = error?.outcome === 'unknown'
    if (error !== undefined && !unknown && (error.outcome === 'not-executed' || isAtomic(statement.text)))
      return undefined
    if (settings.invalidates !== undefined) return this.tell(settings.invalidates, { unknown })
    if (!this.#options.automatic) return undefined
    const known = this.#known.peek(statement)
    return known === undefined ? this.#findAndTell(statement, unknown) : this.#tellKnown(known, unknown)
  }

  /** What a transaction writes. */
  transaction(): TransactionWrites {
    const { automatic } = this.#options
    return new TransactionWrites({ cache: this.#cache, known: this.#known, tracker: this, automatic })
  }

  /** Never rejects. */
  tell(
    tags: readonly string[],
    { unknown, position }: { readonly unknown: boolean; readonly position?: number | undefined },
  ): Promise<void> | undefined {
    if (tags.length === 0) return undefined
    if (unknown) this.#tellLater(tags)
    return this.#invalidate(tags, position === undefined ? {} : { position })
  }

  /** Tells what was to be told later. */
  async close(): Promise<void> {
    const tags = new Set([...this.#late.values()].flat())
    for (const timer of this.#late.keys()) clearTimeout(timer)
    this.#late.clear()
    if (tags.size > 0) await this.#invalidate([...tags], {})
  }

  schemaChanged(): void {
    this.#known.forget()
  }

  async #findAndTell(statement: StatementText, unknown: boolean): Promise<void> {
    await this.#tellKnown(await this.#known.find(statement), unknown)
  }

  #tellKnown(known: Known, unknown: boolean): Promise<void> | undefined {
    if (known.changesSchema) this.schemaChanged()
    return this.tell(known.writes, { unknown })
  }

  #tellLater(tags: readonly string[]): void {
    const timer = setTimeout(() => {
      this.#late.delete(timer)
      void this.#invalidate(tags, {})
    }, this.#options.lateMs)
    timer.unref()
    this.#late.set(timer, tags)
  }

  async #invalidate(tags: readonly string[], where: { readonly position?: number }): Promise<void> {
    try {
      await this.#cache.invalidate(tags, where)
    } catch (error) {
      channels.cacheInvalidationFailed.publish({ tags, error })
    }
  }
}
