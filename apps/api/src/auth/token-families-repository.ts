// Families of refresh tokens: SQL, and nothing else.
//
//     start ─► token 1 ─ rotate ─► token 2 ─ rotate ─► token 3 ...      until the family expires
//                 │ shown again
//                 └─► the family is revoked: token 3 and all access tokens are worth nothing
//
// Invariants
// * Whether a family is good stands in its row alone. A token that's made while the family is revoked belongs to a revoked family.
// * A token is given for the next one at most once, whoever shows it at the same moment on whichever machine: one statement finds it unused, marks it and makes the
//   next. Who comes second waits for its row, and finds it used.
// * Tokens are in the database as digests only. All times are the server's: those of workers may differ.
// * A used token stays as long as it would have been good, so that it's known again.
//
// There is no grace for a second use shortly after the first. It would spare clients with several windows a sign-in; and who steals a token and is the quicker one
// would stay, unnoticed.
import { tableTag, type Transaction } from '@plimsoll/db-optimizer'
import type { Database } from '../database/database.ts'
import { sessionTags } from './session-tags.ts'

/** Reasons of the database's own check, but for `reuse` and `password-change`, which come of themselves. */
export type LogoutReason = 'logout' | 'logout-everywhere'

/** Which sign-in a token belongs to. */
export interface Family {
  readonly userId: number
  readonly familyId: number
}

/** A refresh token that has just been made. */
export interface StoredToken extends Family {
  readonly expiresAt: Date
}

/** A session that's good now. */
export interface Session extends Family {
  readonly userType: string
  /** When the family ends at the latest. */
  readonly expiresAt: Date
}

export type Rotated =
  | ({ readonly outcome: 'rotated' } & StoredToken)
  /** It was used before; the family is revoked now. */
  | ({ readonly outcome: 'reused' } & Family)
  /** Unknown, expired, or of a family that had ended. */
  | { readonly outcome: 'unknown' }

export interface TokenLives {
  /** How long a refresh token is good if it isn't used, in ms. */
  readonly tokenMs: number
  /** How long a family is, however often its tokens are renewed, in ms. */
  readonly familyMs: number
}

export interface TokenFamiliesRepository {
  /**
   * Begins a family with its first token.
   * @param version of the password that was verified
   * @param addressMark by which it's known later that the user has signed in from there; null: it isn't
   * @returns null when that isn't the user's password any more, or the user is gone
   */
  start(
    userId: number,
    version: number,
    digest: string,
    signal?: AbortSignal,
    addressMark?: Buffer | null,
  ): Promise<StoredToken | null>
  /** Gives a token for the next one. */
  rotate(digest: string, nextDigest: string, signal?: AbortSignal, addressMark?: Buffer | null): Promise<Rotated>
  /** The user that a refresh token belongs to, whatever its state; null when there is no such token. */
  findOwner(digest: string, signal?: AbortSignal): Promise<number | null>
  /** Ends the family that a token belongs to, also by a used one; null when it had ended, or there's none. */
  revokeByToken(digest: string, signal?: AbortSignal): Promise<Family | null>
  /** Ends a family of this user; whether it hadn't ended. */
  revoke(family: Family, signal?: AbortSignal): Promise<boolean>
  /** Ends all families of a user; how many hadn't. */
  revokeAll(userId: number, signal?: AbortSignal): Promise<number>
  /** Null when it has expired or was revoked, or there's none. */
  find(familyId: number, signal?: AbortSignal): Promise<Session | null>
  /** Whether tokens of this user were given out at one of these marks in the last 30 days, whatever became of their family. */
  wasSeenAt(userId: number, addressMarks: readonly Buffer[], signal?: AbortSignal): Promise<boolean>
  /** Deletes tokens of any type that expired before `keepMs`, then families, at most `limit` rows; how many. Rows that others hold are left for later. */
  removeExpired(keepMs: number, limit: number, signal?: AbortSignal): Promise<number>
}

const FAMILIES_TABLE = tableTag('public', 'token_families')
/** How long an address is known after a sign-in. */
const KNOWN_DAYS = 30
/** A statement sees what others have committed while it waited. */
const USUAL = { isolation: 'read committed', retries: 2 } as const
/** What's written for one token alone is read by nobody through a cache; the log of invalidations needn't know. */
const QUIET = { invalidates: [] } as const

export function createTokenFamiliesRepository(database: Database, lives: TokenLives): TokenFamiliesRepository {
  const { sql } = database
  const tokenS = lives.tokenMs / 1000
  const familyS = lives.familyMs / 1000

  const sessions = database.loader<Session>({
    name: 'auth.session',
    idOf: row => row.familyId,
    query: ids => sql`
      select f.id as "familyId", f.user_id as "userId", u.user_type as "userType", f.expires_at as "expiresAt"
      from token_families f join users u on u.id = f.user_id
      where f.id = any(${ids}::bigint[]) and f.revoked_at is null and f.expires_at > now()`,
  })

  return {
    start(userId, version, digest, signal, addressMark = null) {
      return database.transaction(
        'auth.start',
        async tx => {
          // The credential is held until the end: a change of the password comes before, and this finds another version; or after, and finds this family.
          const [row] = await tx<StoredToken[]>`
            with credential as (
              select user_id from credentials where user_id = ${userId} and version = ${version} for share
            ), family as (
              insert into token_families (user_id, expires_at, address_hash)
              select user_id, now() + make_interval(secs => ${familyS}), decode(${addressMark?.toString('hex') ?? null}, 'hex')
              from credential
              returning id, user_id, expires_at
            )
            insert into user_tokens (user_id, type, token, expires_at, family_id)
            select user_id, 'refresh', ${digest}, least(now() + make_interval(secs => ${tokenS}), expires_at), id from family
            returning user_id as "userId", family_id as "familyId", expires_at as "expiresAt"`.with(QUIET)
          return row ?? null
        },
        { ...USUAL, signal },
      )
    },

    rotate(digest, nextDigest, signal, addressMark = null) {
      return database.transaction(
        'auth.rotate',
        async (tx): Promise<Rotated> => {
          // 1 ms: times are rounded to it, and a token has to expire after it was made. The last part is for a commit whose answer was lost: the next token is
          // there already, and that it's the one which this call was to make nobody else could know.
          const [row] = await tx<StoredToken[]>`
            with used as (
              update user_tokens t set used_at = now()
              from token_families f
              where t.token = ${digest} and t.type = 'refresh' and t.used_at is null and not t.revoked and t.expires_at > now()
                and f.id = t.family_id and f.revoked_at is null and f.expires_at > now() + interval '1 ms'
              returning t.user_id, t.family_id, f.expires_at
            ), next as (
              insert into user_tokens (user_id, type, token, expires_at, family_id)
              select user_id, 'refresh', ${nextDigest}, least(now() + make_interval(secs => ${tokenS}), expires_at), family_id
              from used
              returning user_id, family_id, expires_at
            ), seen as (
              update token_families f
              set seen_at = now(), address_hash = coalesce(decode(${addressMark?.toString('hex') ?? null}, 'hex'), f.address_hash)
              from used where f.id = used.family_id
            )
            select user_id as "userId", family_id as "familyId", expires_at as "expiresAt" from next
            union all
            select user_id, family_id, expires_at from user_tokens where token = ${nextDigest}`.with(QUIET)
          if (row !== undefined) return { outcome: 'rotated', ...row }
          // A statement of its own: the one before began before it waited, and saw the token unused.
          const [reused] = await tx<Family[]>`
            update token_families f set revoked_at = now(), revoked_for = 'reuse'
            from user_tokens t
            where t.token = ${digest} and t.type = 'refresh' and t.used_at is not null
              and f.id = t.family_id and f.revoked_at is null
            returning f.user_id as "userId", f.id as "familyId"`.with(QUIET)
          if (reused !== undefined) {
            tx.invalidates([sessionTags.one(reused.familyId), FAMILIES_TABLE])
            return { outcome: 'reused', ...reused }
          }
          await tellAgain(tx, digest)
          return { outcome: 'unknown' }
        },
        { ...USUAL, idempotent: true, signal },
      )
    },

    async findOwner(digest, signal) {
      const query = sql<{ userId: number }[]>`
        select user_id as "userId" from user_tokens where token = ${digest} and type = 'refresh'`
      return (await database.read('auth.token-owner', query, signal))[0]?.userId ?? null
    },

    revokeByToken(digest, signal) {
      return database.transaction(
        'auth.logout',
        async tx => {
          const [family] = await tx<Family[]>`
            update token_families f set revoked_at = now(), revoked_for = 'logout'
            from user_tokens t
            where t.token = ${digest} and t.type = 'refresh' and f.id = t.family_id and f.revoked_at is null
            returning f.user_id as "userId", f.id as "familyId"`.with(QUIET)
          if (family === undefined) {
            await tellAgain(tx, digest)
            return null
          }
          tx.invalidates([sessionTags.one(family.familyId), FAMILIES_TABLE])
          return family
        },
        { ...USUAL, idempotent: true, signal },
      )
    },

    revoke({ userId, familyId }, signal) {
      return database.transaction(
        'auth.logout-session',
        async tx => {
          const rows = await tx`
            update token_families set revoked_at = now(), revoked_for = 'logout'
            where id = ${familyId} and user_id = ${userId} and revoked_at is null
            returning id`.with(QUIET)
          // Also when it had ended: who ended it may have been killed before it could tell the others.
          tx.invalidates([sessionTags.one(familyId), FAMILIES_TABLE])
          return rows.length > 0
        },
        { ...USUAL, idempotent: true, signal },
      )
    },

    revokeAll(userId, signal) {
      return database.transaction(
        'auth.logout-everywhere',
        async tx => {
          const rows = await tx`
            update token_families set revoked_at = now(), revoked_for = 'logout-everywhere'
            where user_id = ${userId} and revoked_at is null
            returning id`.with(QUIET)
          tx.invalidates([sessionTags.ofUser(userId), FAMILIES_TABLE])
          return rows.length
        },
        { ...USUAL, idempotent: true, signal },
      )
    },

    find: (familyId, signal) => sessions(familyId, signal),

    async wasSeenAt(userId, addressMarks, signal) {
      const marks = addressMarks.map(mark => mark.toString('hex'))
      const query = sql<{ known: boolean }[]>`
        select exists (
          select from token_families
          where user_id = ${userId} and encode(address_hash, 'hex') = any(${marks}::text[])
            and seen_at > now() - make_interval(days => ${KNOWN_DAYS})
        ) as known`
      return (await database.read('auth.known-address', query, signal))[0]?.known === true
    },

    removeExpired(keepMs, limit, signal) {
      return database.transaction(
        'auth.clean-up',
        async tx => {
          const keepS = keepMs / 1000
          const tokens = await tx`
            delete from user_tokens where id in (
              select id from user_tokens where expires_at < now() - make_interval(secs => ${keepS})
              order by expires_at limit ${limit} for update skip locked
            ) returning id`.with(QUIET)
          const left = limit - tokens.length
          if (left === 0) return limit
          // No token of such a family is good; those that are there still are gone first, so that a batch never takes more than its share with it.
          const families = await tx`
            delete from token_families where id in (
              select id from token_families f
              where expires_at < now() - make_interval(secs => ${keepS})
                and not exists (select from user_tokens where family_id = f.id)
              order by expires_at limit ${left} for update skip locked
            ) returning id`.with(QUIET)
          return tokens.length + families.length
        },
        { ...USUAL, idempotent: true, signal },
      )
    },
  }
}

/** Of a token whose family had ended: who ended it may have been killed before it could tell the others, and then only whoever comes again can. */
async function tellAgain(tx: Transaction<{ bigint: number }>, digest: string): Promise<void> {
  const [family] = await tx<{ familyId: number }[]>`
    select f.id as "familyId" from user_tokens t join token_families f on f.id = t.family_id
    where t.token = ${digest} and t.type = 'refresh' and f.revoked_at is not null`
  if (family !== undefined) tx.invalidates([sessionTags.one(family.familyId), FAMILIES_TABLE])
}
