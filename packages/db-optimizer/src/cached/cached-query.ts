// Runs a query by way of the cache: known what it reads ──► key ──► cache ──► the database, if it's a miss.
//
//     refused   writes, locks, cursors, COPY, volatile functions of one's own, inside a transaction      DB_ERR_UNSUPPORTED with the reason
//     bypassed  without tags by hand, and nothing is known that would be sound                           runs as it stands; published
//     cached    the rest
//
// What a statement reads is asked once per text, outside the statement's own time limit; whoever needs it meanwhile waits for the same answer.
//
// Invariants
// * Tags are known before the load begins: the cache can see a write that comes in between.
// * The load has its own signal. The first caller's would end it for all who wait.
import type { AsyncLocalStorage } from 'node:async_hooks'
import { channels } from '../channels.ts'
import type { PostgresDriver } from '../driver/postgres-driver.ts'
import { aborted } from '../driver/slot-failure.ts'
import { writtenStatement, type WrittenStatement } from '../driver/written-statement.ts'
import { DbError } from '../errors.ts'
import { checkTags, MAX_TIMEOUT_MS, type QueryOptions, type QueryRunner, type RunnableQuery } from '../sql/query.ts'
import { RowsWithCount, storedRows, type CachedRows } from './cached-rows.ts'
import type { Dependencies } from './dependencies.ts'
import type { Known, KnownStatements } from './known-statements.ts'
import { isSteadyMoment } from './moments.ts'
import type { CachedStatement, QueryCache, StoredRows } from './query-cache.ts'
import { statementKey } from './statement-key.ts'
import { beginsAsRead, mayWriteByWords } from './utility-statements.ts'

/** How rows are cached. */
export interface CachedOptions {
  /** How long they may be served, in milliseconds; whole, 1 and more. Default: as the cache thinks right. */
  readonly ttlMs?: number
  /** What they're invalidated by, instead of the tables that would be found: your word. Needed where those can't be known. */
  readonly tags?: readonly string[]
}

/** A query whose rows may come from the cache. */
export interface CachedQuery<Rows extends readonly unknown[]> extends Promise<CachedRows<Rows>> {
  /** As of other queries, for the statement on a miss; `signal` also leaves while the cache works. @throws DB_ERR_OPTION */
  with(options: QueryOptions): this
  cancel(): void
}

export interface CachedTools {
  readonly cache: QueryCache | undefined
  /** Undefined: nothing is found out, only tags by hand count. */
  readonly known: KnownStatements | undefined
  /** Server, role, settings and epoch. */
  readonly origin: string
  /** Runs statements on the database. */
  readonly runner: QueryRunner
  readonly driver: PostgresDriver
  /** Holds something inside a transaction. */
  readonly inside: AsyncLocalStorage<true>
  /** The same query, to be run by another. */
  readonly copy: (runner: QueryRunner, query: RunnableQuery) => RunnableQuery
}

/** For all cached queries of a database. */
export class CachedQueries {
  readonly #tools: CachedTools
  readonly #rows = new RowsWithCount()

  constructor(tools: CachedTools) {
    this.#tools = tools
  }

  /** What runs queries with these options. @throws DB_ERR_OPTION */
  runner(options: CachedOptions): QueryRunner {
    checkCachedOptions(options)
    return {
      start: query => void this.#start(query, options),
      rows: () => {
        throw refused('cursor() gives rows one after the other, and keeps none')
      },
      copyOut: () => Promise.reject(refused('COPY is no query')),
      copyIn: () => Promise.reject(refused('COPY is no query')),
    }
  }

  async #start(query: RunnableQuery, options: CachedOptions): Promise<void> {
    let rows: StoredRows | undefined
    try {
      this.#check(query)
      rows = await this.#rowsOf(query, options)
    } catch (error) {
      query.onCancel = undefined
      const { signal, name } = query.settings
      const left = signal?.aborted === true && !(error instanceof DbError)
      query.reject(left ? aborted(labelOf(name), 'not-executed', { statementName: name, waitedMs: 0, signal }) : error)
      return
    }
    query.onCancel = undefined
    if (rows === undefined) this.#tools.runner.start(query)
    else query.resolve(this.#rows.of(rows))
  }

  /** What's refused whether or not there's a cache. */
  #check(query: RunnableQuery): void {
    if (this.#tools.inside.getStore() !== undefined) {
      throw refused(
        "it's inside a transaction, whose writes the cache doesn't see: use the transaction's own statements",
      )
    }
    if (query.forEachFn !== undefined || query.cursorFn !== undefined) throw refused('its rows go to a function')
    if (query.onlyDescribe === true) throw refused('describe() gives no rows')
    if (query.isRaw !== undefined && query.isRaw !== false) throw refused('raw() and values() give no plain rows')
    if (query.settings.invalidates !== undefined) throw refused('it says that it invalidates something')
  }

  /** Undefined: it runs as it stands. */
  async #rowsOf(query: RunnableQuery, options: CachedOptions): Promise<StoredRows | undefined> {
    const { cache } = this.#tools
    const { name, signal } = query.settings
    if (query.cancelRequested || signal?.aborted === true) {
      throw aborted(labelOf(name), 'not-executed', { statementName: name, waitedMs: 0, signal })
    }
    const statement = this.#written(query)
    // The driver refuses it, with the error that any query gets.
    if (statement === undefined) return undefined
    const known = cache === undefined ? undefined : await this.#knownOf(query, statement)
    if (known === undefined || !known.analysed) this.#checkWords(statement.text)
    if (cache === undefined) return undefined
    const tags = tagsOf(statement, options.tags ?? [], known)
    const key = typeof tags === 'string' ? undefined : statementKey(this.#tools.origin, statement)
    if (typeof tags === 'string' || key === undefined) {
      const reason = typeof tags === 'string' ? tags : 'a parameter cannot be compared by its contents'
      channels.cacheBypassed.publish({ name, text: statement.text, reason })
      return undefined
    }
    const { ttlMs } = options
    const cached: CachedStatement = ttlMs === undefined ? { key, tags } : { key, tags, ttlMs }
    return this.#orCancelled(
      query,
      cache.getOrLoad(cached, loadSignal => this.#load(query, loadSignal), signal),
    )
  }

  async #load(query: RunnableQuery, signal: AbortSignal): Promise<StoredRows> {
    const copy = this.#tools.copy(this.#tools.runner, query)
    // It's a read, as far as anybody knows: not to be looked into once more as what may have written.
    copy.settings = { ...query.settings, signal, idempotent: true, invalidates: [] }
    return storedRows((await copy) as readonly object[])
  }

  /** What's known of it; waits for the answer as long as the caller stays. */
  #knownOf(query: RunnableQuery, statement: WrittenStatement): Known | Promise<Known> | undefined {
    const { known } = this.#tools
    if (known === undefined) return undefined
    return known.peek(statement) ?? this.#orCancelled(query, known.find(statement))
  }

  /** Cancelled, or its signal aborted: the caller leaves at once, and what is under way goes on for the others. */
  #orCancelled<Value>(query: RunnableQuery, work: Promise<Value>): Promise<Value> {
    const { signal, name } = query.settings
    return new Promise((resolve, reject) => {
      const leave = (): void =>
        reject(aborted(labelOf(name), 'not-executed', { statementName: name, waitedMs: 0, signal }))
      query.onCancel = leave
      signal?.addEventListener('abort', leave, { once: true })
      work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave))
    })
  }

  #written(query: RunnableQuery): WrittenStatement | undefined {
    try {
      return writtenStatement(this.#tools.driver, query)
    } catch {
      return undefined
    }
  }

  #checkWords(text: string): void {
    if (!beginsAsRead(text)) throw refused('it is not one statement that reads')
    if (mayWriteByWords(text)) throw refused('it may write or lock')
  }
}

/** The tags, or why there are none. @throws DB_ERR_UNSUPPORTED */
function tagsOf(
  statement: WrittenStatement,
  byHand: readonly string[],
  known: Dependencies | undefined,
): readonly string[] | string {
  const read = known?.read
  if (read?.kind === 'refused') throw refused(read.reason)
  if (byHand.length > 0) return byHand
  if (read === undefined) return 'it has no tags, and `cache.automatic` is off'
  if (read.kind === 'by-hand') return read.reason
  const steady = read.moments.every(index => isSteadyMoment(statement.parameters[index]))
  return steady ? read.tags : 'a date among its parameters may be a moment that moves'
}

/** @throws DB_ERR_OPTION */
export function checkCachedOptions(options: CachedOptions): void {
  for (const key of Object.keys(options)) {
    if (key !== 'ttlMs' && key !== 'tags') {
      throw new DbError('DB_ERR_OPTION', `sql.cached has no option "${key}"; it has ttlMs and tags.`)
    }
  }
  const { ttlMs, tags } = options
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= MAX_TIMEOUT_MS)) {
    throw new DbError('DB_ERR_OPTION', `ttlMs is ${ttlMs}; it's a whole number of ms from 1 to ${MAX_TIMEOUT_MS}.`)
  }
  if (tags !== undefined) checkTags('tags', tags)
}

function refused(reason: string): DbError {
  return new DbError('DB_ERR_UNSUPPORTED', `This can't be cached: ${reason}.`)
}

function labelOf(name: string | undefined): string {
  return name === undefined ? 'The statement' : `The statement "${name}"`
}
