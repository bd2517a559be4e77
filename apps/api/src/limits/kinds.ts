// Every limit of the workers, in one table: what's counted, by what, over which window. The general ones by address are the balancer's, before anything costs.
//
//   rule               by                     window    limit (option)             counts
//   expensive          address, each route    1 min     limits.expensive           every request
//   uploads            address                1 min     limits.uploads             every request
//   uploads-user       user                   1 min     limits.uploads             every request
//   authentication     address                15 min    limits.authentication      sign-ups that cost a hash
//   sign-in-account    account                15 min    limits.signInsByAccount    failures
//   sign-in-address    address                15 min    limits.signInsByAddress    failures
//   sign-in-network    /48 of IPv6            15 min    10 x limits.signInsByAddress    failures: who has one has 65,536 addresses
//   sign-in-known      account and address    15 min    limits.signInsByAccount    failures from where the account was signed in to before
//
// All windows slide. A request that one rule refuses counts for none.
//
// Keys of sign-in-account have text of clients in them, and a failure costs its maker nothing. So there's room for more of them than the rule by address lets be made;
// keys of sign-in-known are made only after it was found out that they're true.
import type { Rule } from '@plimsoll/rate-limit'

export interface LimitSettings {
  readonly expensive: number
  readonly uploads: number
  readonly authentication: number
  readonly signInsByAccount: number
  readonly signInsByAddress: number
}

/** What's there when nothing else is said; nobody is exempt. The options have the same. */
export const DEFAULT_LIMITS = {
  expensive: 30,
  uploads: 10,
  authentication: 20,
  signInsByAccount: 5,
  signInsByAddress: 20,
  exemptThisMachine: false,
} as const

const MINUTE_MS = 60_000
/** Keys of each other rule that are expected in a window: clients, users. Beyond twice as many newcomers share counts. */
export const MAX_KEYS = 10_000
/**
 * Failures by as many addresses as can be counted are fewer: 10,625 x 20 in memory, 22,500 x 20 in the machine's map, which has room for twice this. So many are about 80 MB
 * of a worker's memory, or 55 MB of the map's file; what isn't in use takes none.
 */
const MAX_ACCOUNTS = 500_000
const ADDRESSES_PER_NETWORK = 10
const RULES = [
  { name: 'expensive', limit: 'expensive', windowMs: MINUTE_MS, perScope: true },
  { name: 'uploads', limit: 'uploads', windowMs: MINUTE_MS },
  { name: 'uploads-user', limit: 'uploads', windowMs: MINUTE_MS },
  { name: 'authentication', limit: 'authentication', windowMs: 15 * MINUTE_MS },
  { name: 'sign-in-account', limit: 'signInsByAccount', windowMs: 15 * MINUTE_MS, maxKeys: MAX_ACCOUNTS },
  { name: 'sign-in-address', limit: 'signInsByAddress', windowMs: 15 * MINUTE_MS },
  { name: 'sign-in-network', limit: 'signInsByAddress', times: ADDRESSES_PER_NETWORK, windowMs: 15 * MINUTE_MS },
  { name: 'sign-in-known', limit: 'signInsByAccount', windowMs: 15 * MINUTE_MS },
] as const satisfies readonly LimitRule[]

interface LimitRule extends Omit<Rule, 'limit'> {
  readonly limit: keyof LimitSettings
  readonly times?: number
}

export type RuleName = (typeof RULES)[number]['name']

/** What a route may ask for: `config: { limit: 'expensive' }`. */
export interface RouteLimit {
  readonly byAddress: RuleName
  readonly byUser?: RuleName
  /** Answers that were costly, or a guess; the others are given back. Undefined: all of them. */
  readonly counted?: ReadonlySet<number>
}

export const ROUTE_LIMITS = {
  expensive: { byAddress: 'expensive' },
  uploads: { byAddress: 'uploads', byUser: 'uploads-user' },
  // Signed up, user name taken. Of others, such as a body that isn't valid, no hash was made; 499: nobody
  // waited for the answer, and what it cost isn't known.
  authentication: { byAddress: 'authentication', counted: new Set([202, 409, 499]) },
} as const satisfies Record<string, RouteLimit>

export type RouteLimitName = keyof typeof ROUTE_LIMITS

/** What refusals are told apart by, in metrics and the log. */
export const LIMIT_KINDS = [...(Object.keys(ROUTE_LIMITS) as RouteLimitName[]), 'sign-in'] as const
export type LimitKind = (typeof LIMIT_KINDS)[number]

export function limitRules(settings: LimitSettings): readonly Rule[] {
  return RULES.map(({ limit, times = 1, ...rule }: LimitRule) => ({ ...rule, limit: settings[limit] * times }))
}

/** Keys for all rules, in their order; those that aren't named don't concern the request. */
export function keysFor(keys: Partial<Readonly<Record<RuleName, string | null>>>): (string | null)[] {
  return RULES.map(({ name }) => keys[name] ?? null)
}

export function ruleIndex(name: RuleName): number {
  return RULES.findIndex(rule => rule.name === name)
}
