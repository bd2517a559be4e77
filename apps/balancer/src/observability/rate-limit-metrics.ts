// What the limits by address refuse, and how full their tables are. Without limits there are no samples, except of what was counted before.
import type { RuleUsage } from '@plimsoll/rate-limit'
import type { LimitRule } from '../admission/rate-limiter.ts'
import type { Exposition } from './exposition.ts'

export class RateLimitMetrics {
  readonly #refused = new Map<string, number>()

  count(rule: LimitRule): void {
    this.#refused.set(rule, (this.#refused.get(rule) ?? 0) + 1)
  }

  /** `usage` is of the rules that there are now. */
  render(out: Exposition, usage: readonly RuleUsage[]): void {
    // From the start on: a counter that begins with its first event has no increase to be seen.
    for (const { rule } of usage) if (!this.#refused.has(rule.name)) this.#refused.set(rule.name, 0)
    out.tally(
      'lb_rate_limited_total',
      'Requests that were refused because their address has had its share, by the rule that says so.',
      'rule',
      this.#refused,
    )
    const gauge = (name: string, help: string, value: (one: RuleUsage) => number) => {
      out.metric(name, 'gauge', help)
      for (const one of usage) out.sample(name, { rule: one.rule.name }, value(one))
    }
    gauge('lb_rate_limit_keys', 'Addresses, or addresses and endpoints, with a count of their own.', ({ keys }) => keys)
    gauge('lb_rate_limit_max_keys', 'As many as may have one (rate-limit.max-keys).', ({ maxKeys }) => maxKeys)
    gauge(
      'lb_rate_limit_sharing',
      '1 while there were more within the last window, so that newcomers share counts.',
      one => (one.isSharing ? 1 : 0),
    )
  }
}
