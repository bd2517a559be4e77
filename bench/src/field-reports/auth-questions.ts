// What's asked about signing in, and what of the answers is the data. Tokens are other ones each time: of those it's only said whether they look like tokens.
import type { Account } from './accounts.ts'
import { type PathAsk, type Question, sameQuestion, type SideName } from './question.ts'
import type { Tokens } from './sessions.ts'

interface UserRow {
  readonly id: string
  readonly email: string
  readonly username: string
  readonly display_name: string
  readonly user_type: string
  readonly created_at: string
}

interface NaiveSession {
  readonly access_token: string
  readonly refresh_token: string
  readonly user: UserRow
}

interface OurSession {
  readonly accessToken: string
  readonly refreshToken: string
  readonly user: object
}

/** As the last piece of an authorization field, and long enough not to be guessed. */
const TOKEN = /^[\w.~+/-]{32,}$/

export const LOGIN_PATH = '/api/auth/login'
/** As long as ours asks for, and no word. */
const NEW_PASSWORD = 'jaz-4-vuqo-hilb'

/** The tokens in an answer of one side. @throws Error when there are none */
export function tokensIn(side: SideName, text: string): Tokens {
  const answer = JSON.parse(text) as Partial<NaiveSession & OurSession>
  const tokens =
    side === 'before'
      ? { access: answer.access_token, refresh: answer.refresh_token }
      : { access: answer.accessToken, refresh: answer.refreshToken }
  const { access, refresh } = tokens
  if (access === undefined || refresh === undefined) throw new Error(`${side}: an answer without tokens`)
  return { access, refresh }
}

export function loginQuestion(account: Account): Question {
  return sameQuestion(`login of ${account.userId}`, loginAsk(account), sessionBefore, sessionAfter)
}

/** All at once; the answer is there when the last one is. */
export function fiveLoginsQuestion(accounts: readonly Account[]): Question {
  return sameQuestion(
    `logins of ${accounts.map(({ userId }) => userId).join(', ')}`,
    { together: accounts.map(loginAsk) },
    (sessions: NaiveSession[]) => sessions.map(sessionBefore),
    (sessions: OurSession[]) => sessions.map(sessionAfter),
  )
}

export function refreshQuestion(account: Account): Question {
  return sameQuestion(
    `refresh of ${account.userId}`,
    { path: '/api/auth/refresh', renews: account },
    sessionBefore,
    sessionAfter,
  )
}

export function verifyQuestion(account: Account): Question {
  return sameQuestion(
    `verify of ${account.userId}`,
    { path: '/api/auth/verify', as: account },
    ({ user_id, user_type, expires_at }: { user_id: string; user_type: string; expires_at: string }) =>
      verified(Number(user_id), user_type, expires_at),
    ({ userId, userType, expiresAt }: { userId: number; userType: string; expiresAt: string }) =>
      verified(userId, userType, expiresAt),
  )
}

export function profileQuestion(account: Account): Question {
  return sameQuestion(
    `profile of ${account.userId}`,
    { path: '/api/auth/profile', as: account },
    ({ user }: { user: UserRow }) => ({ ...userOf(user), createdAt: user.created_at }),
    (profile: object) => profile,
  )
}

/** Whether there's an account then is for a login to show: the answer doesn't tell, on either side. */
export function signUpQuestion(name: string): Question {
  const { email, password } = newAccount(name)
  return sameQuestion(
    `sign-up of ${name}`,
    { path: '/api/auth/signup', body: { email, username: name, displayName: `New user ${name}`, password } },
    accepted,
    accepted,
  )
}

/** Of somebody who has just signed up: their id is another one on each side. */
export function newLoginQuestion(name: string): Question {
  const withoutId = (session: { user: object }) => ({ ...session, user: { ...session.user, id: undefined } })
  return sameQuestion(
    `login of ${name}`,
    loginAsk(newAccount(name)),
    (session: NaiveSession) => withoutId(sessionBefore(session)),
    (session: OurSession) => withoutId(sessionAfter(session)),
  )
}

/** The addresses of new accounts of a run, for `like`. */
export function newAddresses(run: string): string {
  return `${run}-%@new.example`
}

function newAccount(name: string): Pick<Account, 'email' | 'password'> {
  return { email: `${name}@new.example`, password: NEW_PASSWORD }
}

function loginAsk({ email, password }: Pick<Account, 'email' | 'password'>): PathAsk {
  return { path: LOGIN_PATH, body: { email, password } }
}

function sessionBefore({ user, access_token, refresh_token }: NaiveSession) {
  return { user: userOf(user), hasTokens: areTokens(access_token, refresh_token) }
}

function sessionAfter({ user, accessToken, refreshToken }: OurSession) {
  return { user, hasTokens: areTokens(accessToken, refreshToken) }
}

/** @throws Error unless they are two different ones */
function areTokens(access: string, refresh: string): true {
  if (!TOKEN.test(access) || !TOKEN.test(refresh) || access === refresh) throw new Error('a session without tokens')
  return true
}

function verified(userId: number, userType: string, expiresAt: string) {
  return { userId, userType, hasExpiry: Date.parse(expiresAt) > 0 }
}

function userOf({ id, email, username, display_name, user_type }: UserRow) {
  return { id: Number(id), email, username, displayName: display_name, userType: user_type }
}

function accepted(answer: object): { readonly accepted: boolean } {
  return { accepted: typeof answer === 'object' }
}
