// Who may call a route. Every route says it, and one that doesn't stops the start: nothing is open because somebody forgot.
//
//   config: { access: 'self' }
//
//                 nobody known   signed in               admin    operator
//     public      yes            yes                     yes      yes
//     user        401            yes                     yes      401: an operator is no user
//     author      401            yes, for what's theirs  yes      yes       the service compares `request.user` with the owner
//     self        401            when `:id` is theirs    yes      yes
//     operator    401            403                     yes      yes
//
// * Signed in is who brings a valid access token of a session that hasn't ended; sessions are read through the cache, and a revocation is seen by every worker at once.
//   An admin is a signed-in user of that type.
// * Operators, and services that act for users, send the operator token. Without a token configured nobody does, except in development from this machine, when the
//   request was made for a name of this machine too, and brings no token.
// * Whatever is wrong with a token, the answer is the same, and the same as without one; the log knows which.
// * The hook is the route's own: no path that's spelt in another way comes round it, and public routes pay nothing.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { AccessTokens } from '../auth/access-tokens.ts'
import type { Sessions } from '../auth/sessions.ts'
import { ApiError, SetupError } from '../errors.ts'
import { isLoopback } from '../http/peers.ts'
import type { Environment } from './security.ts'

export const ACCESS = ['public', 'user', 'author', 'self', 'operator'] as const
export type Access = (typeof ACCESS)[number]

/** Who is signed in. */
export interface SignedIn {
  readonly userId: number
  readonly userType: string
  /** The session: the family of tokens that began with the sign-in. */
  readonly familyId: number
  /** When the access token ends. */
  readonly expiresAtMs: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. */
    access?: Access
  }
  interface FastifyRequest {
    /** Who is signed in; null on public routes, and when an operator calls. */
    user: SignedIn | null
    /** Whether an operator calls, or an admin. */
    isOperator: boolean
  }
}

export interface AccessOptions {
  readonly environment: Environment
  /** Undefined: nobody knows one. */
  readonly operatorToken: string | undefined
  readonly accessTokens: Pick<AccessTokens, 'verify'>
  readonly sessions: Sessions
}

const ADMIN = 'admin'

export const access = fastifyPlugin<AccessOptions>(
  (app, { environment, operatorToken, accessTokens, sessions }, done) => {
    const expected = operatorToken === undefined ? undefined : digest(operatorToken)
    app.decorateRequest('user', null)
    app.decorateRequest('isOperator', false)

    const isOperator = (request: FastifyRequest, token: string | undefined): boolean => {
      if (expected === undefined)
        return environment === 'development' && request.headers.authorization === undefined && isFromHere(request)
      return token !== undefined && timingSafeEqual(digest(token), expected)
    }

    /** @throws API_ERR_ACCESS_TOKEN, API_ERR_DATABASE_* */
    const signedIn = async (request: FastifyRequest, token: string | undefined): Promise<SignedIn> => {
      if (token === undefined) throw unknownCaller('no bearer token')
      const claims = accessTokens.verify(token)
      const session = await sessions.find(claims.familyId, request.caller)
      if (session === null || session.userId !== claims.userId) throw unknownCaller('the session has ended')
      return { ...claims, userType: session.userType }
    }

    const admit = async (request: FastifyRequest, reply: FastifyReply, needed: Access): Promise<void> => {
      const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
      if (needed !== 'user' && isOperator(request, token)) {
        request.isOperator = true
        return
      }
      try {
        request.user = await signedIn(request, token)
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) void reply.header('www-authenticate', 'Bearer')
        throw error
      }
      request.isOperator = request.user.userType === ADMIN
      if (request.isOperator || needed === 'user' || needed === 'author') return
      if (needed === 'operator')
        throw new ApiError('API_ERR_OPERATOR_ONLY', 'This address is for operators: send their token.')
      if ((request.params as { id?: string }).id !== String(request.user.userId))
        throw new ApiError('API_ERR_FORBIDDEN', 'This belongs to another user.')
    }

    app.addHook('onRoute', route => {
      const needed = neededBy(route)
      if (needed === 'public') return
      const check = (request: FastifyRequest, reply: FastifyReply): Promise<void> => admit(request, reply, needed)
      const others = route.onRequest === undefined ? [] : [route.onRequest].flat()
      route.onRequest = [check, ...others]
    })
    done()
  },
  { name: 'access' },
)

/** Behind `author`: in whose name the request acts, and whether it may act in others' as well. */
export function actingUser({ user, isOperator }: FastifyRequest): {
  readonly userId: number | null
  readonly mayNameOthers: boolean
} {
  // The hook has let nobody else in; without a user nothing would be theirs.
  return { userId: user?.userId ?? null, mayNameOthers: isOperator }
}

/** @throws API_ERR_ROUTE_WITHOUT_ACCESS */
function neededBy({ method, url, config, schema }: RouteOptions): Access {
  const needed = config?.access
  if (needed !== undefined) return needed
  // What plugins register: preflights, and the files of the documentation page, which is there only where it's meant to be.
  if (schema?.hide === true) return 'public'
  throw new SetupError(
    'API_ERR_ROUTE_WITHOUT_ACCESS',
    `${String(method)} ${url} doesn't say who may call it; add access to its config: ${ACCESS.join(', ')}.`,
  )
}

function unknownCaller(cause: string): ApiError {
  return new ApiError('API_ERR_ACCESS_TOKEN', 'Send a valid access token as `authorization: Bearer ...`.', { cause })
}

/** The scheme in any case (RFC 9110, 11.1), one space, the token to its last character. */
const BEARER = /^bearer (.*)$/is
const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * A client on this machine, as far as can be told: not a proxy or tunnel on it that nobody has listed, which brings strangers, and not a page whose name was
 * made to point here. A listed proxy says who the client is.
 */
function isFromHere(request: FastifyRequest): boolean {
  const { 'x-forwarded-for': chain, 'x-forwarded-host': host, forwarded } = request.headers
  // With a listed peer these are what the address was read from.
  const isForwarded = chain !== undefined || host !== undefined || forwarded !== undefined
  const isListed = request.ips !== undefined && request.ips.length > 1
  if (!isLoopback(request.ip) || (isForwarded && !isListed)) return false
  return LOCAL_NAMES.has(request.hostname.toLowerCase())
}

/** Of equal length, whatever was sent: comparing them tells nothing by its time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
