// Who is signed in on a side, with the tokens that the side gave: questions carry them, and a refresh token is good for one question.
//
//   signed out ──tokensOf──► signed in ──renewal──► signed in with the next ones
//
// Invariants
// * A refresh token is under way once at a time: who wants the account's next one waits, and isn't timed meanwhile.
// * Signing in is nobody's figure: it's done before the clock of a question starts, and renewed between turns.
import type { Account } from './accounts.ts'

export interface Tokens {
  readonly access: string
  readonly refresh: string
}

interface Held extends Tokens {
  readonly signedInAtMs: number
}

/** An access token is good for 15 minutes; a round takes less than the rest. */
const RENEWED_AFTER_MS = 5 * 60_000

export class Sessions {
  readonly #signIn: (account: Account) => Promise<Tokens>
  readonly #clock: { now(): number }
  readonly #held = new Map<Account, Promise<Held>>()
  readonly #renewals = new Map<Account, Promise<unknown>>()

  constructor(signIn: (account: Account) => Promise<Tokens>, clock: { now(): number } = performance) {
    this.#signIn = signIn
    this.#clock = clock
  }

  tokensOf(account: Account): Promise<Tokens> {
    const held = this.#held.get(account) ?? this.#newOnes(account)
    this.#held.set(account, held)
    return held
  }

  /** @param renew gives the tokens for the refresh token that it's given */
  async renewal<Result extends { readonly tokens: Tokens }>(
    account: Account,
    renew: (refresh: string) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#renewals.get(account) ?? Promise.resolve()
    const renewed = before.then(async () => {
      const { refresh } = await this.tokensOf(account)
      const result = await renew(refresh)
      const signedInAtMs = this.#clock.now()
      this.#held.set(account, Promise.resolve({ ...result.tokens, signedInAtMs }))
      return result
    })
    // Who comes next has a failure of their own, if it's still there.
    this.#renewals.set(
      account,
      renewed.catch(() => {}),
    )
    return renewed
  }

  /** Between turns: nobody's token expires in the next one. */
  async renewOld(): Promise<void> {
    const nowMs = this.#clock.now()
    for (const [account, held] of this.#held) {
      if (nowMs - (await held).signedInAtMs < RENEWED_AFTER_MS) continue
      this.#held.set(account, this.#newOnes(account))
      await this.tokensOf(account)
    }
  }

  async #newOnes(account: Account): Promise<Held> {
    const tokens = await this.#signIn(account)
    return { ...tokens, signedInAtMs: this.#clock.now() }
  }
}
