// The store that machines count in together: one script in Redis or Valkey per decision, whatever the number of rules.
//
// The connection is the caller's: this package sees one method of it, and asks for a bounded time only. While Redis can't be asked the fallback decides; best one that
// the machine's processes share. It knows nothing of what was counted in Redis, so a client may get its limit once more when Redis goes away.
//
// Invariants
// * Never more than the limit in any window, over all processes, while Redis answers and keeps what it was told. A replica that takes over may have lost the latest.
// * An answer that comes too late may have counted in Redis: errors are on that side.
// * No key stands in Redis, only digests.
import { hash } from 'node:crypto'
import { decisionOf, fallbackAtMs, notConcerned, ofAnyFallback } from '../decision.ts'
import { RateLimitError } from '../errors.ts'
import { checkKeys, keyDigest, keyOf } from '../keys.ts'
import { completeOptions } from '../store-options.ts'
import type { Decision, Keys, RateLimitStore, Rule, RuleState, SharedRateLimitStore, StoreState } from '../store.ts'
import { Windows } from '../windows.ts'
import { Bounded } from './bounded.ts'
import { redisScripts, type Script, type Scripts } from './scripts.ts'

/** What's needed of a client; with @redis/client `{ send: args => client.sendCommand(args) }`. */
export interface RedisCommands {
  /** Sends a command and gives its reply, numbers as numbers. Rejects with an error in whose message is the server's. */
  send(args: string[]): Promise<unknown>
}

export interface RedisStoreOptions {
  /** As for a store in memory. */
  readonly rules: readonly Rule[]
  readonly redis: RedisCommands
  /** Who decides while Redis can't be asked: a machine's store, or one in memory. */
  readonly fallback: RateLimitStore
  /** Begins every key. Default `rate-limit:`, 1 to 200 characters. All keys are of one slot of a Redis cluster. */
  readonly keyPrefix?: string
  /** How finely a window is kept, as for a store in memory. Default 64. */
  readonly cellsPerKey?: number
  /** Longest wait for a decision. Default 50 ms, 1 to 60,000. */
  readonly timeoutMs?: number
  /** After a failure Redis isn't asked for so long. Default 1000 ms, 1 to 3,600,000. */
  readonly pauseMs?: number
  /** Told once of each change. */
  readonly onState?: (state: StoreState) => void
}

const OPTION_NAMES = ['rules', 'redis', 'fallback', 'keyPrefix', 'cellsPerKey', 'timeoutMs', 'pauseMs', 'onState']
/** What makes a rule another one; how many keys there's room for elsewhere doesn't. */
const COUNTED_BY = ['name', 'limit', 'windowMs', 'perScope']
/** Of a digest, as text: 132 bits. */
const DIGEST_CHARS = 22

/**
 * Makes the store; nothing is asked before the first decision.
 * @throws RateLimitError `RATE_LIMIT_ERR_OPTION`
 */
export function createRedisStore(options: RedisStoreOptions): SharedRateLimitStore<Promise<Decision>> {
  return new RedisStore(options)
}

interface RuleKeys {
  readonly rule: Readonly<Required<Rule>>
  readonly prefix: string
  readonly mergeMs: number
}

/** Use `createRedisStore`; the scripts are for tests. */
export class RedisStore implements SharedRateLimitStore<Promise<Decision>> {
  readonly rules: readonly Readonly<Required<Rule>>[]
  readonly #redis: RedisCommands
  readonly #scripts: Scripts
  readonly #fallback: RateLimitStore
  readonly #perRule: readonly RuleKeys[]
  readonly #bounded: Bounded

  constructor(options: RedisStoreOptions, scripts: Scripts = redisScripts()) {
    for (const name of Object.keys(options)) {
      if (!OPTION_NAMES.includes(name))
        throw invalid(`There is no option "${name}"; there are: ${OPTION_NAMES.join(', ')}.`)
    }
    const { keyPrefix = 'rate-limit:', timeoutMs = 50, pauseMs = 1000, onState = () => undefined } = options
    const { rules, cellsPerKey } = completeOptions({ rules: options.rules, cellsPerKey: options.cellsPerKey ?? 64 })
    checkWhole('timeoutMs', timeoutMs, 60_000)
    checkWhole('pauseMs', pauseMs, 3_600_000)
    if (typeof keyPrefix !== 'string' || keyPrefix.length === 0 || keyPrefix.length > 200)
      throw invalid('keyPrefix has 1 to 200 characters.')
    this.rules = rules
    this.#redis = options.redis
    this.#scripts = scripts
    this.#fallback = options.fallback
    this.#perRule = rules.map(rule => {
      // Processes with another rule of the name, as in a rolling restart, count beside these.
      const own = hash('sha256', JSON.stringify([rule, cellsPerKey], COUNTED_BY), 'base64url').slice(0, 8)
      return {
        rule,
        prefix: `${keyPrefix}{limits}:${rule.name}:${own}:`,
        mergeMs: new Windows(rule, cellsPerKey, 1).mergeMs,
      }
    })
    this.#bounded = new Bounded({ timeoutMs, pauseMs, clock: performance, onState })
  }

  state(): StoreState {
    return this.#bounded.state()
  }

  async close(): Promise<void> {
    this.#bounded.close()
  }

  async take(keys: Keys, scope = ''): Promise<Decision> {
    return (await this.#decide(keys, scope, '1')) ?? ofAnyFallback(this.#fallback.take(keys, scope))
  }

  async peek(keys: Keys, scope = ''): Promise<Decision> {
    return (await this.#decide(keys, scope, '0')) ?? ofAnyFallback(this.#fallback.peek(keys, scope))
  }

  async giveBack(keys: Keys, scope: string, atMs: number, times = 1): Promise<void> {
    const names = this.#names(keys, scope)
    const otherMs = fallbackAtMs(atMs)
    if (otherMs !== undefined) return this.#fallback.giveBack(keys, scope, otherMs, times)
    const used = names.filter(name => name !== null)
    const windows = this.#perRule.filter((_, i) => names[i] !== null).map(({ rule }) => String(rule.windowMs))
    // What can't be given back goes on counting until its window is over.
    await this.#bounded.run(() => this.#run(this.#scripts.giveBack, used, [String(atMs), String(times), ...windows]))
  }

  async #decide(keys: Keys, scope: string, counts: '0' | '1'): Promise<Decision | undefined> {
    const names = this.#names(keys, scope)
    const used = names.filter(name => name !== null)
    const args: string[] = [counts]
    for (const [i, { rule, mergeMs }] of this.#perRule.entries()) {
      if (names[i] !== null) args.push(String(rule.limit), String(rule.windowMs), String(mergeMs))
    }
    return this.#bounded.run(async () => {
      return this.#decisionOf(numbersOf(await this.#run(this.#scripts.take, used, args), used.length), names)
    })
  }

  #decisionOf([allowed, atMs = 0, ...figures]: readonly number[], names: readonly (string | null)[]): Decision {
    let next = 0
    const states = this.#perRule.map(({ rule }, i): RuleState => {
      if (names[i] === null) return notConcerned(rule)
      const [remaining = 0, nextMs = 0, resetMs = 0] = figures.slice(next, (next += 3))
      return { rule, applies: true, isShared: false, remaining, nextMs, resetMs }
    })
    if (allowed === 0) return decisionOf(states, atMs)
    return { allowed: true, refusedBy: null, retryAfterMs: 0, atMs, states }
  }

  /** @throws RateLimitError `RATE_LIMIT_ERR_KEYS` */
  #names(keys: Keys, scope: string): (string | null)[] {
    checkKeys(keys, this.rules.length)
    return this.#perRule.map(({ rule, prefix }, i) => {
      const key = keyOf(keys, i)
      if (key === null) return null
      const digest = keyDigest(prefix, rule.perScope ? scope : '', key)
      return `${prefix}${digest.toString('base64url').slice(0, DIGEST_CHARS)}`
    })
  }

  async #run(script: Script, names: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(names.length), ...names, ...args]
    try {
      return await this.#redis.send(['EVALSHA', script.digest, ...rest])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('NOSCRIPT')) throw error
      return await this.#redis.send(['EVAL', script.text, ...rest])
    }
  }
}

function numbersOf(reply: unknown, keys: number): number[] {
  const numbers = Array.isArray(reply) ? reply.map(Number) : []
  if (numbers.length === 2 + 3 * keys && numbers.every(Number.isFinite)) return numbers
  throw new Error('the reply is not that of the script')
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw invalid(`${name} is a whole number from 1 to ${most}, not ${String(value)}.`)
}

function invalid(message: string): RateLimitError {
  return new RateLimitError('RATE_LIMIT_ERR_OPTION', message)
}
