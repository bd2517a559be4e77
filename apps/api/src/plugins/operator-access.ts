// Routes for those who run the service, and for services of their own: what shows or changes its inner state, or acts in a user's name.
//
//   config: { access: 'operator' }
//
// Whoever knows the operator token (`authorization: Bearer ...`) comes in. Without a token configured nobody does, except in development from this machine. The
// answer doesn't tell a wrong token from none.
import { createHash, timingSafeEqual } from 'node:crypto'
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
    const expected = operatorToken === undefined ? undefined : digest(`Bearer ${operatorToken}`)
    const admits = (authorization: string | undefined, address: string | undefined): boolean => {
      if (authorization !== undefined) return expected !== undefined && timingSafeEqual(digest(authorization), expected)
      return environment === 'development' && isLoopback(address)
    }
    // Only routes that ask for it have the hook; the others pay nothing.
    app.addHook('onRoute', route => {
      if (route.config?.access !== 'operator') return
      const check: typeof route.onRequest = (request, _reply, next) => {
        if (admits(request.headers.authorization, request.ip)) return next()
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

/** Of equal length, whatever was sent: comparing them tells nothing by its time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
