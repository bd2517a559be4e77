// Limits by client address: who has had its share is refused before anything is done for the request.
//
//   client's address ──► exempt? ──► key (IPv6 by prefix) ─┬─► rule "overall"
//   path ──► endpoint of those that were named ────────────┴─► rule "endpoint", if it has one
//
// Invariants
// * The address is the one that the request passes found: the peer's, or what a trusted proxy says.
// * A request counts under both rules or, refused, under none; tries, repeats and hedges of it don't count again.
// * Keys are bounded by the store, endpoints by the options; nothing is kept per request.
// @hot
import type { MessageHead } from '@plimsoll/http1'
import {
  createClientKeys,
  createMemoryStore,
  policyField,
  rateLimitField,
  retryAfterField,
  type Decision,
  type MemoryStore,
  type Rule,
  type RuleUsage,
} from '@plimsoll/rate-limit'
import { BalancerError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { ClientIdentity } from '../headers/request-passes.ts'
import type { Clock } from '../transport/timer-wheel.ts'
import { LimitedEndpoints } from './limited-endpoints.ts'

/** Names of the rules: what clients are told, and the label of the metrics. */
export type LimitRule = 'overall' | 'endpoint'

/** A limit of 0 stands for no rule; so does a rule by endpoint without endpoints. */
export interface RateLimiterOptions {
  readonly overallLimit: number
  readonly overallWindowMs: number
  readonly endpointLimit: number
  readonly endpointWindowMs: number
  readonly endpoints: readonly string[]
  readonly ipv6PrefixBits: number
  readonly maxKeys: number
  /** Answers that aren't refusals have the fields, too. */
  readonly fields: boolean
  /** `address` is the client's; empty for a Unix socket. */
  isExempt(address: string): boolean
}

/** A request that doesn't go on. */
export interface RateLimitRefusal {
  readonly rule: LimitRule
  readonly error: BalancerError
  /** For operators: which client, at which endpoint. */
  readonly what: string
}

/** Stands for an exempt client; no key is empty. */
const EXEMPT = ''

export class RateLimiter {
  readonly #store: MemoryStore
  readonly #endpoints: LimitedEndpoints
  readonly #options: RateLimiterOptions
  readonly #keyOf: (address: string) => string
  readonly #policyLine: string
  /** Where the rule stands in the store; -1 when there's none. */
  readonly #overall: number
  readonly #endpoint: number
  /** By rule; filled anew for each request. */
  readonly #keys: (string | null)[]
  /** Keys of peers that speak for themselves, as long as they're connected. */
  readonly #keyOfPeer = new WeakMap<ClientIdentity, string>()

  /** The counts of `before` go on unless the rules, or how many keys they have, are other. */
  constructor(options: RateLimiterOptions, clock: Clock, before: RateLimiter | null) {
    const rules = rulesOf(options)
    const goesOn = before !== null && before.#countsAs(rules, options.maxKeys)
    // Its randomness is Node's crypto: who could guess it would know which newcomers share a count.
    this.#store = goesOn ? before.#store : createMemoryStore({ rules, maxKeys: options.maxKeys, clock })
    this.#options = options
    this.#endpoints = new LimitedEndpoints(options.endpoints)
    this.#keyOf = createClientKeys({ ipv6PrefixBits: options.ipv6PrefixBits })
    this.#policyLine = `RateLimit-Policy: ${policyField(rules)}\r\n`
    this.#overall = rules.findIndex(({ name }) => name === 'overall')
    this.#endpoint = rules.findIndex(({ name }) => name === 'endpoint')
    this.#keys = rules.map(() => null)
  }

  #countsAs(rules: readonly Rule[], maxKeys: number): boolean {
    return this.#options.maxKeys === maxKeys && JSON.stringify(rulesOf(this.#options)) === JSON.stringify(rules)
  }

  /** Counts the request of a client whose address is known, and says what to tell it; null when it may go on. */
  check(exchange: Exchange, head: MessageHead): RateLimitRefusal | null {
    const key = this.#clientKey(exchange)
    if (key === EXEMPT) return null
    const endpoint = this.#endpoint === -1 ? null : this.#endpoints.of(head, exchange.target)
    const keys = this.#keys
    if (this.#overall !== -1) keys[this.#overall] = key
    if (this.#endpoint !== -1) keys[this.#endpoint] = endpoint === null ? null : key
    // To be read at once: the next request's decision is the same object.
    const decision = this.#store.take(keys, endpoint ?? '')
    if (decision.allowed) {
      if (this.#options.fields) exchange.rateLimitFields = this.#fieldsOf(decision)
      return null
    }
    exchange.rateLimitFields = this.#fieldsOf(decision)
    return refusal(decision, key, endpoint)
  }

  /** For metrics: how full the tables are, by rule. */
  usage(): readonly RuleUsage[] {
    return this.#store.usage()
  }

  #clientKey({ client, clientAddress }: Exchange): string {
    const { identity } = client
    if (identity.isTrusted) return this.#newKey(clientAddress)
    let key = this.#keyOfPeer.get(identity)
    if (key === undefined) this.#keyOfPeer.set(identity, (key = this.#newKey(clientAddress)))
    return key
  }

  #newKey(address: string): string {
    return this.#options.isExempt(address) ? EXEMPT : this.#keyOf(address)
  }

  #fieldsOf(decision: Decision): string {
    const left = rateLimitField(decision)
    return left === undefined ? '' : `RateLimit: ${left}\r\n${this.#policyLine}`
  }
}

function rulesOf(options: RateLimiterOptions): Rule[] {
  const rules: Rule[] = []
  const { overallLimit, overallWindowMs, endpointLimit, endpointWindowMs, endpoints } = options
  if (overallLimit > 0) rules.push({ name: 'overall', limit: overallLimit, windowMs: overallWindowMs })
  if (endpointLimit > 0 && endpoints.length > 0)
    rules.push({ name: 'endpoint', limit: endpointLimit, windowMs: endpointWindowMs, perScope: true })
  return rules
}

function refusal(decision: Decision, key: string, endpoint: string | null): RateLimitRefusal {
  const { name, limit, windowMs } = decision.refusedBy as Rule
  const rule = name as LimitRule
  const of = rule === 'overall' ? 'of one address' : 'of one address to one endpoint'
  const detail = `At most ${limit} requests ${of} in ${windowMs / 1000} s (rule "${rule}").`
  return {
    rule,
    error: new BalancerError('LB_ERR_RATE_LIMITED', detail, { retryAfterS: Number(retryAfterField(decision)) }),
    what: rule === 'overall' ? key : `${key} at ${endpoint}`,
  }
}
