// What one transaction writes: the texts of its statements while it runs, their tags before it commits.
//
// All attempts of a transaction share it; tags of one that was undone, or of a savepoint that was, are told needlessly and do no harm.
import type { DbError } from '../errors.ts'
import type { QueryOptions } from '../sql/query.ts'
import type { Sql } from '../sql/sql.ts'
import { dependenciesByWords, type StatementText } from './dependencies.ts'
import type { Analyse, KnownStatements } from './known-statements.ts'
import { ANY_TABLE, type QueryCache } from './query-cache.ts'
import { changesNames } from './utility-statements.ts'
import type { WriteWatcher } from './write-watcher.ts'

export interface TransactionWritesTools {
  readonly cache: QueryCache
  readonly known: KnownStatements
  readonly automatic: boolean
  readonly tracker: {
    tell(
      tags: readonly string[],
      how: { readonly unknown: boolean; readonly position?: number | undefined },
    ): Promise<void> | undefined
    schemaChanged(): void
  }
}

/** Statements of one transaction that are told apart; with more, everything counts as written. */
const MAX_TEXTS = 1000

export class TransactionWrites implements WriteWatcher {
  readonly #tools: TransactionWritesTools
  readonly #tags = new Set<string>()
  readonly #texts = new Map<string, StatementText>()
  #changesSchema = false
  #changesNames = false
  #position: number | undefined
  #anyUnknown = false

  constructor(tools: TransactionWritesTools) {
    this.#tools = tools
  }

  /** There's something to find out, or to make durable, before the commit. */
  get needsMore(): boolean {
    return this.#texts.size > 0 || this.#changesNames || (this.#tags.size > 0 && this.#tools.cache.record !== undefined)
  }

  executed(statement: StatementText, settings: QueryOptions, error: DbError | undefined): undefined {
    // What failed inside a transaction is undone with its savepoint, or with all of it.
    if (error !== undefined) return undefined
    if (settings.invalidates !== undefined) this.add(settings.invalidates)
    else if (this.#tools.automatic) this.#note(statement)
    return undefined
  }

  add(tags: readonly string[]): void {
    for (const tag of tags) this.#tags.add(tag)
  }

  /** An attempt's outcome could not be known. */
  isUnknown(): void {
    this.#anyUnknown = true
  }

  /**
   * Turns texts into tags, and makes them durable.
   * @param analyse - asks on the transaction's connection
   * @param tx - runs on it; undefined when nothing may be written there
   * @throws what `record` throws
   */
  async beforeCommit(analyse: Analyse, tx: Sql | undefined): Promise<void> {
    const { known, cache } = this.#tools
    const statements = [...this.#texts.values()]
    this.#texts.clear()
    for (const { text } of statements) {
      this.#changesSchema ||= dependenciesByWords(text)?.changesSchema === true
      this.#changesNames ||= changesNames(text)
    }
    // The same names may have meant other tables: nobody can tell which any more, and nothing of it may be remembered.
    if (this.#changesNames) this.add([ANY_TABLE])
    else {
      for (const statement of statements) {
        // What is so by a change of the schema that isn't committed yet isn't so for others.
        const { writes } = known.peek(statement) ?? (await known.learn(statement, analyse, !this.#changesSchema))
        this.add(writes)
      }
    }
    this.#position = undefined
    if (this.#tags.size === 0 || tx === undefined || cache.record === undefined) return
    this.#position = await cache.record(tx, [...this.#tags])
  }

  /** It's committed, or (unknown) may be. Never rejects. */
  async over(unknown: boolean): Promise<void> {
    if (this.#changesSchema) this.#tools.tracker.schemaChanged()
    // The place of a transaction that may not be there is of no use: the cache makes the tags durable itself.
    const position = unknown ? undefined : this.#position
    await this.#tools.tracker.tell([...this.#tags], { unknown: unknown || this.#anyUnknown, position })
  }

  #note(statement: StatementText): void {
    const known = this.#tools.known.peek(statement)
    if (known !== undefined) {
      if (known.changesSchema) this.#changesSchema = true
      if (known.changesNames) this.#changesNames = true
      this.add(known.writes)
    } else if (this.#texts.size < MAX_TEXTS) {
      this.#texts.set(`${statement.types.join()} ${statement.text}`, statement)
    } else {
      this.add([ANY_TABLE])
    }
  }
}
