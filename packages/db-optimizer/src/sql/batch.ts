// Up to 50 queries in one round trip: written to one connection behind each other, answered in order.
//
//     lease ─► [1][2][3]...[n] ─► answers 1..n ─► fence if any failed ─► back to the pool
//
// Each is a statement of its own: one that fails doesn't undo the others, and those behind it run nevertheless (inside a transaction the server refuses them).
//
// Invariants
// * Every query gets an outcome. What was answered before the connection was lost is known; what wasn't is unknown, as with a lone statement.
// * Time limit and signal stop the batch as a whole: the one that runs is cancelled, and if the rest isn't through by the slot's grace, the connection is closed.
import type postgres from 'postgres'
import { copyOnto, type DriverQuery } from '../driver/postgres-driver.ts'
import { checkResult } from '../driver/result-check.ts'
import type { Running, Slot } from '../driver/slot.ts'
import { isConnectionFailure, wasSent, type SlotFailure } from '../driver/slot-failure.ts'
import { DbError, isServerError, reasonOf } from '../errors.ts'
import { checkQueryOptions, type QueryOptions, type RunnableQuery } from './query.ts'
import type { SessionRunner } from './run-query.ts'

/** A query that may be part of a batch; not awaited beside it. */
export interface BatchableQuery extends PromiseLike<readonly unknown[]> {
  with(options: QueryOptions): unknown
}

/** What became of each query, in their order. */
export type BatchResult<Queries extends readonly BatchableQuery[]> = {
  -readonly [Index in keyof Queries]: PromiseSettledResult<Awaited<Queries[Index]>>
}

/** Most queries of a batch. */
export const MAX_BATCH = 50

type Outcome = PromiseSettledResult<unknown>
type Answer =
  | { readonly error?: undefined; readonly result: unknown; readonly atMs: number }
  | { readonly error: Error; readonly atMs: number }

/**
 * Never rejects for what happens to one query; rejects when none was sent.
 * @throws DB_ERR_UNSUPPORTED, DB_ERR_OPTION, and what waiting for a connection failed with
 */
export async function runBatch(
  runner: SessionRunner,
  given: readonly BatchableQuery[],
  options: QueryOptions,
): Promise<Outcome[]> {
  checkQueryOptions(options)
  const queries = given as unknown as readonly RunnableQuery[]
  checkQueries(queries)
  if (queries.length === 0) return []
  const { session } = runner
  const { signal, priority = 'normal', timeoutMs = session.timeoutMs } = options
  const sinceMs = performance.now()
  const slot = await session.lease({ priority, signal, timeoutMs: Math.min(session.acquireTimeoutMs, timeoutMs) })
  const waitedMs = performance.now() - sinceMs
  return new Batch(runner, queries, options, slot, waitedMs).run(Math.max(1, timeoutMs - waitedMs))
}

class Batch {
  readonly #runner: SessionRunner
  readonly #queries: readonly RunnableQuery[]
  readonly #options: QueryOptions
  readonly #slot: Slot
  readonly #waitedMs: number
  readonly #copies: DriverQuery[] = []
  readonly #answers: (Answer | undefined)[] = []
  /** What has to be waited for before the caller is told. */
  readonly #told: Promise<void>[] = []

  constructor(
    runner: SessionRunner,
    queries: readonly RunnableQuery[],
    options: QueryOptions,
    slot: Slot,
    waitedMs: number,
  ) {
    this.#runner = runner
    this.#queries = queries
    this.#options = options
    this.#slot = slot
    this.#waitedMs = waitedMs
  }

  async run(timeoutMs: number): Promise<Outcome[]> {
    const slot = this.#slot
    const { signal } = this.#options
    const startedAtMs = performance.now()
    let running: Running | undefined
    const stop = (): void => running?.stop('abort')
    const failure = await new Promise<SlotFailure | null>(resolve => {
      try {
        running = slot.run(
          sql => this.#send(sql),
          timeoutMs,
          failure => resolve(failure),
        )
      } catch (error) {
        // Some may have been sent: the connection is given up, and nobody may take what isn't answered for undone.
        slot.discard('driver-error')
        resolve({ kind: 'lost', reason: reasonOf(error), because: undefined, sent: true })
        return
      }
      signal?.addEventListener('abort', stop, { once: true })
      if (signal?.aborted === true) stop()
    })
    signal?.removeEventListener('abort', stop)
    if (this.#answers.some(answer => answer?.error !== undefined)) slot.markDirty()
    const outcomes = this.#queries.map((query, index) => this.#outcome(query, index, failure, startedAtMs))
    this.#runner.session.release(slot)
    await Promise.all(this.#told)
    return outcomes
  }

  /** All at once; the promise ends when all are answered, or when the connection can't answer any more. */
  #send(sql: postgres.Sql): DriverQuery {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    let left = this.#queries.length
    this.#queries.forEach((query, index) => {
      const copy = copyOnto(sql, query)
      this.#copies.push(copy)
      const answered = (answer: Answer): void => {
        this.#answers[index] = answer
        left -= 1
        if (left === 0) resolve(undefined)
      }
      copy.then(
        result => answered({ result, atMs: performance.now() }),
        (error: unknown) => {
          const failed = error instanceof Error ? error : new Error(String(error))
          if (endsConnection(failed)) reject(failed)
          else answered({ error: failed, atMs: performance.now() })
        },
      )
    })
    // The slot looks at a query's text and backend where it's one query.
    return Object.assign(promise, { statement: null, state: null }) as unknown as DriverQuery
  }

  #outcome(query: RunnableQuery, index: number, lost: SlotFailure | null, startedAtMs: number): Outcome {
    const runner = this.#runner
    const answer = this.#answers[index]
    const running = this.#runningOf(index)
    const text = running.text()
    const failure = failureOf(answer, lost)
    // The server runs them one after the other: what's between two answers was the second one's time.
    const beganAtMs = index === 0 ? startedAtMs : (this.#answers[index - 1]?.atMs ?? startedAtMs)
    const executionMs = (answer?.atMs ?? performance.now()) - beganAtMs
    const times = { waitedMs: this.#waitedMs, startedAtMs: performance.now() - executionMs }
    if (failure !== null) {
      const error = runner.error(query, failure, this.#waitedMs)
      this.#wait(runner.finished(query, running, this.#slot, times, error))
      return { status: 'rejected', reason: error }
    }
    const result = answer?.error === undefined ? answer?.result : undefined
    const refusal = runner.session.refusal(this.#slot, result, text)
    this.#wait(runner.finished(query, running, this.#slot, times, refusal, result))
    return refusal === undefined ? { status: 'fulfilled', value: result } : { status: 'rejected', reason: refusal }
  }

  #wait(told: Promise<void> | undefined): void {
    if (told !== undefined) this.#told.push(told)
  }

  #runningOf(index: number): Running {
    const query = this.#copies[index] as DriverQuery
    return { query, text: () => query?.statement?.string, stop: () => {}, over: () => true, setDeadline: () => {} }
  }
}

/** How one query of the batch failed, or null. */
function failureOf(answer: Answer | undefined, lost: SlotFailure | null): SlotFailure | null {
  if (answer === undefined) {
    // Whatever ended the batch ended it before this one's answer.
    if (lost === null || lost.kind === 'lost') return lost
    return { kind: 'lost', reason: 'error' in lost ? reasonOf(lost.error) : lost.kind, because: undefined, sent: true }
  }
  if (answer.error === undefined) {
    const check = checkResult(answer.result)
    return typeof check === 'string' ? null : { kind: 'result', ...check }
  }
  return isServerError(answer.error)
    ? { kind: 'server', error: answer.error, because: undefined }
    : { kind: 'conversion', error: answer.error, sent: wasSent(answer.error) }
}

function endsConnection(error: Error): boolean {
  if (isServerError(error)) return error.severity === 'FATAL' || error.severity === 'PANIC'
  return isConnectionFailure(error)
}

function checkQueries(queries: readonly RunnableQuery[]): void {
  if (queries.length > MAX_BATCH) {
    throw new DbError('DB_ERR_OPTION', `A batch has at most ${MAX_BATCH} queries, this one has ${queries.length}.`)
  }
  for (const [index, query] of queries.entries()) {
    const refuse = (why: string): never => {
      throw new DbError('DB_ERR_UNSUPPORTED', `Query ${index + 1} of the batch ${why}.`)
    }
    if (typeof query !== 'object' || query === null || !('settings' in query)) refuse('is not a query of this database')
    if (query.executed) refuse('was executed already')
    if (query.forEachFn !== undefined || query.cursorFn !== undefined || query.onlyDescribe === true) {
      refuse('has forEach, cursor or describe, which take more than one round trip')
    }
    if (query.settings.timeoutMs !== undefined || query.settings.signal !== undefined) {
      refuse('has a time limit or signal of its own: give them to the batch')
    }
  }
}
