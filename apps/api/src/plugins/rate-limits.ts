// Limits of the routes that are costly to answer, by address and by user, over all workers.
//
//   config: { limit: 'expensive' }        the kinds stand in limits/kinds.ts
//
// The general limits by address are the balancer's, before its cache and before any worker; here only routes that ask for a limit get one. It's looked at when it's known
// who calls, and before a body is read. Answers of such routes say what's left (RateLimit, RateLimit-Policy).
//
// Sign-ins are limited by their service, which knows the account and whether it went well.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { ROUTE_LIMITS, type RouteLimit, type RouteLimitName } from '../limits/kinds.ts'
import type { Limits, Taken } from '../limits/limits.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How often the route may be called. Not set: the worker doesn't limit it. */
    limit?: RouteLimitName
  }
  interface FastifyRequest {
    /** What it was counted as; null: it wasn't. */
    limitTaken: Taken | null
  }
}

export interface RateLimitsOptions {
  readonly limits: Limits
}

export const rateLimits = fastifyPlugin<RateLimitsOptions>(
  (app, { limits }, done) => {
    app.decorateRequest('limitTaken', null)

    const admit = async (request: FastifyRequest, reply: FastifyReply, name: RouteLimitName): Promise<void> => {
      const taken = await limits.take(name, {
        address: clientAddress(request.ip),
        userId: request.user?.userId,
        route: request.routeOptions.url ?? '',
      })
      if (taken === null) return
      void reply.headers(limits.fields(name, taken.decision))
      if (!taken.decision.allowed) throw limits.refused(name, taken.decision)
      request.limitTaken = taken
    }

    // Only routes that ask for it have the hook; the others pay nothing.
    app.addHook('onRoute', route => {
      const name = route.config?.limit
      if (name === undefined) return
      const others = route.preParsing === undefined ? [] : [route.preParsing].flat()
      route.preParsing = [(request, reply) => admit(request, reply, name), ...others]
    })
    app.onRequestEnd((request, _reply, status) => {
      const { limitTaken } = request
      if (limitTaken === null) return
      const name = request.routeOptions.config.limit
      if (name === undefined) return
      const { counted }: RouteLimit = ROUTE_LIMITS[name]
      if (counted?.has(status) === false) limitTaken.giveBack()
    })
    done()
  },
  { name: 'rate-limits', dependencies: ['request-end'] },
)

/** Typed by Fastify as always there; on a Unix socket without forwarding fields it isn't. */
function clientAddress(ip: string | undefined): string | undefined {
  return ip
}
