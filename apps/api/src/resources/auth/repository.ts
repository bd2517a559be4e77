// The auth resource's SQL, and nothing else: users and their credentials together. What concerns only one of the two, and tokens, is in src/auth.
import { tableTag } from '@plimsoll/db-optimizer'
import { insertCredential, type Credential } from '../../auth/credentials-repository.ts'
import type { Database, DatabaseSql } from '../../database/database.ts'
import { userTags } from '../gamification/users.ts'
import type { Profile, SignUp } from './schema.ts'

/** Who may sign in, and by what. */
export interface Account {
  readonly credential: Credential
  readonly profile: Profile
}

export type NewUser = Omit<SignUp, 'password'> & { readonly passwordHash: string }

/** What became of a sign-up. */
export type SignUpOutcome =
  | { readonly outcome: 'created'; readonly userId: number }
  /** Somebody has the e-mail address. */
  | { readonly outcome: 'known' }
  /** Somebody has the user name, whoever has the address. */
  | { readonly outcome: 'username-taken' }

export interface AuthRepository {
  /** By e-mail address, in any case; null when nobody has it, or they have no password. */
  findByEmail(email: string, signal?: AbortSignal): Promise<Account | null>
  findById(userId: number, signal?: AbortSignal): Promise<Account | null>
  /** Null when there is no such user. */
  profile(userId: number, signal?: AbortSignal): Promise<Profile | null>
  signUp(user: NewUser, signal?: AbortSignal): Promise<SignUpOutcome>
}

type ProfileRow = Omit<Profile, 'createdAt'> & { createdAt: Date }
type AccountRow = ProfileRow & Omit<Credential, 'userId'>

const USERS_TABLE = tableTag('public', 'users')

export function createAuthRepository(database: Database): AuthRepository {
  const { sql } = database
  const profiles = database.loader<ProfileRow>({
    name: 'auth.profile',
    idOf: row => row.id,
    query: ids => sql`select ${profileColumns(sql)} from users u where u.id = any(${ids}::bigint[])`,
  })
  const accountColumns = (): ReturnType<typeof profileColumns> =>
    sql`${profileColumns(sql)}, c.password_hash as "passwordHash", c.version`

  return {
    async findByEmail(email, signal) {
      const query = sql<AccountRow[]>`
        select ${accountColumns()} from users u join credentials c on c.user_id = u.id
        where lower(u.email) = lower(${email})`
      return toAccount((await database.read('auth.account-by-email', query, signal))[0])
    },

    async findById(userId, signal) {
      const query = sql<AccountRow[]>`
        select ${accountColumns()} from users u join credentials c on c.user_id = u.id where u.id = ${userId}`
      return toAccount((await database.read('auth.account-by-id', query, signal))[0])
    },

    async profile(userId, signal) {
      const row = await profiles(userId, signal)
      return row === null ? null : toProfile(row)
    },

    signUp({ email, username, displayName, passwordHash }, signal) {
      return database.transaction(
        'auth.sign-up',
        async (tx): Promise<SignUpOutcome> => {
          // Of two at the same moment the second waits here for the first, and finds that it's there.
          const [created] = await tx<{ id: number }[]>`
            insert into users (email, username, display_name) values (${email}, ${username}, ${displayName})
            on conflict do nothing
            returning id`.with({ invalidates: [] })
          if (created !== undefined) {
            await insertCredential(tx, created.id, passwordHash)
            // Whoever asked for the id before there was a user has been told so, and the cache as well.
            tx.invalidates([userTags.one(created.id), USERS_TABLE])
            return { outcome: 'created', userId: created.id }
          }
          // As many statements as above, and a row that's locked is written, so that the commit waits for the disk as well: the time doesn't tell which of the two it was.
          const [taken] = await tx<{ username: boolean | null }[]>`
            select bool_or(lower(username) = lower(${username})) as username from (
              select username from users
              where lower(email) = lower(${email}) or lower(username) = lower(${username})
              for key share
            ) as theirs`.with({ invalidates: [] })
          return { outcome: taken?.username === true ? 'username-taken' : 'known' }
        },
        { isolation: 'read committed', retries: 2, signal },
      )
    },
  }
}

/** Columns of the table `u` for a {@link ProfileRow}. */
function profileColumns(sql: DatabaseSql) {
  return sql`
    u.id, u.email, u.username, u.display_name as "displayName", u.user_type as "userType", u.created_at as "createdAt"`
}

function toAccount(row: AccountRow | undefined): Account | null {
  if (row === undefined) return null
  const { passwordHash, version, ...profile } = row
  return { credential: { userId: row.id, passwordHash, version }, profile: toProfile(profile) }
}

function toProfile({ id, email, username, displayName, userType, createdAt }: ProfileRow): Profile {
  return { id, email, username, displayName, userType, createdAt: createdAt.toISOString() }
}
