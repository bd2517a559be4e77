// One rule with its keys. What happens when there are more keys than slots is decided here.
//
//   own slots, one per key                    shared slots, one sixteenth as many: newcomers while every own slot is in use
//   [ a ][ b ][ c ] ...                       [ x + y + z ][ v ] ...    which one is by a hash with a secret
//     ▲ reused when its window is over            │ when an own slot is free again, a newcomer takes its shared count along
//     └───────────────────────────────────────────┘
//
// Chosen: to count newcomers together. To forget the key that was longest away gives a blocked one a new start: all it takes is a flood of
// other addresses. To refuse all newcomers shuts out everybody for the price of a flood, and to admit them uncounted is no limit at all.
//
// Invariants
// * A key's own requests are always part of the count it's measured by: in its own slot; in its shared slot; or, having moved to an own slot, in the
//   copy it took along. So `limit` holds for every key, whatever the number of keys; sharing only ever refuses too much.
// * A key that has a slot keeps it until its window is over. No other key's requests count against it, save those it took along.
// * Refused requests take no slot.
// @hot
import { KeySlots } from './key-slots.ts'
import type { Rule } from './store.ts'
import { Windows } from './windows.ts'

/** No request of the key counts, and there's no slot for it yet. */
export const NO_SLOT = -1
const KEYS_PER_SHARED_SLOT = 16
/** Slots given free per new key at most: what a flood has taken is given back as new keys come, without a pause for it. */
const RECLAIMED_AT_ONCE = 2

export interface RuleWindowsOptions {
  readonly rule: Readonly<Required<Rule>>
  readonly cellsPerKey: number
  /** 32 bits. */
  readonly secret: number
}

export class RuleWindows {
  readonly rule: Readonly<Required<Rule>>
  readonly windows: Windows
  readonly #slots: KeySlots
  readonly #maxKeys: number
  readonly #sharedSlots: number
  readonly #secret: number
  /** Until then some shared slot may have something in it. */
  #sharedUntilMs = 0

  constructor({ rule, cellsPerKey, secret }: RuleWindowsOptions) {
    const { maxKeys } = rule
    this.rule = rule
    this.#maxKeys = maxKeys
    this.#sharedSlots = Math.ceil(maxKeys / KEYS_PER_SHARED_SLOT)
    this.#secret = secret
    this.#slots = new KeySlots(maxKeys)
    this.windows = new Windows(rule, cellsPerKey, maxKeys + this.#sharedSlots)
  }

  get keys(): number {
    return this.#slots.size
  }

  isSharing(nowMs: number): boolean {
    return nowMs < this.#sharedUntilMs
  }

  /** The slot that the key is measured by; NO_SLOT when nothing can count. */
  find(key: string, scope: string, nowMs: number): number {
    const slot = this.#slots.find(key, scope)
    if (slot !== NO_SLOT || nowMs >= this.#sharedUntilMs) return slot
    return this.#sharedSlot(key, scope)
  }

  /** Whether newcomers are counted together in that slot. */
  isSharedSlot(slot: number): boolean {
    return slot >= this.#maxKeys
  }

  /** Counts a request of the key, for which `find` gave `found`, and gives the slot that has it. Only below the limit. */
  admit(key: string, scope: string, found: number, nowMs: number): number {
    const slot = found !== NO_SLOT && found < this.#maxKeys ? found : this.#newcomer(key, scope, found, nowMs)
    this.windows.record(slot, nowMs)
    if (slot < this.#maxKeys) this.#slots.touch(slot)
    else this.#sharedUntilMs = nowMs + this.rule.windowMs
    return slot
  }

  #newcomer(key: string, scope: string, found: number, nowMs: number): number {
    for (let i = 0; i < RECLAIMED_AT_ONCE; i++) {
      const oldest = this.#slots.oldest()
      if (oldest === NO_SLOT || !this.windows.isOver(oldest, nowMs)) break
      this.#slots.remove(oldest)
    }
    const slot = this.#slots.add(key, scope)
    if (slot === NO_SLOT) {
      const shared = this.#sharedSlot(key, scope)
      // What's long over has to leave before something is added.
      this.windows.used(shared, nowMs)
      return shared
    }
    if (found === NO_SLOT) this.windows.clear(slot)
    else this.windows.copy(found, slot)
    return slot
  }

  #sharedSlot(key: string, scope: string): number {
    const hash = hashOf(scope, hashOf(key, this.#secret))
    return this.#maxKeys + (hash % this.#sharedSlots)
  }
}

/** MurmurHash3's mixing over UTF-16 units. Not proof against who can watch it; good enough for slots that nobody sees. */
function hashOf(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    let unit = Math.imul(text.charCodeAt(i), 0xcc9e2d51)
    unit = (unit << 15) | (unit >>> 17)
    hash ^= Math.imul(unit, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  hash ^= text.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
