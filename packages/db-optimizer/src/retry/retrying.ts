// Runs a call until it has an answer, or until running it again would be unsafe or useless.
//
// Invariants
// * What may have been carried out runs again only if it changes nothing or was declared idempotent.
// * An error that isn't DB_ERR_OUTCOME_UNKNOWN, and whose `outcome` isn't `unknown`, means that no attempt left anything behind. That goes for all
//   attempts: where the first one's outcome is unknown and the second one is refused, the whole is unknown.
// * Every attempt gets the routes of those before that couldn't be reached, to take others.
import { DbError, type Outcome } from '../errors.ts'
import type { Classification, Phase } from './classification.ts'
import { classifyOutcome } from './classify-outcome.ts'
import type { CommitResolution } from './resolve-commit.ts'
import { pause, type RetryTimers } from './pause.ts'
import type { RetryDecision, RetryPolicy, RetryTraits } from './retry-policy.ts'

/** One attempt; the function that runs it keeps it up to date as it goes. */
export class Attempt<T> {
  /** From 1. */
  readonly number: number
  /** How far it has come; set before each step. */
  phase: Phase = 'acquire'
  /** The route in use, by name. */
  route: string | undefined = undefined
  /** Set before COMMIT is sent, if its outcome can be asked for afterwards. */
  pendingCommit: PendingCommit<T> | undefined = undefined
  /** Routes not to be taken: they couldn't be reached. */
  readonly avoidRoutes: ReadonlySet<string>

  constructor(number: number, avoidRoutes: ReadonlySet<string>) {
    this.number = number
    this.avoidRoutes = avoidRoutes
  }
}

/** A transaction whose COMMIT is on its way. */
export interface PendingCommit<T> {
  /** From `pg_current_xact_id()`, as text; null when the transaction has none (`pg_current_xact_id_if_assigned()`): then it wrote nothing. */
  readonly xid: string | null
  /** The server's, see `EPOCH` of resolve-commit.ts. */
  readonly epoch?: string | undefined
  /** What the call gives when the transaction turns out to be committed. */
  readonly value: T
}

/** Told after each failed attempt; for metrics and logs. */
export interface FailedAttempt {
  readonly attempt: number
  readonly route: string | undefined
  readonly error: unknown
  readonly classification: Classification
  readonly decision: RetryDecision
}

export interface RetryingOptions extends RetryTraits {
  readonly policy: RetryPolicy
  readonly timers: RetryTimers
  /** See {@link Execution.atomic}; default true. */
  readonly atomic?: boolean
  /** By `timers.now()`; default none. */
  readonly deadlineMs?: number
  /** Ends the pauses between attempts; `run` sees to its own. */
  readonly signal?: AbortSignal | undefined
  /** Name of the statement or transaction, for messages. */
  readonly name?: string | undefined
  /** Whether there's a route beside these. Default: there's one route only. */
  readonly hasOtherRoute?: (avoidRoutes: ReadonlySet<string>) => boolean
  /** Finds out what became of a commit without an answer; `resolveCommit` on another connection. */
  readonly resolve?: (xid: string, epoch: string | undefined) => Promise<CommitResolution>
  readonly onFailedAttempt?: (failed: FailedAttempt) => void
  /** The first attempt, where it was made already, and counted as a call. */
  readonly first?: { readonly error: unknown; readonly phase: Phase; readonly route: string }
}

/**
 * Gives what `run` gives, after as many attempts as the policy allows.
 * @throws DB_ERR_OUTCOME_UNKNOWN when a write may have been carried out; DB_ERR_ABORTED when the signal ended a pause; otherwise the last attempt's error.
 */
export async function retrying<T>(run: (attempt: Attempt<T>) => Promise<T>, options: RetryingOptions): Promise<T> {
  const { policy, timers, readOnly, signal } = options
  const deadlineMs = options.deadlineMs ?? Infinity
  const avoidRoutes = new Set<string>()
  let anyUnknown = false
  const { first } = options
  if (first === undefined) policy.budget.called()
  for (let number = 1; ; number++) {
    const attempt = new Attempt<T>(number, avoidRoutes)
    try {
      if (number > 1 || first === undefined) return await run(attempt)
      attempt.phase = first.phase
      attempt.route = first.route
      throw first.error
    } catch (error) {
      let classification = classifyOutcome(error, attempt.phase, execution(options))
      if (classification.kind === 'unknown' && attempt.phase === 'commit' && attempt.pendingCommit !== undefined) {
        const known = await resolutionOf(attempt.pendingCommit, options)
        if (known === 'committed') return attempt.pendingCommit.value
        if (known === 'aborted') classification = { ...classification, kind: 'rolled-back' }
      }
      if (classification.kind === 'unknown' && !readOnly) anyUnknown = true
      if (classification.kind === 'not-executed' && attempt.route !== undefined) avoidRoutes.add(attempt.route)
      const otherRoute = options.hasOtherRoute?.(avoidRoutes) ?? false
      const situation = { classification, attempts: number, nowMs: timers.now(), deadlineMs, otherRoute }
      const decision = policy.decide(situation, options)
      options.onFailedAttempt?.({ attempt: number, route: attempt.route, error, classification, decision })
      if (!decision.again) throw anyUnknown ? outcomeUnknown(error, attempt, options) : error
      // With no route left that could be reached, the first one may be back after the pause.
      if (decision.route === 'same') avoidRoutes.clear()
      if (decision.delayMs > 0 && (await pause(decision.delayMs, timers, signal)) === 'aborted') {
        throw aborted(error, anyUnknown ? 'unknown' : 'rolled-back', options)
      }
    }
  }
}

function execution(options: { readonly atomic?: boolean }): { readonly atomic?: boolean } {
  return options.atomic === undefined ? {} : { atomic: options.atomic }
}

async function resolutionOf<T>(
  { xid, epoch }: PendingCommit<T>,
  { resolve }: RetryingOptions,
): Promise<'committed' | 'aborted' | undefined> {
  // Without an id nothing was written. Its reads weren't confirmed by the commit (isolation level serializable), so they're made again.
  if (xid === null) return 'aborted'
  if (resolve === undefined) return undefined
  try {
    const { status } = await resolve(xid, epoch)
    return status === 'committed' || status === 'aborted' ? status : undefined
  } catch {
    // What the question failed with says nothing of the commit; that stays unknown, and is reported as such.
    return undefined
  }
}

function outcomeUnknown<T>(error: unknown, attempt: Attempt<T>, options: RetryingOptions): DbError {
  if (error instanceof DbError && error.code === 'DB_ERR_OUTCOME_UNKNOWN') return error
  const xid = attempt.pendingCommit?.xid ?? undefined
  return new DbError(
    'DB_ERR_OUTCOME_UNKNOWN',
    `${label(options)} may have been executed: the answer to ${attempt.number === 1 ? 'it' : `one of its ${attempt.number} attempts`} was lost${xid === undefined ? '' : ` (transaction ${xid})`}. Look before repeating it.`,
    { outcome: 'unknown', cause: error, statementName: options.name, xid },
  )
}

function aborted(error: unknown, outcome: Outcome, options: RetryingOptions): DbError {
  return new DbError('DB_ERR_ABORTED', `${label(options)} was stopped by its caller before it was repeated.`, {
    outcome,
    cause: error,
    statementName: options.name,
  })
}

function label(options: RetryingOptions): string {
  return options.name === undefined ? 'The statement' : `"${options.name}"`
}
