// The seam between who asks (a balancer, a plugin) and who counts: this process's memory, a machine's, or Redis.
//
// A request is put to all rules in one call, because only the store can make that all or nothing, and because a store far away must not be asked
// once per rule.

/** At most `limit` requests per key in any `windowMs`. */
export interface Rule {
  /** Sent to clients as the policy's name: 1 to 64 letters, digits, `-` and `_`. */
  readonly name: string
  /** Requests per window, 1 to 1,000,000,000. */
  readonly limit: number
  /** The window's length in milliseconds, 1 to 2,000,000,000 (23 days). */
  readonly windowMs: number
  /** True: each key is counted once per scope (an endpoint, a kind of request). Default false: over all scopes together. */
  readonly perScope?: boolean
  /** Keys that have a count of their own, where it's others than the store's `maxKeys`: 1 to 1,000,000. Stores that have room for all don't look at it. */
  readonly maxKeys?: number
}

/** One key for all rules, or one for each in their order; null: the rule doesn't concern this request. */
export type Keys = string | readonly (string | null)[]

/** What one rule says after the decision. */
export interface RuleState {
  readonly rule: Readonly<Required<Rule>>
  /** False: there was no key for it, and the rest means nothing. */
  readonly applies: boolean
  /** True: there are more keys than room, and the key is counted with others, so that it may be refused for what they did. */
  readonly isShared: boolean
  /** Requests that are left now. */
  readonly remaining: number
  /** Milliseconds until one is left; 0 when one is. */
  readonly nextMs: number
  /** Milliseconds until all of `limit` are left, if nothing comes in between. */
  readonly resetMs: number
}

export interface Decision {
  readonly allowed: boolean
  /** The rule that refused; of several the one that takes longest. Null when allowed. */
  readonly refusedBy: Readonly<Required<Rule>> | null
  /** Milliseconds after which the same request would be allowed, if nothing comes in between; 0 when it is. */
  readonly retryAfterMs: number
  /** When it was decided, in the store's own time: only good for `giveBack`. */
  readonly atMs: number
  /** A state per rule, in the order of the rules. */
  readonly states: readonly RuleState[]
}

/**
 * Counts requests. A store in memory answers at once (`Decision`), one elsewhere with a promise.
 *
 * Every store keeps: never more than `limit` admitted requests of a key in any window; a refused request counts for no rule.
 */
export interface RateLimitStore<Answer extends Decision | Promise<Decision> = Decision | Promise<Decision>> {
  readonly rules: readonly Readonly<Required<Rule>>[]
  /** Admits and counts the request under all rules, or refuses it and counts nothing. `scope` is for rules that are per scope. */
  take(keys: Keys, scope?: string): Answer
  /** What `take` would say, without counting. `remaining` is what's left before the request. */
  peek(keys: Keys, scope?: string): Answer
  /**
   * Takes an admitted request back, once, with its own keys and scope and the decision's `atMs`: where only failures are to count.
   * `times`: so many of each key's requests, default 1.
   */
  giveBack(keys: Keys, scope: string, atMs: number, times?: number): undefined | Promise<void>
}

/** How a shared store does. */
export interface StoreState {
  /** `degraded`: what it shares can't be reached, and its fallback decides; it's tried again. `off`: closed, and the fallback decides. */
  readonly state: 'on' | 'degraded' | 'off'
  readonly reason?: string
}

/**
 * A store that several processes count in. It always decides: while what's shared can't be reached its fallback does, which knows nothing of what was
 * counted there. Each decision is a value of its own, there at once or promised: `await` takes both. Nothing rejects but for wrong keys.
 */
export interface SharedRateLimitStore<
  Answer extends Decision | Promise<Decision> = Decision | Promise<Decision>,
> extends RateLimitStore<Answer> {
  state(): StoreState
  /** Ends it, and not its fallback. What's asked afterwards the fallback decides. */
  close(): Promise<void>
}
