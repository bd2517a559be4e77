// What a pool tells those to whom it gives no connection.
import type { ServerAddress } from '../driver/postgres-driver.ts'
import { SlotOpenError } from '../driver/slot.ts'
import { DbError, isServerError, queryError } from '../errors.ts'

/** The figures that a busy pool shows. */
export interface PoolSituation {
  readonly name: string
  readonly open: number
  readonly opening: number
  readonly maxConnections: number
  readonly waiting: number
}

export function poolBusy(pool: PoolSituation, waitedMs: number): DbError {
  return new DbError(
    'DB_ERR_POOL_BUSY',
    `No connection of pool "${pool.name}" became free in ${Math.round(waitedMs)} ms (${pool.open} open, ${pool.opening} opening, ` +
      `at most ${pool.maxConnections}; ${pool.waiting} others wait). Nothing was executed.`,
    { waitedMs },
  )
}

export function queueFull(pool: { readonly name: string; readonly maxQueue: number }, waitedMs: number): DbError {
  return new DbError(
    'DB_ERR_POOL_BUSY',
    `${pool.maxQueue} callers wait for a connection of pool "${pool.name}" already; this one left after ` +
      `${Math.round(waitedMs)} ms. Nothing was executed.`,
    { waitedMs },
  )
}

/** @param cause what the opening failed with, for the server's own words */
export function connectFailed(address: ServerAddress, reason: string, cause: unknown, waitedMs?: number): DbError {
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`
  const server =
    cause instanceof SlotOpenError && isServerError(cause.server) ? queryError(cause.server).server : undefined
  return new DbError('DB_ERR_CONNECT', `No connection to ${where}: ${reason}. Nothing was executed.`, {
    reason,
    server,
    waitedMs,
  })
}

export function poolClosed(): DbError {
  return new DbError('DB_ERR_CLOSED', 'The pool is closed. Nothing was executed.')
}

export function abortedWhileWaiting(waitedMs: number, signal: AbortSignal | undefined): DbError {
  return new DbError(
    'DB_ERR_ABORTED',
    `Aborted after ${Math.round(waitedMs)} ms of waiting for a connection. Nothing was executed.`,
    { waitedMs, ...(signal?.aborted === true ? { cause: signal.reason } : {}) },
  )
}
