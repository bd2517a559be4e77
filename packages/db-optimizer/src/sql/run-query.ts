// Runs a query on a session: lease, run, give back, settle, in this order. The caller's promise settles after its connection went to the next.
//
// One file, since rows, cursors, COPY and streams go the same four steps and differ inside them only.
//
// @hot: no promise, closure or timer more than needed between `await sql\`...\`` and the driver; bench `database`.
import type postgres from 'postgres'
import type { WriteWatcher } from '../cached/write-watcher.ts'
import { channels } from '../channels.ts'
import { copyOnto, type DriverQuery, type PostgresDriver } from '../driver/postgres-driver.ts'
import type { Running, Slot } from '../driver/slot.ts'
import { aborted, toDbError, type FailureContext, type SlotFailure } from '../driver/slot-failure.ts'
import { DbError } from '../errors.ts'
import { openCopyIn, openCopyOut } from './copy-streams.ts'
import { cursorRows } from './cursor.ts'
import { Waiter } from '../pool/waiting-line.ts'
import type { Origins } from './origins.ts'
import type { QueryRunner, RunnableQuery } from './query.ts'
import type { Session } from './session.ts'

/** Who is told how an execution ended: the query itself, or whoever repeats it. */
export interface Settler {
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** Takes over queries that failed. */
export interface Repeat {
  /** A call begins. @hot */
  called(): void
  /** Whether it takes the failed query over, and settles it. */
  takes(query: RunnableQuery, failed: FailedExecution): boolean
}

export interface FailedExecution {
  readonly error: DbError
  readonly slot: Slot
  /** As sent; undefined when it was never built. */
  readonly text: string | undefined
  /** Milliseconds since the call, waiting included. */
  readonly elapsedMs: number
}

/** Told of each execution. @hot */
export type ObserveExecution = (query: RunnableQuery, running: Running, execution: Execution) => void

export interface Execution {
  readonly waitMs: number
  readonly executionMs: number
  readonly rows: number | null
  readonly error: DbError | undefined
}

export interface RunnerTools {
  readonly driver: PostgresDriver
  readonly origins: Origins
  readonly observe?: ObserveExecution | undefined
  /** Tells a cache what was written. */
  readonly writes?: WriteWatcher | undefined
}

/** A connection that was lent to one query. */
export interface Lease {
  readonly slot: Slot
  readonly waitedMs: number
  /** What is left of the query's time, in milliseconds. */
  readonly leftMs: number
}

export class SessionRunner implements QueryRunner {
  readonly session: Session
  readonly driver: PostgresDriver
  readonly #origins: Origins
  readonly #observe: ObserveExecution | undefined
  readonly #writes: WriteWatcher | undefined
  readonly #repeat: Repeat | undefined

  /** @param repeat makes what takes over failed queries; without it they fail */
  constructor(session: Session, tools: RunnerTools, repeat?: (runner: SessionRunner) => Repeat) {
    this.session = session
    this.driver = tools.driver
    this.#origins = tools.origins
    this.#observe = tools.observe
    this.#writes = tools.writes
    this.#repeat = repeat?.(this)
  }

  start(query: RunnableQuery): void {
    const { settings } = query
    if (query.cancelRequested || settings.signal?.aborted === true) {
      query.reject(this.#explained(query, aborted(labelOf(query), 'not-executed', contextOf(query, this.session, 0))))
      return
    }
    this.#repeat?.called()
    const slot = this.session.tryLease(settings.priority ?? 'normal')
    const timeoutMs = settings.timeoutMs ?? this.session.timeoutMs
    if (slot === undefined) this.#wait(query, timeoutMs)
    else this.#run(query, query, slot, 0, timeoutMs)
  }

  /**
   * Runs it once more, and gives what it gives.
   * @param onLeased called when it has its connection
   */
  again(
    query: RunnableQuery,
    how: { readonly timeoutMs: number; readonly avoidRoutes: ReadonlySet<string> },
    onLeased: (slot: Slot) => void,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    void this.#startLater(query, { resolve, reject }, how.timeoutMs, how.avoidRoutes, onLeased)
    return promise
  }

  rows(query: RunnableQuery, batchRows: number): AsyncGenerator<unknown, void> {
    return cursorRows(this, query, batchRows)
  }

  copyOut(query: RunnableQuery): Promise<unknown> {
    return openCopyOut(this, query)
  }

  copyIn(query: RunnableQuery): Promise<unknown> {
    return openCopyIn(this, query)
  }

  /** A connection for a query, within its time and until it's cancelled. @throws DbError */
  async lease(
    query: RunnableQuery,
    timeoutMs: number = query.settings.timeoutMs ?? this.session.timeoutMs,
    avoidRoutes?: ReadonlySet<string>,
  ): Promise<Lease> {
    const { settings } = query
    if (query.cancelRequested || settings.signal?.aborted === true) {
      throw aborted(labelOf(query), 'not-executed', contextOf(query, this.session, 0))
    }
    const sinceMs = performance.now()
    const cancelled = new AbortController()
    query.onCancel = () => cancelled.abort()
    const signal =
      settings.signal === undefined ? cancelled.signal : AbortSignal.any([settings.signal, cancelled.signal])
    try {
      const slot = await this.session.lease({
        priority: settings.priority ?? 'normal',
        timeoutMs: Math.min(this.session.acquireTimeoutMs, timeoutMs),
        signal,
        avoidRoutes,
      })
      const waitedMs = performance.now() - sinceMs
      return { slot, waitedMs, leftMs: Math.max(1, timeoutMs - waitedMs) }
    } finally {
      query.onCancel = undefined
    }
  }

  /** The error of a failed query, with the place where it was written. */
  error(query: RunnableQuery, failure: SlotFailure, waitedMs: number): DbError {
    const error = this.#explained(query, toDbError(failure, contextOf(query, this.session, waitedMs)))
    this.session.failed(error)
    return error
  }

  /** Tells subscribers that a statement has ended. Gives what has to be waited for before its caller is told; undefined for nothing. */
  finished(
    query: RunnableQuery,
    running: Running,
    slot: Slot,
    times: FinishTimes,
    error?: DbError,
    result?: unknown,
  ): Promise<void> | undefined {
    this.#publish(query, running, slot, times, error, result)
    if (this.#writes === undefined) return undefined
    const statement = running.query?.statement
    // What was never written was never sent.
    if (statement === null || statement === undefined) return undefined
    const { string: text, types = [] } = statement
    return this.#writes.executed({ text, types }, query.settings, error)
  }

  #publish(
    query: RunnableQuery,
    running: Running,
    slot: Slot,
    times: FinishTimes,
    error: DbError | undefined,
    result: unknown,
  ): void {
    const { hasSubscribers } = channels.queryFinished
    if (!hasSubscribers && this.#observe === undefined) return
    const count: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, 'count') : null
    const rows = typeof count === 'number' ? count : null
    const executionMs = performance.now() - times.startedAtMs
    this.#observe?.(query, running, { waitMs: times.waitedMs, executionMs, rows, error })
    if (!hasSubscribers) return
    channels.queryFinished.publish({
      pool: slot.poolName,
      slotId: slot.id,
      name: query.settings.name,
      text: running.text(),
      waitMs: times.waitedMs,
      executeMs: executionMs,
      rows,
      code: error?.code,
      sqlState: error?.sqlState,
      inTransaction: this.session.inTransaction,
    })
  }

  /** In line without promise, timer or signal of its own, where that can be done. */
  #wait(query: RunnableQuery, timeoutMs: number): void {
    const { session } = this
    if (query.settings.signal === undefined) {
      const waiter = new QueuedQuery(query, timeoutMs, Math.min(session.acquireTimeoutMs, timeoutMs), this.#queued)
      const line = session.enqueue(waiter)
      if (line !== undefined) {
        if (!waiter.settled) query.onCancel = () => line.leave(waiter)
        return
      }
    }
    void this.#startLater(query, query, timeoutMs)
  }

  readonly #queued: QueuedEnds = {
    granted: (query, slot, waitedMs, timeoutMs) => {
      try {
        this.#run(query, query, slot, waitedMs, timeoutMs)
      } catch (error) {
        // It would reach whoever gave the connection back.
        query.reject(error)
        slot.discard('driver-error')
      }
    },
    refused: (query, error, timeoutMs) => {
      if (this.session.sendsOn(error)) void this.#startLater(query, query, timeoutMs)
      else query.reject(this.#explained(query, error))
    },
  }

  async #startLater(
    query: RunnableQuery,
    to: Settler,
    timeoutMs: number,
    avoidRoutes?: ReadonlySet<string>,
    onLeased?: (slot: Slot) => void,
  ): Promise<void> {
    try {
      const { slot, waitedMs, leftMs } = await this.lease(query, timeoutMs, avoidRoutes)
      if (query.settings.signal?.aborted === true) {
        this.session.release(slot)
        throw aborted(labelOf(query), 'not-executed', contextOf(query, this.session, waitedMs))
      }
      onLeased?.(slot)
      this.#run(query, to, slot, waitedMs, leftMs)
    } catch (error) {
      to.reject(error instanceof DbError ? this.#explained(query, error) : error)
    }
  }

  #run(query: RunnableQuery, to: Settler, slot: Slot, waitedMs: number, timeoutMs: number): void {
    const { session } = this
    const { signal } = query.settings
    const startedAtMs = performance.now()
    const callback =
      query.forEachFn === undefined && query.cursorFn === undefined ? undefined : new Callback(query, this.driver)
    // Both settle before the server is ready for the next statement.
    if (query.onlyDescribe === true || query.cursorFn !== undefined) slot.markDirty()
    const running = slot.run(
      sql => callback?.attach(copyOnto(sql, query)) ?? copyOnto(sql, query),
      timeoutMs,
      (failure, result) => {
        query.onCancel = undefined
        signal?.removeEventListener('abort', onAbort)
        const refusal = failure === null ? session.refusal(slot, result, running.text()) : undefined
        session.release(slot)
        const error = failure === null ? refusal : this.error(query, failure, waitedMs)
        const told = this.finished(query, running, slot, { waitedMs, startedAtMs }, error, result)
        const settle = (): void => {
          if (callback?.thrown !== undefined) return to.reject(callback.thrown.error)
          if (error === undefined) return to.resolve(result)
          // Only a first execution goes straight to the query.
          if (to === query && this.#repeat !== undefined) {
            const elapsedMs = waitedMs + performance.now() - startedAtMs
            if (this.#repeat.takes(query, { error, slot, text: running.text(), elapsedMs })) return
          }
          to.reject(error)
        }
        if (told === undefined) settle()
        else void told.then(settle)
      },
    )
    const onAbort = (): void => running.stop('abort')
    query.onCancel = onAbort
    callback?.bind(running, timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  }

  #explained(query: RunnableQuery, error: DbError): DbError {
    return query.tagged ? this.#origins.explain(query.strings, error) : error
  }
}

interface QueuedEnds {
  granted(query: RunnableQuery, slot: Slot, waitedMs: number, timeoutMs: number): void
  refused(query: RunnableQuery, error: DbError, timeoutMs: number): void
}

/** A query that waits for its connection. */
class QueuedQuery extends Waiter {
  readonly #query: RunnableQuery
  readonly #timeoutMs: number
  readonly #ends: QueuedEnds

  /** @param timeoutMs for all of it, waiting included */
  constructor(query: RunnableQuery, timeoutMs: number, acquireTimeoutMs: number, ends: QueuedEnds) {
    super(query.settings.priority ?? 'normal', acquireTimeoutMs, acquireTimeoutMs)
    this.#query = query
    this.#timeoutMs = timeoutMs
    this.#ends = ends
  }

  granted(slot: Slot, waitedMs: number): void {
    this.#query.onCancel = undefined
    this.#ends.granted(this.#query, slot, waitedMs, Math.max(1, this.#timeoutMs - waitedMs))
  }

  refused(error: DbError): void {
    this.#query.onCancel = undefined
    this.#ends.refused(this.#query, error, Math.max(1, this.#timeoutMs - (performance.now() - this.sinceMs)))
  }
}

export interface FinishTimes {
  readonly waitedMs: number
  readonly startedAtMs: number
}

/** What the caller's errors say of a query. */
export function contextOf(query: RunnableQuery, session: Session, waitedMs: number): FailureContext {
  const { name, idempotent = false, signal } = query.settings
  return { statementName: name, waitedMs, inTransaction: session.inTransaction, idempotent, signal }
}

function labelOf(query: RunnableQuery): string {
  const { name } = query.settings
  return name === undefined ? 'The statement' : `The statement "${name}"`
}

/**
 * The function of `forEach` and of `cursor(rows, fn)`: what it throws ends the statement and is what the caller gets, and the time that it takes
 * doesn't count against the statement's.
 */
class Callback {
  thrown: { readonly error: unknown } | undefined
  readonly #query: RunnableQuery
  readonly #driver: PostgresDriver
  #running: Running | undefined
  #timeoutMs = Infinity

  constructor(query: RunnableQuery, driver: PostgresDriver) {
    this.#query = query
    this.#driver = driver
  }

  bind(running: Running, timeoutMs: number): void {
    this.#running = running
    this.#timeoutMs = timeoutMs
  }

  attach(copy: DriverQuery): DriverQuery {
    const { forEachFn, cursorFn } = this.#query
    if (forEachFn !== undefined) {
      copy.forEachFn = (row, result) => {
        if (this.thrown !== undefined) return
        try {
          forEachFn(row, result)
        } catch (error) {
          this.thrown = { error }
          this.#running?.stop('abort')
        }
      }
    }
    if (cursorFn !== undefined) {
      copy.cursorFn = async rows => {
        if (this.thrown !== undefined) return this.#driver.cursorClose
        this.#running?.setDeadline(Infinity)
        let answer: unknown
        try {
          answer = await cursorFn(rows)
        } catch (error) {
          this.thrown = { error }
          answer = this.#driver.cursorClose
        }
        // The driver would write to a connection that's gone, and end the process: it's left waiting.
        if (this.#running?.over() === true) return new Promise(() => {})
        this.#running?.setDeadline(this.#timeoutMs)
        return answer
      }
    }
    return copy
  }
}

/** Runs a text without parameters as it stands. Settles with the driver's result. */
export function runText(
  slot: Slot,
  text: string,
  timeoutMs: number,
): Promise<{ failure: SlotFailure | null; result: unknown }> {
  return new Promise(resolve => {
    slot.run(
      (sql: postgres.Sql) => sql.unsafe(text) as unknown as DriverQuery,
      timeoutMs,
      (failure, result) => resolve({ failure, result }),
    )
  })
}
