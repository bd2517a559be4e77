// Refresh tokens as clients have them: 256 random bits that say nothing, good for one use each.
//
//     plr_<43 characters of base64url>
//
// The prefix is for programs that look for secrets in places where none should be. Stored is the SHA-256 of the whole: a digest without salt or cost is enough for what
// can't be guessed, and it can be looked up.
import { createHash } from 'node:crypto'
import { ApiError } from '../errors.ts'
import type { Family, TokenFamiliesRepository } from './token-families-repository.ts'

const TOKEN_BYTES = 32
const PREFIX = 'plr_'
const TOKEN = /^plr_[A-Za-z0-9_-]{43}$/

export interface RefreshTokensTools {
  /** From a cryptographic source. */
  readonly randomBytes: (count: number) => Buffer
  /** Somebody has shown a used token, and the family is revoked: for the log, where the caller has none of its own. */
  readonly onReuse: (family: Family) => void
}

/** A token, and what it's for. The token itself is nowhere else. */
export interface IssuedToken extends Family {
  readonly token: string
  readonly expiresAtMs: number
}

export class RefreshTokens {
  readonly #families: TokenFamiliesRepository
  readonly #tools: RefreshTokensTools

  constructor(families: TokenFamiliesRepository, tools: RefreshTokensTools) {
    this.#families = families
    this.#tools = tools
  }

  /**
   * After a password was verified.
   * @param version of that password
   * @param addressMark of where it began; null where that isn't known
   * @returns null when it was changed meanwhile: the sign-in has failed
   */
  async start(
    userId: number,
    version: number,
    signal?: AbortSignal,
    addressMark: Buffer | null = null,
  ): Promise<IssuedToken | null> {
    const token = this.#draw()
    const stored = await this.#families.start(userId, version, digestOf(token), signal, addressMark)
    return stored === null
      ? null
      : { userId, familyId: stored.familyId, token, expiresAtMs: stored.expiresAt.getTime() }
  }

  /**
   * Gives a token for the next one.
   * @param addressMark of where it's asked for; null where that isn't known
   * @param onReuse told in place of the one that's there for all
   * @throws API_ERR_REFRESH_TOKEN, the same for one that's unknown, expired, revoked or used
   */
  async rotate(
    token: string,
    signal?: AbortSignal,
    onReuse = this.#tools.onReuse,
    addressMark: Buffer | null = null,
  ): Promise<IssuedToken> {
    if (!TOKEN.test(token)) throw refused()
    const next = this.#draw()
    const rotated = await this.#families.rotate(digestOf(token), digestOf(next), signal, addressMark)
    switch (rotated.outcome) {
      case 'rotated': {
        const { userId, familyId, expiresAt } = rotated
        return { userId, familyId, token: next, expiresAtMs: expiresAt.getTime() }
      }
      case 'reused':
        onReuse({ userId: rotated.userId, familyId: rotated.familyId })
        throw refused()
      case 'unknown':
        throw refused()
      default:
        return rotated satisfies never
    }
  }

  /** Whose it is, good or not; null for one that's unknown. */
  async ownerOf(token: string, signal?: AbortSignal): Promise<number | null> {
    return TOKEN.test(token) ? this.#families.findOwner(digestOf(token), signal) : null
  }

  /** Signs out by a refresh token. Also one that's unknown is no failure: who has it is signed out. */
  async end(token: string, signal?: AbortSignal): Promise<Family | null> {
    return TOKEN.test(token) ? this.#families.revokeByToken(digestOf(token), signal) : null
  }

  #draw(): string {
    return PREFIX + this.#tools.randomBytes(TOKEN_BYTES).toString('base64url')
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function refused(): ApiError {
  return new ApiError('API_ERR_REFRESH_TOKEN', 'The refresh token is not valid; sign in again.')
}
