// Names and messages of this package's diagnostics channels: logs, metrics and the slow-query log subscribe to them; without a subscriber they cost one test.
//
//     import { subscribe } from 'node:diagnostics_channel'
//     subscribe('db:slot:discarded', message => ...)
import { channel } from 'node:diagnostics_channel'
import type { DbErrorCode, Outcome } from './errors.ts'
import type { Priority } from './pool/wait-queue.ts'
import type { ClassReason, RetryClass } from './retry/classification.ts'
import type { RetryRefusal } from './retry/retry-policy.ts'
import type { AwayReason, RouteState } from './routes/route-health.ts'

/** Why a connection was given up. */
export type DiscardReason =
  | 'closed-by-server'
  | 'connection-error'
  | 'driver-error'
  | 'no-answer'
  | 'fence-failed'
  | 'bad-result'
  | 'stream-broken'
  | 'session-changed'
  | 'idle'
  | 'lifetime'
  | 'statements'
  | 'pool-closed'

/** `db:pool:acquired`: a caller got a connection. */
export interface PoolAcquired {
  readonly pool: string
  readonly slotId: number
  readonly waitedMs: number
  readonly priority: Priority
}

/** `db:pool:refused`: a caller got none. */
export interface PoolRefused {
  readonly pool: string
  readonly code: DbErrorCode
  readonly waitedMs: number
  readonly priority: Priority
}

/** `db:slot:opened`: a connection is ready. */
export interface SlotOpened {
  readonly pool: string
  readonly slotId: number
  /** The server's process. */
  readonly backendPid: number
  readonly durationMs: number
}

/** `db:slot:open-failed`: a connection could not be opened. */
export interface SlotOpenFailed {
  readonly pool: string
  /** ECONNREFUSED, 28P01, CONNECT_TIMEOUT ... */
  readonly reason: string
  readonly durationMs: number
}

/** `db:slot:discarded`: a connection was given up. */
export interface SlotDiscarded {
  readonly pool: string
  readonly slotId: number
  readonly backendPid: number
  readonly reason: DiscardReason
  readonly ageMs: number
  readonly uses: number
}

/** `db:query:finished`: a statement has ended, well or not. */
export interface QueryFinished {
  readonly pool: string
  readonly slotId: number
  /** Given by `.with({ name })`. */
  readonly name: string | undefined
  /** Text as sent, with $1, $2 for parameters; undefined when it was never built. */
  readonly text: string | undefined
  readonly waitMs: number
  readonly executeMs: number
  /** Rows returned or changed; null where the server gave no count. */
  readonly rows: number | null
  readonly code: DbErrorCode | undefined
  readonly sqlState: string | undefined
  readonly inTransaction: boolean
}

/** `db:query:cancelled`: a cancel request went out. */
export interface QueryCancelled {
  readonly pool: string
  readonly slotId: number
  readonly because: 'deadline' | 'abort'
}

/** `db:query:retried`: an attempt failed; `again` says whether it's made once more, and `because` why not. */
export interface QueryRetried {
  readonly name: string | undefined
  /** That has failed, from 1. */
  readonly attempt: number
  readonly outcome: RetryClass
  readonly reason: ClassReason
  readonly again: boolean
  readonly because: RetryRefusal | undefined
  readonly inTransaction: boolean
}

/** `db:route:changed`: a route is used again, or not any more. */
export interface RouteChanged {
  readonly route: string
  readonly state: RouteState
  readonly reason: AwayReason | undefined
}

/** `db:route:probed`: a background probe has ended. */
export interface RouteProbed {
  readonly route: string
  /** What was wrong; null: nothing. */
  readonly problem: string | null
  readonly durationMs: number
}

/** `db:transaction:finished`: committed, or not. */
export interface TransactionFinished {
  readonly pool: string
  readonly name: string | undefined
  readonly attempts: number
  readonly durationMs: number
  readonly outcome: 'committed' | Outcome
  readonly code: DbErrorCode | undefined
}

/** `db:cache:bypassed`: a statement of `sql.cached` runs without the cache. */
export interface CacheBypassed {
  readonly name: string | undefined
  /** With $1, $2 instead of parameters. */
  readonly text: string
  readonly reason: string
}

/** `db:cache:invalidation-failed`: the cache wasn't told what was written; it may serve what's old until it expires. */
export interface CacheInvalidationFailed {
  readonly tags: readonly string[]
  readonly error: unknown
}

/** Channels by what they tell; the name of each is in its message's comment. */
export const channels = {
  poolAcquired: channel('db:pool:acquired'),
  poolRefused: channel('db:pool:refused'),
  slotOpened: channel('db:slot:opened'),
  slotOpenFailed: channel('db:slot:open-failed'),
  slotDiscarded: channel('db:slot:discarded'),
  queryFinished: channel('db:query:finished'),
  queryCancelled: channel('db:query:cancelled'),
  queryRetried: channel('db:query:retried'),
  routeChanged: channel('db:route:changed'),
  routeProbed: channel('db:route:probed'),
  transactionFinished: channel('db:transaction:finished'),
  cacheBypassed: channel('db:cache:bypassed'),
  cacheInvalidationFailed: channel('db:cache:invalidation-failed'),
} as const
