// How often somebody may try to sign in: before any hash is made, so that a refusal costs next to nothing and says nothing of the password.
//
//   begin ──account and address have something left──────────────────────────────► attempt ──succeeded──► given back, and the pair's failures with it
//     └─the account hasn't, and signed in from this address before──the pair has──┘   └─nothing said──► a failure, for 15 minutes
//
// * An attempt counts from its beginning, so that many at once are no way around it.
// * Failures of strangers use up the account's share, and then strangers are refused, whoever they say they are. An address from which the account was signed in to
//   before has a share of its own: nobody locks somebody else out of where they usually are.
// * Each address has no more than one share of an account either way: the pair counts beside the account.
// * An account is counted whether it exists or not, so refusals tell nothing.
// * A success forgets what this address has failed. The account's other failures stay, for they're others'.
import type { Decision, RateLimitStore } from '@plimsoll/rate-limit'
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
  /** Told of a refusal; gives what to throw. */
  readonly refuse: (decision: Decision, address: string | undefined, origin: SignInOrigin) => ApiError
  /** What can't be given back goes on counting. */
  readonly onLost: (error: unknown) => void
}

const ACCOUNT = ruleIndex('sign-in-account')
const PAIR = ruleIndex('sign-in-pair')
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
    const { store, clientOf, refuse } = parts
    const name = account.toLowerCase()
    const client = clientOf(address)
    const own = {
      'sign-in-address': client,
      // Who isn't limited by address is one client all the same. A client's key has no blank.
      'sign-in-pair': `${client ?? 'exempt'} ${name}`,
    }
    const all = keysFor({ ...own, 'sign-in-account': name })
    const decision = await store.take(all)
    if (decision.allowed) return this.#attempt(parts, all, decision)
    if (!isOnlyAccounts(decision) || !(await isKnownAddress())) throw refuse(decision, address, origin)
    const ownKeys = keysFor(own)
    const second = await store.take(ownKeys)
    if (!second.allowed) throw refuse(second, address, origin)
    return this.#attempt(parts, ownKeys, second)
  }

  #attempt(
    { store, onLost }: SignInParts,
    keys: readonly (string | null)[],
    { atMs, states }: Decision,
  ): SignInAttempt {
    let isOpen = true
    const { rule, remaining } = states[PAIR] as Decision['states'][number]
    const earlier = rule.limit - remaining - 1
    const pairKeys = keys.map((key, i) => (i === PAIR ? key : null))
    const giveBack = async (forgets: boolean): Promise<void> => {
      if (!isOpen) return
      isOpen = false
      try {
        await store.giveBack(keys, '', atMs)
        if (forgets && earlier > 0) await store.giveBack(pairKeys, '', atMs, earlier)
      } catch (error) {
        onLost(error)
      }
    }
    return { succeeded: () => void giveBack(true), abandoned: () => void giveBack(false) }
  }
}

function isOnlyAccounts({ states }: Decision): boolean {
  return states.every(({ applies, remaining }, i) => !applies || remaining > 0 || i === ACCOUNT)
}
