// Hashes of passwords: SQL, and nothing else.
//
// A password has a version, raised when another takes its place and not when the same one is hashed again. Who has verified a password knows its version; what they do
// then (begin a session, set the next password) is done only if that is still the version. So nobody comes in by a password that was changed while they did.
import { tableTag, type Transaction } from '@plimsoll/db-optimizer'
import type { Database } from '../database/database.ts'
import { sessionTags } from './session-tags.ts'

export interface Credential {
  readonly userId: number
  readonly passwordHash: string
  readonly version: number
}

export interface CredentialsRepository {
  /** By e-mail address, in any case; null when nobody has it, or they have no password. */
  findByEmail(email: string, signal?: AbortSignal): Promise<Credential | null>
  /** Null when they have no password. */
  findByUser(userId: number, signal?: AbortSignal): Promise<Credential | null>
  /** Stores another hash of the same password; not when either has changed meanwhile. */
  rehash(credential: Credential, passwordHash: string, signal?: AbortSignal): Promise<boolean>
  /**
   * Stores another password, and signs the user out everywhere.
   * @returns its version; null when the password isn't the one that was verified any more
   */
  change(credential: Credential, passwordHash: string, signal?: AbortSignal): Promise<number | null>
}

/** Of a user who has none, in the transaction that makes the user. */
export async function insertCredential(
  tx: Transaction<{ bigint: number }>,
  userId: number,
  passwordHash: string,
): Promise<void> {
  await tx`insert into credentials (user_id, password_hash) values (${userId}, ${passwordHash})`.with({
    invalidates: [],
  })
}

const FAMILIES_TABLE = tableTag('public', 'token_families')

export function createCredentialsRepository(database: Database): CredentialsRepository {
  const { sql } = database
  return {
    async findByEmail(email, signal) {
      const query = sql<Credential[]>`
        select c.user_id as "userId", c.password_hash as "passwordHash", c.version
        from users u join credentials c on c.user_id = u.id
        where lower(u.email) = lower(${email})`
      return (await database.read('auth.credential-by-email', query, signal))[0] ?? null
    },

    async findByUser(userId, signal) {
      const query = sql<Credential[]>`
        select user_id as "userId", password_hash as "passwordHash", version from credentials where user_id = ${userId}`
      return (await database.read('auth.credential-by-user', query, signal))[0] ?? null
    },

    rehash({ userId, passwordHash: old, version }, passwordHash, signal) {
      return database.transaction(
        'auth.rehash',
        async tx => {
          const rows = await tx`
            update credentials set password_hash = ${passwordHash}, hashed_at = now()
            where user_id = ${userId} and version = ${version} and password_hash = ${old}
            returning user_id`.with({ invalidates: [] })
          return rows.length > 0
        },
        { isolation: 'read committed', retries: 2, signal },
      )
    },

    change({ userId, version }, passwordHash, signal) {
      return database.transaction(
        'auth.change-password',
        async tx => {
          const [row] = await tx<{ version: number }[]>`
            update credentials
            set password_hash = ${passwordHash}, version = version + 1, changed_at = now(), hashed_at = now()
            where user_id = ${userId} and version = ${version}
            returning version`.with({ invalidates: [] })
          if (row === undefined) return null
          // A statement after the first: families that began while that waited for their lock on the credential are seen.
          await tx`
            update token_families set revoked_at = now(), revoked_for = 'password-change'
            where user_id = ${userId} and revoked_at is null`.with({ invalidates: [] })
          tx.invalidates([sessionTags.ofUser(userId), FAMILIES_TABLE])
          return row.version
        },
        { isolation: 'read committed', retries: 2, signal },
      )
    },
  }
}
