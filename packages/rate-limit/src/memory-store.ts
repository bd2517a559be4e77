// The store in this process's memory. It joins the rules: a request is looked up under all of them, then counted under all or none.
//
// Invariants
// * Nothing is counted for a request that any rule refuses.
// * No timer, no promise, and for a key that's known no allocation: the decision is one object that the next call overwrites.
// * Memory is bounded by the options: slots by maxKeys, keys by their longest length (see keys.ts).
// @hot
import { notConcerned } from './decision.ts'
import { checkKeys, keyOf } from './keys.ts'
import { NO_SLOT, RuleWindows } from './rule-windows.ts'
import { SteadyTime } from './steady-time.ts'
import { completeOptions, type CompleteOptions, type MemoryStoreOptions } from './store-options.ts'
import type { Decision, Keys, RateLimitStore, Rule, RuleState } from './store.ts'

/** How full a rule's table is. */
export interface RuleUsage {
  readonly rule: Readonly<Required<Rule>>
  /** Keys with a count of their own; some may be over. */
  readonly keys: number
  readonly maxKeys: number
  /** Newcomers were counted together within the last window: there are more keys than `maxKeys`. */
  readonly isSharing: boolean
}

/** A store whose decisions are there at once, and are overwritten by the next `take` or `peek`: read or copy what you need before. */
export interface MemoryStore extends RateLimitStore<Decision> {
  giveBack(keys: Keys, scope: string, atMs: number, times?: number): undefined
  /** For metrics: how full the tables are. */
  usage(): readonly RuleUsage[]
}

/**
 * Makes a store for this process.
 * @throws RateLimitError `RATE_LIMIT_ERR_OPTION`
 */
export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new ProcessMemoryStore(completeOptions(options))
}

interface MutableState extends RuleState {
  applies: boolean
  isShared: boolean
  remaining: number
  nextMs: number
  resetMs: number
}

interface MutableDecision extends Decision {
  allowed: boolean
  refusedBy: Readonly<Required<Rule>> | null
  retryAfterMs: number
  atMs: number
  readonly states: readonly MutableState[]
}

class ProcessMemoryStore implements MemoryStore {
  readonly rules: readonly Readonly<Required<Rule>>[]
  readonly #time: SteadyTime
  readonly #perRule: readonly RuleWindows[]
  /** By rule: the slot that this request's key is measured by. */
  readonly #found: Int32Array
  readonly #decision: MutableDecision

  constructor({ rules, cellsPerKey, clock, random }: CompleteOptions) {
    this.rules = rules
    this.#time = new SteadyTime(clock)
    this.#perRule = rules.map(rule => {
      return new RuleWindows({ rule, cellsPerKey, secret: Math.floor(random.next() * 2 ** 32) | 0 })
    })
    this.#found = new Int32Array(rules.length)
    const states = rules.map(notConcerned)
    this.#decision = { allowed: true, refusedBy: null, retryAfterMs: 0, atMs: 0, states }
  }

  take(keys: Keys, scope = ''): Decision {
    const decision = this.peek(keys, scope) as MutableDecision
    if (!decision.allowed) return decision
    for (let i = 0; i < this.#perRule.length; i++) {
      const key = keyOf(keys, i)
      if (key === null) continue
      const one = this.#perRule[i] as RuleWindows
      const slot = one.admit(key, one.rule.perScope ? scope : '', this.#found[i] as number, decision.atMs)
      describe(decision.states[i] as MutableState, one, slot, decision.atMs)
    }
    return decision
  }

  peek(keys: Keys, scope = ''): Decision {
    checkKeys(keys, this.#perRule.length)
    const nowMs = this.#time.now()
    const decision = this.#decision
    decision.atMs = nowMs
    decision.refusedBy = null
    decision.retryAfterMs = 0
    for (let i = 0; i < this.#perRule.length; i++) {
      const key = keyOf(keys, i)
      const one = this.#perRule[i] as RuleWindows
      const state = decision.states[i] as MutableState
      state.applies = key !== null
      if (key === null) continue
      const slot = one.find(key, one.rule.perScope ? scope : '', nowMs)
      this.#found[i] = slot
      describe(state, one, slot, nowMs)
      if (state.remaining === 0 && state.nextMs > decision.retryAfterMs) {
        decision.refusedBy = one.rule
        decision.retryAfterMs = state.nextMs
      }
    }
    decision.allowed = decision.refusedBy === null
    return decision
  }

  giveBack(keys: Keys, scope: string, atMs: number, times = 1): undefined {
    const nowMs = this.#time.now()
    for (let i = 0; i < this.#perRule.length; i++) {
      const key = keyOf(keys, i)
      const one = this.#perRule[i] as RuleWindows
      // Later it's no longer counted, and what is there is others'.
      if (key === null || atMs + one.rule.windowMs <= nowMs) continue
      const slot = one.find(key, one.rule.perScope ? scope : '', nowMs)
      if (slot !== NO_SLOT) one.windows.takeBack(slot, nowMs, times)
    }
  }

  usage(): readonly RuleUsage[] {
    const nowMs = this.#time.now()
    return this.#perRule.map(one => {
      return { rule: one.rule, keys: one.keys, maxKeys: one.rule.maxKeys, isSharing: one.isSharing(nowMs) }
    })
  }
}

function describe(state: MutableState, one: RuleWindows, slot: number, nowMs: number): void {
  const { rule, windows } = one
  state.isShared = one.isSharedSlot(slot)
  state.remaining = slot === NO_SLOT ? rule.limit : rule.limit - windows.used(slot, nowMs)
  state.nextMs = state.remaining > 0 ? 0 : windows.nextMs(slot, nowMs)
  state.resetMs = slot === NO_SLOT ? 0 : windows.resetMs(slot, nowMs)
}
