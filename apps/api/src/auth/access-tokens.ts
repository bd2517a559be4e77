// Access tokens: who is signed in, for at most 15 minutes, signed so that a worker can tell without asking anybody.
//
//     header   {"alg":"HS256","typ":"at+jwt","kid":"<id of the key>"}                                       RFC 7515, RFC 9068 for the type
//     payload  {"sub":"<user>","sid":"<family>","aud":"...","iss":"...","iat":<s>,"exp":<s>}                RFC 7519
//
// Whether the family is still good is not in the token: that's looked up by `sid`.
//
// A token's header is compared, not interpreted. There is one per key, byte for byte, and what doesn't begin with one of them is refused before anything of it is
// decoded: other algorithms and none, other types, keys that nobody has or that the token brings along (jwk, jku, x5u), crit, the same member twice. A release that
// makes other headers has to take these too, until its predecessor is gone.
//
// HS256, since whoever verifies is whoever signs: there's no public key by which a token could be forged, and verifying took 25 µs where Ed25519 took 300. What was
// verified is kept, and then it's a look-up.
//
// fast-jwt by itself, not @fastify/jwt: that one takes several keys only by a function, which makes each verification asynchronous and reads the key anew for it, and it
// can't be had without a Fastify instance. It signs, and checks form and signature. Times and claims are checked here, by the clock that's given: fast-jwt would take a
// token in the very moment of `exp`, ours among several audiences, and a signature whose last character differs in its spare bits. Its own cache is off.
import { createSigner, createVerifier } from 'fast-jwt'
import { ApiError } from '../errors.ts'
import { checkKeyring, type Keyring } from './keyring.ts'
import { VerifiedTokens } from './verified-tokens.ts'

/** Longest life of a token, in ms. */
export const MAX_ACCESS_TOKEN_LIFE_MS = 15 * 60_000
/** By how much the clock of the machine that signed may be ahead, in ms. An expiry is never put off by it. */
const CLOCK_TOLERANCE_MS = 5_000
/** Ours have about 300. */
const MAX_TOKEN_LENGTH = 1024

const ALGORITHM = 'HS256'
const TYPE = 'at+jwt'

export interface AccessTokensOptions {
  /** `iss`: who signs. */
  readonly issuer: string
  /** `aud`: for whom. */
  readonly audience: string
  /** From 1 s to 15 min, in ms. */
  readonly lifeMs: number
  readonly keyring: Keyring
  /** Tokens whose signature is computed once, at about 1 kB each; 0: with each request. */
  readonly maxVerified: number
  /** Milliseconds since the epoch. */
  readonly clock: { now(): number }
}

/** What a token says. */
export interface AccessClaims {
  readonly userId: number
  /** The family of tokens that began with the sign-in. */
  readonly familyId: number
  readonly expiresAtMs: number
}

/** What a signed payload says, whatever the time is. */
interface Signed {
  readonly claims: AccessClaims
  /** Not before: when it was signed, or later if it says so. */
  readonly notBeforeMs: number
}

/** All that depends on the keys, replaced together. */
interface Keys {
  readonly sign: (payload: Record<string, unknown>) => string
  /** By the encoded header of their tokens. */
  readonly verifiers: ReadonlyMap<string, (token: string) => unknown>
  /** By these keys. */
  readonly verified: VerifiedTokens<Signed>
}

export class AccessTokens {
  readonly #options: AccessTokensOptions
  #keys: Keys

  /** @throws API_ERR_SIGNING_KEYS */
  constructor(options: AccessTokensOptions) {
    const { lifeMs } = options
    if (!(lifeMs >= 1000 && lifeMs <= MAX_ACCESS_TOKEN_LIFE_MS)) {
      throw new RangeError(`lifeMs is ${lifeMs}; it's from 1000 to ${MAX_ACCESS_TOKEN_LIFE_MS}.`)
    }
    this.#options = options
    this.#keys = keysOf(options.keyring, options.maxVerified)
  }

  /**
   * From now on signs and verifies with these; unusable ones leave the present ones in force.
   * @throws API_ERR_SIGNING_KEYS
   */
  replaceKeys(keyring: Keyring): void {
    this.#keys = keysOf(keyring, this.#options.maxVerified)
  }

  sign(userId: number, familyId: number): { readonly token: string; readonly expiresAtMs: number } {
    const { issuer: iss, audience: aud, lifeMs, clock } = this.#options
    const iat = Math.floor(clock.now() / 1000)
    const exp = iat + Math.floor(lifeMs / 1000)
    const token = this.#keys.sign({ sub: String(userId), sid: String(familyId), aud, iss, iat, exp })
    return { token, expiresAtMs: exp * 1000 }
  }

  /** @throws API_ERR_ACCESS_TOKEN, the same for whatever is wrong; what it was stands in its cause, for the log */
  verify(token: string): AccessClaims {
    const { verified } = this.#keys
    let signed = verified.get(token)
    if (signed === undefined) {
      signed = this.#read(token)
      verified.set(token, signed)
    }
    const nowMs = this.#options.clock.now()
    // RFC 7519, 4.1.4: not on or after it.
    if (nowMs >= signed.claims.expiresAtMs) throw refused('expired')
    if (signed.notBeforeMs > nowMs + CLOCK_TOLERANCE_MS) throw refused('not valid yet')
    return signed.claims
  }

  #read(token: string): Signed {
    if (token.length > MAX_TOKEN_LENGTH) throw refused('over 1 kB')
    const verify = this.#keys.verifiers.get(token.slice(0, token.indexOf('.')))
    if (verify === undefined) throw refused('a header that is none of ours')
    if (!isCanonical(token.slice(token.lastIndexOf('.') + 1))) throw refused('a signature in another spelling')
    let payload: unknown
    try {
      payload = verify(token)
    } catch (error) {
      throw refused(error)
    }
    return this.#claimsOf(payload as Record<string, unknown>)
  }

  #claimsOf({ iss, aud, sub, sid, iat, exp, nbf = iat }: Record<string, unknown>): Signed {
    const { issuer, audience } = this.#options
    if (iss !== issuer) throw refused('another issuer')
    if (aud !== audience) throw refused('another audience')
    const userId = identity(sub)
    const familyId = identity(sid)
    if (userId === undefined || familyId === undefined) throw refused('no subject, or no session')
    if (!isTime(iat) || !isTime(exp) || !isTime(nbf)) throw refused('no times')
    const expiresAtMs = exp * 1000
    if (expiresAtMs - iat * 1000 > MAX_ACCESS_TOKEN_LIFE_MS) throw refused('a life over 15 minutes')
    // Frozen: all requests that bring the token share it.
    return { claims: Object.freeze({ userId, familyId, expiresAtMs }), notBeforeMs: Math.max(iat, nbf) * 1000 }
  }
}

function keysOf(keyring: Keyring, maxVerified: number): Keys {
  const { sign, keys } = checkKeyring(keyring)
  const verifiers = new Map<string, (token: string) => unknown>()
  for (const [kid, key] of keys) {
    const verify = createVerifier({ key, algorithms: [ALGORITHM], ignoreExpiration: true, ignoreNotBefore: true })
    verifiers.set(headerOf(kid), verify)
  }
  const signer = createSigner<Record<string, unknown>>({
    key: keys.get(sign) as Buffer,
    algorithm: ALGORITHM,
    kid: sign,
    header: { alg: ALGORITHM, typ: TYPE },
  })
  return { sign: payload => signer(payload), verifiers, verified: new VerifiedTokens(maxVerified) }
}

/** As the signer writes it. */
function headerOf(kid: string): string {
  return Buffer.from(JSON.stringify({ alg: ALGORITHM, typ: TYPE, kid })).toString('base64url')
}

/** 32 bytes are 43 characters with two bits to spare, which decoders don't look at: four texts would be the same signature. */
function isCanonical(signature: string): boolean {
  return Buffer.from(signature, 'base64url').toString('base64url') === signature
}

const IDENTITY = /^[1-9]\d{0,15}$/

function identity(claim: unknown): number | undefined {
  if (typeof claim !== 'string' || !IDENTITY.test(claim)) return undefined
  const id = Number(claim)
  return Number.isSafeInteger(id) ? id : undefined
}

function isTime(claim: unknown): claim is number {
  return Number.isSafeInteger(claim) && (claim as number) >= 0
}

function refused(cause: unknown): ApiError {
  return new ApiError('API_ERR_ACCESS_TOKEN', 'Send a valid access token as `authorization: Bearer ...`.', { cause })
}
