// Hashing and verifying passwords with Argon2id, off the main thread and within the slots of the machine.
//
// Invariants
// * Verifying takes one hash of the same cost whether there is a stored hash or not: neither the answer nor its time tells whether an account exists. The only
//   exceptions are hashes that an earlier release made at lower costs, until their owners have signed in.
// * Passwords are in no error and no log.
//
// @node-rs/argon2 and not Node's own crypto.argon2, which took two to three times as long for the same hash (25 ms and 66 on the same machine).
import { hash, verify } from '@node-rs/argon2'
import { DIGEST_BYTES, decoyHash, isOutdated, type Argon2Parameters } from './argon2-parameters.ts'
import type { HashSlots } from './hash-slots.ts'
import { passwordText } from './password-text.ts'

export interface PasswordsOptions {
  /** What new hashes cost. */
  readonly parameters: Argon2Parameters
  readonly slots: HashSlots
  /** From a cryptographic source. */
  readonly randomBytes: (count: number) => Buffer
}

/** What a password turned out to be. */
export interface Verdict {
  readonly matches: boolean
  /** It matches, and its hash costs less than one made now: hash the password again and store that. */
  readonly outdated: boolean
}

const NO_MATCH: Verdict = { matches: false, outdated: false }

export class Passwords {
  readonly #options: PasswordsOptions
  readonly #decoy: string

  constructor(options: PasswordsOptions) {
    this.#options = options
    this.#decoy = decoyHash(options.parameters, options.randomBytes)
  }

  /**
   * The hash to store, with a salt of its own. Whether the password may be chosen is for the policy to say before.
   * @throws API_ERR_PASSWORDS_BUSY; RangeError for what the policy never lets through
   */
  async hash(typed: string, signal?: AbortSignal): Promise<string> {
    const text = passwordText(typed)
    if (text === undefined) throw new RangeError('The password is over 1 kB or no text.')
    const { slots, parameters } = this.#options
    const { memoryKib, passes, lanes } = parameters
    // Its other options are Argon2id, version 19 and a salt of 16 random bytes; a test holds it to them.
    const options = { memoryCost: memoryKib, timeCost: passes, parallelism: lanes, outputLen: DIGEST_BYTES }
    return slots.run(() => hash(text, options), signal)
  }

  /** @throws API_ERR_PASSWORDS_BUSY when a hash would be refused now */
  throwIfBusy(): void {
    this.#options.slots.throwIfFull()
  }

  /**
   * @param stored undefined: there is no such account, or it has no password
   * @throws API_ERR_PASSWORDS_BUSY
   */
  async verify(stored: string | undefined, typed: string, signal?: AbortSignal): Promise<Verdict> {
    const text = passwordText(typed)
    // Nobody has such a password, and that's seen from what was sent alone.
    if (text === undefined) return NO_MATCH
    const { slots, parameters } = this.#options
    const matches = await slots.run(() => verify(stored ?? this.#decoy, text), signal)
    if (stored === undefined || !matches) return NO_MATCH
    return { matches, outdated: isOutdated(stored, parameters) }
  }
}
