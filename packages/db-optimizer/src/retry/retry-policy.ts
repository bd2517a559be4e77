// Whether a call that failed is run again, when, and where. A pure decision but for the budget, of which a granted retry takes one.
//
// Rules, in this order
//     class       `never` isn't run again; `unknown` only if it changes nothing or was declared idempotent
//     attempts    at most 3 in all
//     route       what never reached the database goes to another route at once, where there is one. It's no second load on the first route, so it takes
//                 nothing of the budget: else a route's death would fail nine calls of ten until its breaker opens
//     deadline    a retry that could begin only when the time is over isn't made
//     budget      retries on the same route are bounded to a part of the calls; but for conflicts with other transactions, which say nothing against the server
//     delay       random(0, min(1 s, 50 ms × 2^n)) with at least 20 ms. Full jitter, so that what failed together doesn't come back together;
//                 the floor because postgres.js hangs for ever when it's asked again in the turn in which its socket was reset
import type { Classification, ClassReason } from './classification.ts'
import type { RetryBudget } from './retry-budget.ts'

/** What a call says of itself. */
export interface RetryTraits {
  /** Changes nothing: may run again whatever became of it, and an unknown outcome is of no consequence. */
  readonly readOnly: boolean
  /** Running it twice leaves what running it once leaves. The caller's promise; it can't be checked. */
  readonly idempotent: boolean
}

export interface RetrySituation {
  readonly classification: Classification
  /** Attempts made, the first included. */
  readonly attempts: number
  /** By the clock of the caller, milliseconds. */
  readonly nowMs: number
  /** When the call as a whole has to have ended; Infinity: no limit. */
  readonly deadlineMs: number
  /** There's a route that this call hasn't tried. */
  readonly otherRoute: boolean
}

export type RetryDecision =
  | { readonly again: true; readonly delayMs: number; readonly route: 'same' | 'next' }
  | { readonly again: false; readonly because: RetryRefusal }

/** Why a failed call isn't run again. */
export type RetryRefusal = 'final' | 'outcome-unknown' | 'attempts' | 'no-other-route' | 'deadline' | 'budget'

export interface RetryPolicyOptions {
  /** Attempts per call, the first included, from 1 on. Default 3. 1: nothing is retried. */
  readonly maxAttempts?: number
  /** Longest first delay; each further one is at most twice as long. Default 50 ms. */
  readonly baseDelayMs?: number
  /** No delay is longer. Default 1000 ms. */
  readonly maxDelayMs?: number
  /** No delay is shorter. Default 20 ms; below 1 ms postgres.js hangs after a reset. */
  readonly minDelayMs?: number
}

/** Both ended for another transaction's sake, and one of them got through: repeating can't pile up. */
const CONFLICTS: ReadonlySet<ClassReason> = new Set<ClassReason>(['serialization', 'deadlock'])

export class RetryPolicy {
  readonly #maxAttempts: number
  readonly #baseDelayMs: number
  readonly #maxDelayMs: number
  readonly #minDelayMs: number
  readonly #random: { next(): number }
  readonly budget: RetryBudget

  /** `random.next()` in [0, 1). */
  constructor(tools: { budget: RetryBudget; random: { next(): number } }, options: RetryPolicyOptions = {}) {
    this.#maxAttempts = options.maxAttempts ?? 3
    this.#baseDelayMs = options.baseDelayMs ?? 50
    this.#maxDelayMs = options.maxDelayMs ?? 1000
    this.#minDelayMs = options.minDelayMs ?? 20
    this.#random = tools.random
    this.budget = tools.budget
  }

  /** Asked after each failed attempt. */
  decide(situation: RetrySituation, traits: RetryTraits): RetryDecision {
    const { classification, attempts, nowMs, deadlineMs, otherRoute } = situation
    const { kind, reason, elsewhereOnly } = classification
    if (kind === 'never') return no('final')
    // Whoever asked for a transaction that may not write, and wrote, has made a mistake; no server takes it.
    if (reason === 'read-only-server' && traits.readOnly) return no('final')
    if (kind === 'unknown' && !traits.readOnly && !traits.idempotent) return no('outcome-unknown')
    if (attempts >= this.#maxAttempts) return no('attempts')
    if (kind === 'not-executed' && otherRoute) {
      return nowMs < deadlineMs ? { again: true, delayMs: 0, route: 'next' } : no('deadline')
    }
    if (elsewhereOnly) return no('no-other-route')
    const delayMs = this.#delayMs(attempts - 1)
    if (nowMs + delayMs >= deadlineMs) return no('deadline')
    if (!CONFLICTS.has(reason) && !this.budget.tryTake()) return no('budget')
    return { again: true, delayMs, route: 'same' }
  }

  #delayMs(retriesMade: number): number {
    const mostMs = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** retriesMade)
    return Math.max(this.#minDelayMs, this.#random.next() * mostMs)
  }
}

function no(because: RetryRefusal): RetryDecision {
  return { again: false, because }
}
