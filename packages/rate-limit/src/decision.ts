// Decisions that are values of their own, as stores make them that others can ask meanwhile.
import type { Decision, Rule, RuleState } from './store.ts'

/** @param states per rule, in their order */
export function decisionOf(states: readonly RuleState[], atMs: number): Decision {
  let refusedBy: Readonly<Required<Rule>> | null = null
  let retryAfterMs = 0
  for (const { rule, applies, remaining, nextMs } of states) {
    if (!applies || remaining > 0 || nextMs <= retryAfterMs) continue
    refusedBy = rule
    retryAfterMs = nextMs
  }
  return { allowed: refusedBy === null, refusedBy, retryAfterMs, atMs, states }
}

/** Of a rule that has no key for the request. */
export function notConcerned(rule: Readonly<Required<Rule>>): RuleState {
  return { rule, applies: false, isShared: false, remaining: rule.limit, nextMs: 0, resetMs: 0 }
}

/** Added to a fallback's time, so that what it admitted is given back to it and to nobody else. Above every time in milliseconds; adding it a few times stays exact. */
const BY_FALLBACK_MS = 2 ** 50

/** A value of its own, whatever the store does with its decision next. */
export function copyDecision(decision: Decision): Decision {
  return { ...decision, states: decision.states.map(state => ({ ...state })) }
}

export function ofFallback(decision: Decision): Decision {
  return { ...copyDecision(decision), atMs: decision.atMs + BY_FALLBACK_MS }
}

/** The same of one that may have to be waited for: one that's there is copied before anybody else can ask. */
export function ofAnyFallback(answer: Decision | Promise<Decision>): Decision | Promise<Decision> {
  return answer instanceof Promise ? answer.then(ofFallback) : ofFallback(answer)
}

/** The fallback's own time; undefined: it wasn't the fallback's decision. */
export function fallbackAtMs(atMs: number): number | undefined {
  return atMs >= BY_FALLBACK_MS ? atMs - BY_FALLBACK_MS : undefined
}
