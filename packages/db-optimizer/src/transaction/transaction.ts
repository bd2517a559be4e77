// Transactions: begin, the caller's function, commit, on one connection that nobody else touches.
//
//     lease ─► BEGIN ─► fn(tx) ─► wait for what fn started ─► [xid][COMMIT] ─► committed
//                         │ throws, time is up, aborted,            │ no answer
//                         │ connection lost                         └─► ask pg_xact_status on another connection
//                         └─► ROLLBACK (or the connection's end)
//
// One file: an attempt's begin, function, commit, rollback and watchers share one session's state, and their order is what makes the outcome known.
//
// Invariants
// * After a connection error nothing is sent any more. The driver isn't let reconnect, so no statement can run outside its transaction.
// * A commit that the server answers with ROLLBACK (a swallowed error had aborted the transaction) is an error.
// * The transaction's id travels just before COMMIT, in the same packet and with an answer of its own: it costs no round trip, and is there when the server
//   ends while it commits. When both answers are lost on the way, the outcome stays unknown.
import type { AsyncLocalStorage } from 'node:async_hooks'
import { analyseUnder } from '../cached/analysis.ts'
import { checkCachedOptions, type CachedOptions } from '../cached/cached-query.ts'
import type { FunctionWrites } from '../cached/dependencies.ts'
import type { TransactionWrites } from '../cached/transaction-writes.ts'
import type { WriteTracker } from '../cached/write-tracker.ts'
import { channels } from '../channels.ts'
import type { DriverQuery } from '../driver/postgres-driver.ts'
import type { Slot } from '../driver/slot.ts'
import { toDbError, type SlotFailure } from '../driver/slot-failure.ts'
import { DbError } from '../errors.ts'
import type { Priority } from '../pool/wait-queue.ts'
import { nodeTimers } from '../retry/pause.ts'
import { EPOCH, resolveCommit, type CommitResolution } from '../retry/resolve-commit.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import { RetryPolicy } from '../retry/retry-policy.ts'
import { retrying, type Attempt } from '../retry/retrying.ts'
import type { Routes } from '../routes/routes.ts'
import { runBatch, type BatchableQuery } from '../sql/batch.ts'
import { commandOf } from '../sql/pool-session.ts'
import { checkTags } from '../sql/query.ts'
import { runText, SessionRunner, type RunnerTools } from '../sql/run-query.ts'
import type { NoTypes, Sql, SqlFactory } from '../sql/sql.ts'
import type { IsolationLevel, TransactionOptions } from './transaction-options.ts'
import { TransactionSession } from './transaction-session.ts'

/** The tag inside a transaction. */
export type Transaction<Types extends Record<string, unknown> = NoTypes> = Sql<Types> & {
  /**
   * Runs a part that can be undone alone: what `fn` throws rolls it back, and is thrown again.
   * @throws DB_ERR_UNSUPPORTED while another one is open at this level
   */
  savepoint<Result>(fn: (tx: Transaction<Types>) => Result | Promise<Result>): Promise<Awaited<Result>>
  /**
   * Runs up to 50 queries in one round trip, and gives their results in order.
   * @throws the first error; what came behind it was refused by the server
   */
  batch<const Queries extends readonly BatchableQuery[]>(
    queries: Queries,
  ): Promise<{ [Index in keyof Queries]: Awaited<Queries[Index]> }>
  /** Adds tags of what it writes, told to the database's cache after its commit. Without a cache nothing happens. @throws DB_ERR_OPTION */
  invalidates(tags: readonly string[]): void
  /** Aborted when the transaction can't be committed any more. */
  readonly signal: AbortSignal
}

/** What all transactions of a database share. */
export interface TransactionParts {
  readonly routes: Routes
  readonly runnerTools: RunnerTools
  /** Tells a cache what was written. */
  readonly writes?: WriteTracker | undefined
  readonly functionWrites?: FunctionWrites
  readonly factory: SqlFactory
  readonly retryBudget: RetryBudget
  readonly random: { next(): number }
  /** Until a statement is cancelled, in milliseconds. */
  readonly statementTimeoutMs: number
  /** Longest wait for a connection, in milliseconds. */
  readonly acquireTimeoutMs: number
  /** Holds something while a transaction's function runs. */
  readonly inside: AsyncLocalStorage<true>
  /** Asks a question on a connection of its own. */
  readonly ask: (text: string, parameters: readonly string[]) => Promise<readonly object[]>
}

/** The caller's function; typed by whoever offers it. */
export type TransactionFunction = (tx: Transaction) => unknown

const ISOLATION: Readonly<Record<IsolationLevel, string>> = {
  'read committed': 'isolation level read committed',
  'repeatable read': 'isolation level repeatable read',
  serializable: 'isolation level serializable',
}
const XID_QUERY = 'select pg_current_xact_id_if_assigned()::text as xid'
/** Behind a pooler the connection outlives the server, whose epoch has to be asked for each time. */
const POOLED_XID_QUERY = `${XID_QUERY}, ${EPOCH} as epoch`
/** Search for the fate of a commit: longest, and at least when the transaction's time is over. */
const RESOLVE_TIMEOUT_MS = 5000
const RESOLVE_LATE_MS = 1000

/** Runs `fn` in a transaction, again where `retries` and the kind of failure allow it. @throws DbError, or what `fn` throws */
export async function runTransaction(
  parts: TransactionParts,
  fn: TransactionFunction,
  options: TransactionOptions,
): Promise<unknown> {
  const { retries = 0, readOnly = false, idempotent = false, timeoutMs, signal, name } = options
  const startedAtMs = performance.now()
  const deadlineMs = timeoutMs === undefined ? Infinity : startedAtMs + timeoutMs
  let attempts = 0
  let pool: string | undefined
  let resolution: CommitResolution | undefined
  const writes = parts.writes?.transaction()
  const finished = (error?: unknown): void => {
    if (!channels.transactionFinished.hasSubscribers) return
    const own = error instanceof DbError ? error : undefined
    channels.transactionFinished.publish({
      pool,
      name,
      attempts,
      durationMs: performance.now() - startedAtMs,
      outcome: error === undefined ? 'committed' : (own?.outcome ?? 'rolled-back'),
      code: own?.code,
    })
  }
  try {
    const policy = new RetryPolicy({ budget: parts.retryBudget, random: parts.random }, { maxAttempts: retries + 1 })
    const result = await retrying<unknown>(
      attempt => {
        attempts += 1
        return new TransactionAttempt(parts, options, attempt, deadlineMs, writes)
          .run(fn)
          .finally(() => (pool = attempt.route))
      },
      {
        policy,
        timers: nodeTimers,
        readOnly,
        idempotent,
        deadlineMs,
        signal,
        name,
        hasOtherRoute: avoid => parts.routes.hasOther(avoid),
        onFailedAttempt: ({ attempt, classification, decision }) => {
          if (classification.kind === 'unknown') writes?.isUnknown()
          channels.queryRetried.publish({
            name,
            attempt,
            outcome: classification.kind,
            reason: classification.reason,
            again: decision.again,
            because: decision.again ? undefined : decision.because,
            inTransaction: true,
          })
        },
        resolve: async (xid, epoch) => {
          const leftMs = Math.max(RESOLVE_LATE_MS, deadlineMs - performance.now())
          resolution = await resolveCommit(xid, parts.ask, {
            epoch,
            timers: nodeTimers,
            timeoutMs: Math.min(RESOLVE_TIMEOUT_MS, leftMs),
          })
          return resolution
        },
      },
    )
    await writes?.over(false)
    finished()
    return result
  } catch (error) {
    const known = resolution?.status === 'aborted' ? undone(error, name) : error
    if (known instanceof DbError && known.outcome === 'unknown') await writes?.over(true)
    finished(known)
    throw known
  }
}

/** The server has said that nothing of it remains. */
function undone(error: unknown, name: string | undefined): unknown {
  if (!(error instanceof DbError) || error.code !== 'DB_ERR_OUTCOME_UNKNOWN') return error
  return new DbError(
    'DB_ERR_CONNECTION_LOST',
    `The connection was lost at the commit of ${labelOf(name)}; the server says that it was rolled back.`,
    { outcome: 'rolled-back', statementName: name, xid: error.xid, cause: error },
  )
}

class TransactionAttempt {
  readonly #parts: TransactionParts
  readonly #options: TransactionOptions
  readonly #attempt: Attempt<unknown>
  readonly #deadlineMs: number
  readonly #broken = Promise.withResolvers<never>()
  readonly #abort = new AbortController()
  readonly #writes: TransactionWrites | undefined

  constructor(
    parts: TransactionParts,
    options: TransactionOptions,
    attempt: Attempt<unknown>,
    deadlineMs: number,
    writes: TransactionWrites | undefined,
  ) {
    this.#parts = parts
    this.#options = options
    this.#attempt = attempt
    this.#deadlineMs = deadlineMs
    this.#writes = writes
    this.#broken.promise.catch(() => {})
  }

  async run(fn: TransactionFunction): Promise<unknown> {
    const { routes, acquireTimeoutMs, statementTimeoutMs, inside } = this.#parts
    const { priority = 'normal' satisfies Priority, signal } = this.#options
    const leftMs = Math.max(1, this.#deadlineMs - performance.now())
    const timeoutMs = Math.min(acquireTimeoutMs, leftMs)
    const slot = await routes.acquire({ priority, signal, timeoutMs }, this.#attempt.avoidRoutes)
    this.#attempt.route = slot.poolName
    this.#attempt.phase = 'transaction'
    const session = new TransactionSession(slot, statementTimeoutMs)
    const stopWatching = this.#watch(slot, session)
    try {
      await this.#statement(session, this.#begin())
      const result = await inside.run(true, () => this.#callerPart(fn, session))
      await session.settled()
      if (session.brokenBy !== undefined) throw session.brokenBy
      if (this.#writes?.needsMore === true && session.failure === undefined) await this.#completeWrites(session)
      await this.#commit(slot, session, result)
      return result
    } catch (error) {
      if (session.state !== 'ended') await this.#rollback(slot, session)
      throw error
    } finally {
      stopWatching()
      if (session.settingsChanged) slot.discard('session-changed')
      slot.giveBack()
    }
  }

  #begin(): string {
    const { isolation, readOnly, deferrable } = this.#options
    const words = ['begin', isolation === undefined ? '' : ISOLATION[isolation]]
    if (readOnly !== undefined) words.push(readOnly ? 'read only' : 'read write')
    if (deferrable === true) words.push('deferrable')
    return words.filter(Boolean).join(' ')
  }

  /** The function, until it ends or can't commit any more. */
  async #callerPart(fn: TransactionFunction, session: TransactionSession): Promise<unknown> {
    const tx = this.#tag(session, { open: false })
    const work = (async () => {
      const result = await fn(tx)
      return Array.isArray(result) ? Promise.all(result as unknown[]) : result
    })()
    return Promise.race([work, this.#broken.promise])
  }

  #tag(session: TransactionSession, level: { open: boolean }): Transaction {
    const { runnerTools, factory } = this.#parts
    // Nothing is written by a transaction that the server lets write nothing.
    const writes = this.#options.readOnly === true ? undefined : this.#writes
    const runner = new SessionRunner(session, { ...runnerTools, writes })
    const more = {
      batch: async (queries: readonly BatchableQuery[]) => {
        const results = await runBatch(runner, queries, {})
        const failed = results.find((one): one is PromiseRejectedResult => one.status === 'rejected')
        if (failed !== undefined) throw failed.reason
        return results.map(one => (one as PromiseFulfilledResult<unknown>).value)
      },
      savepoint: (fn: TransactionFunction) => this.#savepoint(session, level, fn),
      invalidates: (tags: readonly string[]) => {
        checkTags('invalidates', tags)
        this.#writes?.add(tags)
      },
      signal: this.#abort.signal,
    }
    const uncached = (options: CachedOptions): SessionRunner => {
      checkCachedOptions(options)
      return runner
    }
    return factory.create(runner, more, uncached) as unknown as Transaction
  }

  /** Finds out what was written and makes it durable, as part of the transaction. What's asked here isn't noted as the caller's. */
  async #completeWrites(session: TransactionSession): Promise<void> {
    const { runnerTools, factory, functionWrites = {} } = this.#parts
    const quiet = new SessionRunner(session, { ...runnerTools, observe: undefined, writes: undefined })
    const tx = factory.create(quiet, {}, () => quiet) as unknown as Transaction
    const savepoint = (fn: TransactionFunction): Promise<unknown> =>
      this.#savepoint(session, { open: false }, fn, () => tx)
    const work = this.#writes?.beforeCommit(
      statement => analyseUnder(savepoint, statement, functionWrites),
      this.#options.readOnly === true ? undefined : tx,
    )
    await Promise.race([work, this.#broken.promise])
  }

  #savepoints = 0

  async #savepoint(
    session: TransactionSession,
    level: { open: boolean },
    fn: TransactionFunction,
    tag = () => this.#tag(session, { open: false }),
  ): Promise<unknown> {
    if (level.open) {
      throw new DbError(
        'DB_ERR_UNSUPPORTED',
        'A savepoint of this level is open already: await it first, or use the tag that its function gets for one inside it.',
      )
    }
    level.open = true
    const name = `s${++this.#savepoints}`
    const before = session.failure
    try {
      await this.#statement(session, `savepoint ${name}`)
      try {
        const result = await fn(tag())
        const settled: unknown = Array.isArray(result) ? await Promise.all(result as unknown[]) : result
        await this.#statement(session, `release savepoint ${name}`)
        return settled
      } catch (error) {
        const cause =
          error instanceof DbError && error.sqlState === IN_FAILED_TRANSACTION ? (session.failure ?? error) : error
        // Behind a dead connection or a broken transaction there's nothing to undo.
        await this.#statement(session, `rollback to savepoint ${name}`).then(
          () => (session.failure = before),
          () => {},
        )
        throw cause
      }
    } finally {
      level.open = false
    }
  }

  /** A statement of ours, in its turn. */
  async #statement(session: TransactionSession, text: string): Promise<void> {
    const slot = await session.lease()
    const { failure } = await runText(slot, text, session.timeoutMs)
    session.release()
    if (failure !== null) throw session.brokenBy ?? this.#error(failure, true)
  }

  async #commit(slot: Slot, session: TransactionSession, value: unknown): Promise<void> {
    session.end()
    const attempt = this.#attempt
    attempt.phase = 'commit'
    const readOnly = this.#options.readOnly === true
    const pooled = this.#parts.routes.isPooler(slot.poolName)
    const { failure, result } = await new Promise<{ failure: SlotFailure | null; result: unknown }>(resolve => {
      slot.run(
        sql => {
          if (!readOnly) {
            sql.unsafe<{ xid: string | null; epoch?: string }[]>(pooled ? POOLED_XID_QUERY : XID_QUERY).then(
              ([row]) => (attempt.pendingCommit = { xid: row?.xid ?? null, epoch: row?.epoch ?? slot.epoch, value }),
              // The transaction is aborted already, or the connection lost: COMMIT's own answer tells.
              () => {},
            )
          }
          return sql.unsafe('commit') as unknown as DriverQuery
        },
        session.timeoutMs,
        (failure, result) => resolve({ failure, result }),
      )
    })
    if (failure === null) {
      if (commandOf(result) === 'COMMIT') return
      throw (
        session.failure ??
        new DbError(
          'DB_ERR_TRANSACTION',
          `The server rolled ${labelOf(this.#options.name)} back instead of committing it.`,
          {
            outcome: 'rolled-back',
          },
        )
      )
    }
    const xid = attempt.pendingCommit?.xid
    if (failure.kind === 'lost' && xid === null) {
      throw new DbError(
        'DB_ERR_CONNECTION_LOST',
        `The connection was lost (${failure.reason}) at the commit of ${labelOf(this.#options.name)}, which had written nothing.`,
        { outcome: 'rolled-back', statementName: this.#options.name, reason: failure.reason },
      )
    }
    throw this.#error(failure, false, xid ?? undefined)
  }

  async #rollback(slot: Slot, session: TransactionSession): Promise<void> {
    session.break(
      new DbError('DB_ERR_TRANSACTION', 'The transaction has been rolled back; this statement was not sent.'),
    )
    session.end()
    this.#abort.abort()
    slot.stopCurrent('abort')
    await slot.quiet()
    if (slot.state === 'dead') return
    const clean = await slot.cancelsSettled()
    const { failure } = clean ? await runText(slot, 'rollback', ROLLBACK_TIMEOUT_MS) : { failure: 'cancel' }
    if (failure !== null) slot.discard('fence-failed')
  }

  /** Ends the transaction when its time is up, its signal says so, or its connection dies. */
  #watch(slot: Slot, session: TransactionSession): () => void {
    const { signal, name } = this.#options
    const broke = (error: DbError): void => {
      session.break(error)
      this.#abort.abort(error)
      this.#broken.reject(error)
    }
    const onAbort = (): void => {
      const details = { outcome: 'rolled-back', statementName: name, cause: signal?.reason } as const
      broke(new DbError('DB_ERR_ABORTED', `${capital(labelOf(name))} was aborted and rolled back.`, details))
      slot.stopCurrent('abort')
    }
    const onDeadline = (): void => {
      const details = { outcome: 'rolled-back', statementName: name } as const
      broke(
        new DbError(
          'DB_ERR_TIMEOUT',
          `${capital(labelOf(name))} took longer than ${this.#options.timeoutMs} ms and was rolled back.`,
          details,
        ),
      )
      slot.stopCurrent('deadline')
    }
    slot.whenDead(reason => {
      if (session.state !== 'open') return
      const details = { outcome: 'rolled-back', statementName: name, reason } as const
      broke(
        new DbError(
          'DB_ERR_CONNECTION_LOST',
          `The connection of ${labelOf(name)} was lost (${reason}); it's rolled back.`,
          details,
        ),
      )
    })
    const timer =
      this.#deadlineMs === Infinity
        ? undefined
        : setTimeout(onDeadline, Math.max(1, this.#deadlineMs - performance.now()))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    return () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      slot.whenDead(undefined)
    }
  }

  #error(failure: SlotFailure, inTransaction: boolean, xid?: string): DbError {
    const { name, readOnly = false, idempotent = false, signal } = this.#options
    const error = toDbError(failure, {
      statementName: name,
      waitedMs: 0,
      inTransaction,
      idempotent: readOnly || idempotent,
      signal,
    })
    if (xid === undefined || error.outcome !== 'unknown') return error
    const { code, message, outcome, reason } = error
    return new DbError(code, message, { outcome, reason, statementName: name, xid })
  }
}

const IN_FAILED_TRANSACTION = '25P02'
const ROLLBACK_TIMEOUT_MS = 2000

function labelOf(name: string | undefined): string {
  return name === undefined ? 'the transaction' : `the transaction "${name}"`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
