// Routes for those who run the service, and for services of their own: what shows or changes its inner state, or acts in a user's name.
//
//   config: { access: 'operator' }
//
// Whoever knows the operator token (`authorization: Bearer ...`) comes in. Without a token configured nobody does, except in development from this machine, when the
// request was made for a name of this machine too. The answer doesn't tell a wrong token from none.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../http/peers.ts'
import type { Environment } from './security.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; everybody when it's not set. */
    access?: 'operator'
  }
}

export interface OperatorAccessOptions {
  readonly environment: Environment
  /** Undefined: nobody knows one. */
  readonly operatorToken: string | undefined
}

export const operatorAccess = fastifyPlugin<OperatorAccessOptions>(
  (app, { environment, operatorToken }, done) => {
    const expected = operatorToken === undefined ? undefined : digest(operatorToken)
    const admits = (request: FastifyRequest): boolean => {
      const { authorization } = request.headers
      if (expected === undefined)
        return environment === 'development' && authorization === undefined && isFromHere(request)
      const token = BEARER.exec(authorization ?? '')?.[1]
      return token !== undefined && timingSafeEqual(digest(token), expected)
    }
    // Only routes that ask for it have the hook; the others pay nothing.
    app.addHook('onRoute', route => {
      if (route.config?.access !== 'operator') return
      const check: typeof route.onRequest = (request, _reply, next) => {
        if (admits(request)) return next()
        next(
          new ApiError(
            'API_ERR_OPERATOR_ONLY',
            'This address is for operators: send their token as `authorization: Bearer ...`.',
          ),
        )
      }
      const others = route.onRequest === undefined ? [] : [route.onRequest].flat()
      route.onRequest = [check, ...others]
    })
    done()
  },
  { name: 'operator-access' },
)

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
