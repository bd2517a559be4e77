// What is known of a call that failed: whether the database has carried it out, and whether running it again can help.
//
//     not-executed   the statement never reached a backend that would run it: anything may run again, at once on another route
//     rolled-back    the server undid it, and a repetition can end otherwise: anything may run again
//     unknown        it may have been carried out: only what changes nothing, or was declared idempotent, may run again
//     never          it had no effect, and a repetition would end the same way
//
// The classes say what happened to the work, the reason says why; both are labels in metrics, so their number is bounded.

/** How far a call had come when it failed; whoever runs it sets it before each step, never after. */
export type Phase =
  /** Waiting for a slot. */
  | 'acquire'
  /** A connection is being made for it. */
  | 'connect'
  /** A statement that is its own transaction may have been sent. */
  | 'execute'
  /** Inside an explicit transaction: COMMIT has not been sent. */
  | 'transaction'
  /** COMMIT may have been sent. */
  | 'commit'

export type RetryClass = 'not-executed' | 'rolled-back' | 'unknown' | 'never'

/** Why a failure belongs to its class; bounded, fit for a metric's label. */
export type ClassReason =
  | 'unreachable'
  | 'starting-or-stopping'
  | 'too-many-connections'
  | 'pool-busy'
  | 'connection-lost'
  | 'connection-lost-before-commit'
  | 'terminated'
  | 'serialization'
  | 'deadlock'
  | 'lock-not-available'
  | 'read-only-server'
  | 'out-of-memory'
  | 'stale-plan'
  | 'foreign-server'
  | 'panic'
  | 'protocol'
  | 'canceled'
  | 'given-up'
  | 'time-limit'
  | 'disk-full'
  | 'access-refused'
  | 'statement-refused'
  | 'data-refused'
  | 'raised-by-function'
  | 'server-fault'
  | 'client-refused'
  | 'bad-result'
  | 'not-a-database-failure'

export interface Classification {
  readonly kind: RetryClass
  readonly reason: ClassReason
  /** Not to be repeated on the same route, which has just said that it has too much to do; another route may take it. */
  readonly elsewhereOnly: boolean
}
