// The bearer token of the admin API (RFC 6750): where it comes from, and how it's compared.
import { createHash, timingSafeEqual } from 'node:crypto'

const TOKEN_BYTES = 32

export interface AdminToken {
  readonly token: string
  /** Nobody gave one, so whoever starts the balancer has to be told this one. */
  readonly generated: boolean
}

/** The given token, or for an empty one 256 random bits as base64url. `randomBytes` is node:crypto's. */
export function resolveAdminToken(given: string, randomBytes: (size: number) => Buffer): AdminToken {
  if (given !== '') return { token: given, generated: false }
  return { token: randomBytes(TOKEN_BYTES).toString('base64url'), generated: true }
}

/** The token in an Authorization field, or null when it holds none. */
export function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1] ?? null
}

/** Compares in a time that tells nothing: digests have the same length, and nobody can choose how one begins. */
export function tokenChecker(token: string): (given: string) => boolean {
  if (token === '') throw new RangeError('An admin token needs at least one character; resolveAdminToken makes one.')
  const expected = digest(token)
  return given => timingSafeEqual(digest(given), expected)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
