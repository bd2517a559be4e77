// What clients are told: draft-ietf-httpapi-ratelimit-headers-11 (May 2026), and Retry-After (RFC 9110 10.2.3).
//
//   RateLimit-Policy = 1#( sf-string ;q=limit ;w=seconds )     the rules as they stand
//   RateLimit        = 1#( sf-string ;r=remaining ;t=seconds ) what's left; within t no more than r
//   Retry-After      = delay-seconds
//
// Choices that the draft leaves open
// * t: with nothing left, the time until one is. Else the time until all are, and no less than r takes at the policy's own rate: the ratio of r and t,
//   which a client may take for a rate, is never above q / w (section 6).
// * A refusal has only the rules that refuse, since Retry-After must not be before the end of any t (section 6).
// * No pk: the address is the client's own, and a hash of it would tell those in between more than the client.
// * Seconds are rounded up: who waits as long as it's told isn't early.
import type { Decision, Rule } from './store.ts'

export const POLICY_FIELD = 'ratelimit-policy'
export const RATE_LIMIT_FIELD = 'ratelimit'

/** Value of `RateLimit-Policy`; the same for every answer, so make it once. */
export function policyField(rules: readonly Pick<Rule, 'name' | 'limit' | 'windowMs'>[]): string {
  return rules.map(rule => `"${rule.name}";q=${rule.limit};w=${seconds(rule.windowMs)}`).join(', ')
}

/** Value of `RateLimit`; undefined when no rule applied. */
export function rateLimitField({ allowed, states }: Decision): string | undefined {
  let field: string | undefined
  for (const { rule, applies, remaining, nextMs, resetMs } of states) {
    if (!applies || (!allowed && remaining > 0)) continue
    const untilMs = remaining === 0 ? nextMs : Math.max(resetMs, (remaining / rule.limit) * rule.windowMs)
    const item = `"${rule.name}";r=${remaining};t=${seconds(untilMs)}`
    field = field === undefined ? item : `${field}, ${item}`
  }
  return field
}

/** Value of `Retry-After` for a refusal; undefined for what's allowed. */
export function retryAfterField({ allowed, retryAfterMs }: Decision): string | undefined {
  return allowed ? undefined : String(seconds(retryAfterMs))
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
