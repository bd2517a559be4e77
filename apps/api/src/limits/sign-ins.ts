// How often somebody may try to sign in: before any hash is made, so that a refusal costs next to nothing and says nothing of the password.
//
//   begin ──account, address and network have something left──────────────────► attempt ──succeeded──► given back
//     │                                                                            └─nothing said──► a failure, for 15 minutes
//     └─one of them hasn't, not the address by itself, and signed in from this address before
//         └──known has──────────────────────────────────────────────────────────► attempt ──succeeded──► given back, and known's failures with it
//
// * An attempt counts from its beginning, so that many at once are no way around it.
// * Failures of strangers use up the account's share, and then strangers are refused, whoever they say they are. An address from which the account was signed in to
//   before has a share of its own: nobody locks somebody else out of where they usually are. Such an address may so have two shares of one account, and no more.
// * Nor does a flood of invented accounts or of addresses lock everybody out: a count that's shared for lack of room is nobody's own, and who is known is measured by
//   `known` alone then. Only what was found out to be true makes keys of that rule, so strangers can't fill it.
// * An account is counted whether it exists or not, so refusals tell nothing.
// * A success at a known address forgets what was failed there by that share. The account's other failures stay, for they're others'.
import type { Decision, RateLimitStore, RuleState } from '@plimsoll/rate-limit'
import type { ApiError } from '../errors.ts'
import { keysFor, ruleIndex } from './kinds.ts'

/** Who it's about, for the log. */
export interface SignInOrigin {
  readonly requestId?: string | undefined
  readonly userId?: number | undefined
}

/** Counts as a failure until it's said to be none. */
export interface SignInAttempt {
  /** It was the right password. */
  succeeded(): void
  /** It was not found out whether it was: the database was away, or too many were waiting. */
  abandoned(): void
}

export interface SignInParts {
  readonly store: RateLimitStore
  /** The client's key; null: it isn't limited by address. */
  readonly clientOf: (address: string | undefined) => string | null
  /** The key of the network that the address is one of many of; null: there's none. */
  readonly networkOf: (address: string | undefined) => string | null
  /** Told of a refusal; gives what to throw. */
  readonly refuse: (decision: Decision, address: string | undefined, origin: SignInOrigin) => ApiError
  /** What can't be given back goes on counting. */
  readonly onLost: (error: unknown) => void
}

const ADDRESS = ruleIndex('sign-in-address')
const KNOWN = ruleIndex('sign-in-known')
const NOT_COUNTED: SignInAttempt = { succeeded: () => undefined, abandoned: () => undefined }

export class SignIns {
  readonly #parts: SignInParts | undefined

  /** @param parts undefined: nothing is limited */
  constructor(parts: SignInParts | undefined) {
    this.#parts = parts
  }

  /**
   * Call it before anything that costs.
   * @param account e-mail address, whether anybody has it or not; its case makes no difference
   * @param isKnownAddress whether the account has been signed in to from this address before; asked only when that matters
   * @throws API_ERR_RATE_LIMITED, and what isKnownAddress rejects with
   */
  async begin(
    account: string,
    address: string | undefined,
    isKnownAddress: () => Promise<boolean>,
    origin: SignInOrigin = {},
  ): Promise<SignInAttempt> {
    const parts = this.#parts
    if (parts === undefined) return NOT_COUNTED
    const { store, clientOf, networkOf, refuse } = parts
    const name = account.toLowerCase()
    const client = clientOf(address)
    const network = client === null ? null : networkOf(address)
    const strangers = keysFor({ 'sign-in-account': name, 'sign-in-address': client, 'sign-in-network': network })
    const decision = await store.take(strangers)
    if (decision.allowed) return this.#attempt(parts, strangers, decision)
    // An address that has itself failed too often isn't looked up any more.
    const { applies, remaining, isShared } = decision.states[ADDRESS] as RuleState
    const isUsedUp = applies && remaining === 0 && !isShared
    if (isUsedUp || !(await isKnownAddress())) throw refuse(decision, address, origin)
    const known = keysFor({
      // Who isn't limited by address is one client all the same. A client's key has no blank.
      'sign-in-known': `${client ?? 'exempt'} ${name}`,
      // Its failures are the address's, unless that's counted with others'.
      'sign-in-address': isShared ? null : client,
    })
    const second = await store.take(known)
    if (!second.allowed) throw refuse(second, address, origin)
    return this.#attempt(parts, known, second)
  }

  #attempt(
    { store, onLost }: SignInParts,
    keys: readonly (string | null)[],
    { atMs, states }: Decision,
  ): SignInAttempt {
    let isOpen = true
    const { rule, applies, remaining } = states[KNOWN] as RuleState
    const earlier = applies ? rule.limit - remaining - 1 : 0
    const knownKeys = keys.map((key, i) => (i === KNOWN ? key : null))
    const giveBack = async (forgets: boolean): Promise<void> => {
      if (!isOpen) return
      isOpen = false
      try {
        await store.giveBack(keys, '', atMs)
        if (forgets && earlier > 0) await store.giveBack(knownKeys, '', atMs, earlier)
      } catch (error) {
        onLost(error)
      }
    }
    return { succeeded: () => void giveBack(true), abandoned: () => void giveBack(false) }
  }
}
