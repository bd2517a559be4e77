// All that signing in is made of, put together once per worker.
import type { Cache } from '@plimsoll/cache'
import type { Logger } from '@plimsoll/telemetry'
import type { Database } from '../database/database.ts'
import type { Clock } from '../database/probe.ts'
import { AccessTokens } from './access-tokens.ts'
import { AddressMarks } from './address-marks.ts'
import type { Argon2Parameters } from './argon2-parameters.ts'
import { createCredentialsRepository, type CredentialsRepository } from './credentials-repository.ts'
import { HashSlots } from './hash-slots.ts'
import type { Keyring } from './keyring.ts'
import { readKeysFile, watchKeysFile, type RefuseKeys } from './keys-file.ts'
import { Passwords } from './passwords.ts'
import { RefreshTokens } from './refresh-tokens.ts'
import { createSessions, type Sessions } from './sessions.ts'
import {
  createTokenFamiliesRepository,
  type TokenFamiliesRepository,
  type TokenLives,
} from './token-families-repository.ts'

export interface AuthOptions {
  /** By which access tokens are signed, or the file that has them, and is read again when it changes. */
  readonly keys: Keyring | { readonly file: string; readonly refuse?: RefuseKeys | undefined }
  /** `iss` and `aud` of access tokens. */
  readonly issuer: string
  readonly audience: string
  /** At most 15 min, in ms. */
  readonly accessTokenMs: number
  readonly lives: TokenLives
  /** What new hashes cost. */
  readonly hashing: Argon2Parameters
  /** Hashes at once in this process. */
  readonly hashSlots: number
  /** Rest of a slot after a hash that others wait behind, by the time that it took. */
  readonly hashRest: number
}

export interface AuthTools {
  readonly database: Database
  /** Undefined: nothing is kept. */
  readonly cache: Cache | undefined
  readonly logger: Logger
  /** Milliseconds since the epoch. */
  readonly clock: Clock
  /** From a cryptographic source. */
  readonly randomBytes: (count: number) => Buffer
}

export interface Auth {
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly addressMarks: AddressMarks
  readonly sessions: Sessions
  readonly passwords: Passwords
  readonly hashSlots: HashSlots
  readonly credentials: CredentialsRepository
  readonly families: TokenFamiliesRepository
  close(): void
}

/** Access tokens whose signature is kept as verified: about 1 MB. */
const MAX_VERIFIED = 1000
/** At 20 ms each, and a slot: about what is served within the time. */
const MAX_WAITING = 64
/** A client that has waited so long for a slot is better told to come again. */
const MAX_WAIT_MS = 2000

/** @throws API_ERR_SIGNING_KEYS */
export function createAuth(options: AuthOptions, { database, cache, logger, clock, randomBytes }: AuthTools): Auth {
  const { keys, issuer, audience, accessTokenMs: lifeMs } = options
  const keyring = 'file' in keys ? readKeysFile(keys.file, keys.refuse) : keys
  const accessTokens = new AccessTokens({ issuer, audience, lifeMs, keyring, maxVerified: MAX_VERIFIED, clock })
  const addressMarks = new AddressMarks(keyring)
  const replaceKeys = (changed: Keyring): void => {
    accessTokens.replaceKeys(changed)
    addressMarks.replaceKeys(changed)
  }
  const endWatch =
    'file' in keys ? watchKeysFile(keys.file, { refuse: keys.refuse, onKeys: replaceKeys, logger }) : undefined

  const families = createTokenFamiliesRepository(database, options.lives)
  const hashSlots = new HashSlots({
    slots: options.hashSlots,
    rest: options.hashRest,
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    clock,
  })
  return {
    accessTokens,
    refreshTokens: new RefreshTokens(families, {
      randomBytes,
      onReuse: family => logger.warn(family, 'a used refresh token was shown again; its session is revoked'),
    }),
    addressMarks,
    sessions: createSessions(cache, families, clock),
    passwords: new Passwords({ parameters: options.hashing, slots: hashSlots, randomBytes }),
    hashSlots,
    credentials: createCredentialsRepository(database),
    families,
    close: () => endWatch?.(),
  }
}
