// A query as users of postgres.js write it: a template that runs when it's awaited, and a fragment wherever it's embedded.
//
// It's an object of the driver's own class, so that fragments, helpers and modifiers work as they always did; what runs it is ours (run-query.ts). Each run makes
// a copy on the connection that was lent, so the object itself never touches one.
import type postgres from 'postgres'
import type { DriverQuery, DriverQueryClass } from '../driver/postgres-driver.ts'
import { DbError } from '../errors.ts'
import { PRIORITIES, type Priority } from '../pool/wait-queue.ts'

/** How a query is run. */
export interface QueryOptions {
  /** Stable and bounded, `resource.method`: the label in logs and metrics. */
  readonly name?: string
  /** Who waits for a connection before whom. Default normal. */
  readonly priority?: Priority
  /** From the call to the answer, waiting included, in milliseconds; then it's cancelled. Default: the pool's command time-out. */
  readonly timeoutMs?: number
  /** Leaves the queue, or cancels what runs; the promise settles when the server has said what became of it. */
  readonly signal?: AbortSignal | undefined
  /** It changes nothing, or may run twice: a lost answer is then DB_ERR_CONNECTION_LOST instead of DB_ERR_OUTCOME_UNKNOWN. Default false. */
  readonly idempotent?: boolean
  /** Tags of what it writes, told to the database's cache before its promise resolves; instead of those that would be found. `[]`: nothing that is cached. */
  readonly invalidates?: readonly string[]
}

/** A query that was written and not run yet; `await` runs it. */
export interface Query<Rows extends readonly postgres.MaybeRow[]> extends postgres.PendingQuery<Rows> {
  /**
   * Says how it's run; before it's awaited.
   * @throws DB_ERR_OPTION
   */
  with(options: QueryOptions): this
}

/** What runs queries: the pool, or a transaction. */
export interface QueryRunner {
  /** Runs it and settles it; never throws. */
  start(query: RunnableQuery): void
  rows(query: RunnableQuery, batchRows: number): AsyncGenerator<unknown, void>
  copyOut(query: RunnableQuery): Promise<unknown>
  copyIn(query: RunnableQuery): Promise<unknown>
}

/** The inside of a {@link Query}. */
export interface RunnableQuery extends DriverQuery {
  settings: QueryOptions
  /** `cancel()` was called. */
  readonly cancelRequested: boolean
  /** Set while it waits or runs. */
  onCancel: (() => void) | undefined
}

export type RunnableQueryClass = new (
  runner: QueryRunner,
  strings: readonly string[],
  args: readonly unknown[],
  options?: { simple?: boolean; prepare?: boolean },
) => RunnableQuery

const NO_OPTIONS: QueryOptions = {}
const OPTION_NAMES: ReadonlySet<string> = new Set([
  'name',
  'priority',
  'timeoutMs',
  'signal',
  'idempotent',
  'invalidates',
])
/** setTimeout's own limit. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** The class of queries that go with this driver. */
export function queryClass(DriverQuery: DriverQueryClass): RunnableQueryClass {
  return class extends DriverQuery implements RunnableQuery {
    settings: QueryOptions = NO_OPTIONS
    cancelRequested = false
    onCancel: (() => void) | undefined
    readonly #runner: QueryRunner

    constructor(
      runner: QueryRunner,
      strings: readonly string[],
      args: readonly unknown[],
      options?: { simple?: boolean; prepare?: boolean },
    ) {
      super(
        strings,
        args,
        query => runner.start(query as RunnableQuery),
        query => cancel(query as this),
        options,
      )
      this.#runner = runner
    }

    with(options: QueryOptions): this {
      checkQueryOptions(options)
      this.settings = { ...this.settings, ...options }
      return this
    }

    override execute(): this {
      if (this.executed) {
        throw new DbError(
          'DB_ERR_UNSUPPORTED',
          'This query was executed already: a second execute() would do nothing. Write it again, or embed it in another.',
        )
      }
      return super.execute()
    }

    /** With a function: the driver's way. Without: batches to iterate over, and a connection that's lost in between is an error, not an end. */
    cursor(rows: number | CursorFunction = 1, fn?: CursorFunction): unknown {
      const batchRows = typeof rows === 'number' ? rows : 1
      const callback = typeof rows === 'function' ? rows : fn
      this.options.simple = false
      if (callback === undefined) return this.#runner.rows(this, batchRows)
      this.cursorRows = batchRows
      this.cursorFn = callback
      return this
    }

    override readable(): Promise<unknown> {
      return this.#runner.copyOut(this)
    }

    override writable(): Promise<unknown> {
      return this.#runner.copyIn(this)
    }
  }
}

type CursorFunction = (rows: unknown) => unknown

function cancel(query: { cancelRequested: boolean; onCancel: (() => void) | undefined }): void {
  query.cancelRequested = true
  query.onCancel?.()
}

/** @throws DB_ERR_OPTION */
export function checkQueryOptions(options: QueryOptions): void {
  for (const key of Object.keys(options)) {
    if (!OPTION_NAMES.has(key)) {
      throw new DbError('DB_ERR_OPTION', `Queries have no option "${key}"; known: ${[...OPTION_NAMES].join(', ')}.`)
    }
  }
  const { timeoutMs, priority, name, signal } = options
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw new DbError(
      'DB_ERR_OPTION',
      `timeoutMs is ${timeoutMs}; it's milliseconds, above 0 and at most ${MAX_TIMEOUT_MS}.`,
    )
  }
  if (priority !== undefined && !PRIORITIES.includes(priority)) {
    throw new DbError('DB_ERR_OPTION', `priority is ${priority as string}; it's one of ${PRIORITIES.join(', ')}.`)
  }
  if (name !== undefined && typeof name !== 'string') {
    throw new DbError('DB_ERR_OPTION', `name is a ${typeof name}; it's text.`)
  }
  if (options.invalidates !== undefined) checkTags('invalidates', options.invalidates)
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DbError('DB_ERR_OPTION', 'signal is not an AbortSignal.')
  }
}

/** @throws DB_ERR_OPTION */
export function checkTags(option: string, tags: unknown): void {
  if (Array.isArray(tags) && tags.every(tag => typeof tag === 'string' && tag !== '')) return
  throw new DbError('DB_ERR_OPTION', `${option} is a list of tags: texts that aren't empty.`)
}
