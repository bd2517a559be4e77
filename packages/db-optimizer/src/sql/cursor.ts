// Rows in batches, to iterate over: the connection is held until the end, and a portal is open on the server.
//
// Not the driver's own iterator: when the connection dies while the consumer works on a batch, that one simply ends, and half a table looks like all of it.
//
//     server ──batch──► handed over, waits ──► consumer asks for the next ──► the server is asked for the next
// The time that the consumer takes doesn't count against the statement's; that of the server does, per batch.
import { copyOnto, type DriverQuery } from '../driver/postgres-driver.ts'
import type { SlotFailure } from '../driver/slot-failure.ts'
import { DbError } from '../errors.ts'
import type { RunnableQuery } from './query.ts'
import type { SessionRunner } from './run-query.ts'

interface Batch {
  readonly rows: unknown
  /** Asks the server for the next batch, or closes the portal. */
  readonly resume: (close?: unknown) => void
}

/** @throws DbError from `next()` */
export async function* cursorRows(
  runner: SessionRunner,
  query: RunnableQuery,
  batchRows: number,
): AsyncGenerator<unknown, void> {
  if (!Number.isInteger(batchRows) || batchRows < 1) {
    throw new DbError('DB_ERR_OPTION', `cursor(${batchRows}): rows per batch is a whole number, 1 or more.`)
  }
  const { session, driver } = runner
  const { slot, waitedMs, leftMs } = await runner.lease(query)
  const startedAtMs = performance.now()
  // The last batch comes before the server is ready for another statement.
  slot.markDirty()
  let waiting: Batch | undefined
  let held: Batch | undefined
  let end: { readonly failure: SlotFailure | null; readonly result: unknown } | undefined
  let wake: () => void = () => {}
  const ended = Promise.withResolvers<void>()
  const start = (sql: Parameters<typeof copyOnto>[0]): DriverQuery => {
    const copy = copyOnto(sql, query)
    copy.options.simple = false
    copy.cursorRows = batchRows
    copy.cursorFn = rows =>
      new Promise(resume => {
        running.setDeadline(Infinity)
        waiting = { rows, resume }
        wake()
      })
    return copy
  }
  const running = slot.run(start, leftMs, (failure, result) => {
    end = { failure, result }
    ended.resolve()
    wake()
  })
  const onAbort = (): void => running.stop('abort')
  query.onCancel = onAbort
  query.settings.signal?.addEventListener('abort', onAbort, { once: true })
  let error: DbError | undefined
  try {
    for (;;) {
      if (waiting !== undefined) {
        held = waiting
        waiting = undefined
        yield held.rows
        // The driver would write to a connection that's gone, and end the process.
        if (end === undefined) {
          running.setDeadline(query.settings.timeoutMs ?? session.timeoutMs)
          held.resume()
        }
        held = undefined
      } else if (end !== undefined) {
        if (end.failure !== null) throw (error = runner.error(query, end.failure, waitedMs))
        return
      } else {
        await new Promise<void>(resolve => (wake = resolve))
      }
    }
  } finally {
    if (end === undefined) {
      running.setDeadline(query.settings.timeoutMs ?? session.timeoutMs)
      for (const batch of [held, waiting]) batch?.resume(driver.cursorClose)
      await ended.promise
    }
    query.onCancel = undefined
    query.settings.signal?.removeEventListener('abort', onAbort)
    session.release(slot)
    await runner.finished(query, running, slot, { waitedMs, startedAtMs }, error, end?.result)
  }
}
