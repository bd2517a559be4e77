// What signing up, in and out means, apart from HTTP and SQL.
//
// Invariants
// * Whether somebody has an e-mail address can't be told: not by an answer, not by its time. A sign-in takes one look-up and one hash whether there's an account or not, a
//   sign-up one hash and a transaction of as many statements. (Who signs up and then signs in learns it, as long as addresses aren't confirmed by mail.)
// * Limits are asked before anything costs; a refused attempt sees no hash, so that a right password doesn't show itself. What fails for a reason of ours counts as no attempt.
// * When tokens have been given out, nothing is left that could fail: what the answer needs besides was read before.
// * Nobody is signed in by a password that was changed while they did (RefreshTokens.start).
import type { AddressMarks } from '../../auth/address-marks.ts'
import type { Auth } from '../../auth/auth.ts'
import type { CommonPasswords } from '../../auth/common-passwords.ts'
import { PASSWORD_FAULTS, passwordFault } from '../../auth/password-policy.ts'
import type { IssuedToken } from '../../auth/refresh-tokens.ts'
import { ApiError } from '../../errors.ts'
import type { Caller } from '../../http/caller.ts'
import { CLIENT_LEFT } from '../../http/request-deadline.ts'
import { foundUser } from '../gamification/users.ts'
import type { ProfileCache } from './cache.ts'
import type { Account, AuthRepository } from './repository.ts'
import type { PasswordChange, Profile, Refresh, SignedUp, SignIn, SignUp, Tokens } from './schema.ts'
import type { Origin, SecurityLog } from './security-log.ts'

/** What's counted of attempts to sign in. */
export interface SignInLimits {
  /**
   * @param account e-mail address in lower case, whether anybody has it or not
   * @param isKnownAddress whether the account has been signed in to from this address before; asked only when that matters
   * @param about for the line of a refusal; read when there is one
   * @throws API_ERR_RATE_LIMITED
   */
  begin(
    account: string,
    address: string | undefined,
    isKnownAddress: () => Promise<boolean>,
    about: { readonly requestId: string; readonly userId?: number },
  ): Promise<Attempt>
}

/** Counts as a failure until it's said to be none. */
export interface Attempt {
  succeeded(): void
  /** It was not found out whether the password was right. */
  abandoned(): void
}

export interface AuthService {
  /** @throws API_ERR_PASSWORD_REFUSED, API_ERR_USERNAME_TAKEN, API_ERR_PASSWORDS_BUSY */
  signUp(user: SignUp, origin: Origin, caller?: Caller): Promise<SignedUp>
  /** @throws API_ERR_RATE_LIMITED, API_ERR_CREDENTIALS, API_ERR_PASSWORDS_BUSY */
  signIn(credentials: SignIn, origin: Origin, caller?: Caller): Promise<Tokens>
  /** @throws API_ERR_REFRESH_TOKEN */
  refresh(refresh: Refresh, origin: Origin, caller?: Caller): Promise<Tokens>
  /** Who has a refresh token may end what it belongs to; one that's unknown has ended. */
  signOut(refresh: Refresh, origin: Origin, caller?: Caller): Promise<void>
  signOutEverywhere(userId: number, origin: Origin, caller?: Caller): Promise<void>
  /** Ends all sessions. @throws API_ERR_PASSWORD_REFUSED, API_ERR_RATE_LIMITED, API_ERR_CREDENTIALS, API_ERR_PASSWORDS_BUSY */
  changePassword(userId: number, change: PasswordChange, origin: Origin, caller?: Caller): Promise<void>
  /** @throws API_ERR_USER_NOT_FOUND */
  profile(userId: number, caller?: Caller): Promise<Profile>
}

export interface AuthServiceParts {
  readonly auth: Pick<Auth, 'accessTokens' | 'refreshTokens' | 'passwords' | 'credentials' | 'families'> & {
    readonly addressMarks: AddressMarks
  }
  readonly repository: AuthRepository
  readonly profiles: ProfileCache
  readonly commonPasswords: CommonPasswords
  readonly limits: SignInLimits
  readonly log: SecurityLog
}

/** The same whether the address was free or not. */
const SIGNED_UP: SignedUp = Object.freeze({
  message: 'Log in with this e-mail address and password. If that fails, the address has an account already.',
})

export function createAuthService(parts: AuthServiceParts): AuthService {
  const { auth, repository, profiles, commonPasswords, limits, log } = parts
  const { accessTokens, refreshTokens, passwords, credentials, families, addressMarks } = auth

  /** @throws API_ERR_PASSWORD_REFUSED, without the password */
  const checkPolicy = (password: string, field: string): void => {
    const fault = passwordFault(password, commonPasswords)
    if (fault === undefined) return
    throw new ApiError('API_ERR_PASSWORD_REFUSED', `The password ${PASSWORD_FAULTS[fault]}; choose another.`, {
      issues: [{ field: `body.${field}`, message: PASSWORD_FAULTS[fault] }],
    })
  }

  const hasSignedInFrom = (account: Account | null, address: string | undefined, caller?: Caller): Promise<boolean> => {
    // Nobody has the id 0: also for an account that isn't there the database is asked.
    const userId = account?.credential.userId ?? 0
    return families.wasSeenAt(userId, addressMarks.anyOf(userId, address), caller?.signal)
  }

  /** The sign-in doesn't fail by it, and waits for it: no work is left behind that nobody looks after. */
  const rehash = async ({ credential }: Account, password: string, origin: Origin, caller?: Caller): Promise<void> => {
    try {
      const passwordHash = await passwords.hash(password, caller?.signal)
      await credentials.rehash(credential, passwordHash, caller?.signal)
    } catch (error) {
      log.rehashFailed(error, credential.userId, origin)
    }
  }

  const tokensOf = ({ userId, familyId, token, expiresAtMs }: IssuedToken, profile: Profile): Tokens => {
    const { id, email, username, displayName, userType } = profile
    const access = accessTokens.sign(userId, familyId)
    return {
      accessToken: access.token,
      expiresAt: new Date(access.expiresAtMs).toISOString(),
      refreshToken: token,
      refreshExpiresAt: new Date(expiresAtMs).toISOString(),
      user: { id, email, username, displayName, userType },
    }
  }

  return {
    async signUp({ password, ...user }, origin, caller) {
      checkPolicy(password, 'password')
      const passwordHash = await passwords.hash(password, caller?.signal)
      const result = await repository.signUp({ ...user, passwordHash }, caller?.signal)
      if (result.outcome === 'username-taken')
        throw new ApiError('API_ERR_USERNAME_TAKEN', 'Somebody has this user name; choose another.')
      if (result.outcome === 'created') log.note('signed-up', { userId: result.userId }, origin)
      return SIGNED_UP
    },

    async signIn({ email, password }, origin, caller) {
      const { address, requestId } = origin
      const lookedUp = once(() => repository.findByEmail(email, caller?.signal))
      const about: { requestId: string; userId?: number } = { requestId }
      const isKnownAddress = async (): Promise<boolean> => {
        const account = await lookedUp()
        if (account !== null) about.userId = account.credential.userId
        return hasSignedInFrom(account, address, caller)
      }
      const attempt = await limits.begin(email.toLowerCase(), address, isKnownAddress, about)
      return settled(attempt, async () => {
        // In a flood most are refused for want of a slot: they needn't cost a look-up as well.
        passwords.throwIfBusy()
        const account = await lookedUp()
        const verdict = await passwords.verify(account?.credential.passwordHash, password, caller?.signal)
        if (account === null || !verdict.matches) {
          log.note('sign-in-failed', account === null ? {} : { userId: account.credential.userId }, origin)
          throw wrongCredentials()
        }
        const { userId, version } = account.credential
        const [issued] = await Promise.all([
          refreshTokens.start(userId, version, caller?.signal, addressMarks.of(userId, address)),
          verdict.outdated ? rehash(account, password, origin, caller) : undefined,
        ])
        if (issued === null) {
          // Changed, or erased, since it was looked up.
          log.note('sign-in-failed', { userId }, origin)
          throw wrongCredentials()
        }
        log.note('signed-in', issued, origin)
        return tokensOf(issued, account.profile)
      })
    },

    async refresh({ refreshToken }, origin, caller) {
      const owner = await refreshTokens.ownerOf(refreshToken, caller?.signal)
      const profile = owner === null ? null : await profiles.find(owner, caller)
      const issued = await refreshTokens.rotate(
        refreshToken,
        caller?.signal,
        family => log.note('refresh-token-reused', family, origin),
        owner === null ? null : addressMarks.of(owner, origin.address),
      )
      // Whose tokens are good is there; they go with their user.
      return tokensOf(issued, profile ?? (await foundProfile(issued.userId)))
    },

    async signOut({ refreshToken }, origin, caller) {
      const family = await refreshTokens.end(refreshToken, caller?.signal)
      if (family !== null) log.note('signed-out', family, origin)
    },

    async signOutEverywhere(userId, origin, caller) {
      await families.revokeAll(userId, caller?.signal)
      log.note('signed-out-everywhere', { userId }, origin)
    },

    async changePassword(userId, { currentPassword, newPassword }, origin, caller) {
      checkPolicy(newPassword, 'newPassword')
      const { address, requestId } = origin
      const account = await repository.findById(userId, caller?.signal)
      if (account === null) throw wrongCredentials()
      const { credential, profile } = account
      const isKnownAddress = (): Promise<boolean> => hasSignedInFrom(account, address, caller)
      const attempt = await limits.begin(profile.email.toLowerCase(), address, isKnownAddress, { requestId, userId })
      await settled(attempt, async () => {
        const { matches } = await passwords.verify(credential.passwordHash, currentPassword, caller?.signal)
        if (!matches) {
          log.note('password-change-failed', { userId }, origin)
          throw wrongCredentials()
        }
        const passwordHash = await passwords.hash(newPassword, caller?.signal)
        // Null: another change was quicker, and the password that was verified isn't theirs any more.
        if ((await credentials.change(credential, passwordHash, caller?.signal)) === null) throw wrongCredentials()
        log.note('password-changed', { userId }, origin)
      })
    },

    profile: foundProfile,
  }

  async function foundProfile(userId: number, caller?: Caller): Promise<Profile> {
    return foundUser(await profiles.find(userId, caller))
  }
}

function wrongCredentials(): ApiError {
  return new ApiError('API_ERR_CREDENTIALS', 'The e-mail address or the password is wrong.')
}

/** Tells an attempt what became of it. */
async function settled<Result>(attempt: Attempt, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work()
    attempt.succeeded()
    return result
  } catch (error) {
    if (isOurs(error)) attempt.abandoned()
    throw error
  }
}

/** An outage, a database that hangs, or too many at once: nobody is to be locked out for it. Who goes away before the answer goes on counting: by then a hash may have been made for them. */
function isOurs(error: unknown): boolean {
  return error instanceof ApiError && error.status === 503 && error.cause !== CLIENT_LEFT
}

function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let begun: Promise<Result> | undefined
  return () => (begun ??= work())
}
