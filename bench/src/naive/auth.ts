// Signing in, the naive way: every token is looked up in a table that has no index for it, every step waits for the one before, and passwords are hashed where requests are
// answered. setting.ts has the parameters, and where this is less safe than ours.
//
// Tokens are 256 random bits, stored as their digests: an access token is one more row of the table that has the refresh tokens.
import { createHash, randomBytes } from 'node:crypto'
import { hashSync, verifySync } from '@node-rs/argon2'
import type { FastifyInstance } from 'fastify'
import type { Row, Sql } from 'postgres'
import { ACCESS_TOKEN_LIFE_S, ARGON2, REFRESH_TOKEN_LIFE_S } from './setting.ts'
import { unauthorized } from './unauthorized.ts'

const TOKEN_BYTES = 32

interface SignUpBody {
  readonly email: string
  readonly username: string
  readonly displayName: string
  readonly password: string
}

export function authRoutes(app: FastifyInstance, sql: Sql): void {
  app.post<{ Body: SignUpBody }>('/api/auth/signup', async ({ body }, reply) => {
    const { email, username, displayName, password } = body
    const passwordHash = hashSync(password, ARGON2)
    const [sameName] = await sql`select * from users where lower(username) = lower(${username})`
    if (sameName !== undefined) throw Object.assign(new Error('the user name is taken'), { statusCode: 409 })
    const [sameAddress] = await sql`select * from users where lower(email) = lower(${email})`
    if (sameAddress === undefined) {
      const [user] = await sql`
        insert into users (email, username, display_name) values (${email}, ${username}, ${displayName}) returning *`
      await sql`insert into credentials (user_id, password_hash) values (${user?.['id']}, ${passwordHash})`
    }
    return reply.code(202).send({ status: 'accepted' })
  })

  // As dear for an address that nobody has as for one that somebody has.
  const decoy = hashSync(randomBytes(TOKEN_BYTES), ARGON2)
  app.post<{ Body: { email: string; password: string } }>('/api/auth/login', async ({ body }) => {
    const [user] = await sql`select * from users where lower(email) = lower(${body.email})`
    const [credential] = await sql`select * from credentials where user_id = ${user?.['id'] ?? null}`
    const matches = verifySync((credential?.['password_hash'] as string | undefined) ?? decoy, body.password)
    if (!matches || user === undefined) unauthorized('the address or the password is wrong')
    return beginSession(sql, user)
  })

  app.post<{ Body: { refreshToken: string } }>('/api/auth/refresh', async ({ body }) => {
    const token = await tokenOf(sql, 'refresh', body.refreshToken)
    const user = await userOf(sql, token)
    // Of two who come at once one finds it revoked.
    const [revoked] = await sql`
      update user_tokens set revoked = true where id = ${token['id']} and not revoked returning id`
    if (revoked === undefined) unauthorized('the refresh token is not valid')
    return beginSession(sql, user)
  })

  app.get('/api/auth/verify', async ({ headers }) => {
    const token = await tokenOf(sql, 'access', bearerOf(headers.authorization))
    const user = await userOf(sql, token)
    return { user_id: user['id'], user_type: user['user_type'], expires_at: token['expires_at'] }
  })

  app.get('/api/auth/profile', async ({ headers }) => {
    const token = await tokenOf(sql, 'access', bearerOf(headers.authorization))
    return { user: await userOf(sql, token) }
  })
}

async function beginSession(sql: Sql, user: Row): Promise<object> {
  await sql`delete from user_tokens where expires_at < now()`
  const access = await insertToken(sql, user, 'access', ACCESS_TOKEN_LIFE_S)
  const refresh = await insertToken(sql, user, 'refresh', REFRESH_TOKEN_LIFE_S)
  return { access_token: access, refresh_token: refresh, user }
}

async function insertToken(sql: Sql, user: Row, type: string, lifeS: number): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await sql`
    insert into user_tokens (user_id, type, token, expires_at)
    values (${user['id']}, ${type}, ${digestOf(token)}, now() + make_interval(secs => ${lifeS}))`
  return token
}

async function tokenOf(sql: Sql, type: string, text: string): Promise<Row> {
  const [token] = await sql`select * from user_tokens where token = ${digestOf(text)} and type = ${type}`
  const isGood = token !== undefined && token['revoked'] === false && Number(token['expires_at']) > Date.now()
  return isGood ? token : unauthorized('the token is not valid')
}

async function userOf(sql: Sql, token: Row): Promise<Row> {
  const [user] = await sql`select * from users where id = ${token['user_id']}`
  return user ?? unauthorized('the token is not valid')
}

function bearerOf(authorization = ''): string {
  return authorization.replace(/^bearer /i, '')
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
