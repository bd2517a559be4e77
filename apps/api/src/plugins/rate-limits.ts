// Limits per client address for the few routes that are expensive to answer.
//
// The general limits by address are the balancer's, before its cache and before any worker; here only routes that ask for a limit get one
// (`config: { rateLimit: ... }`). Each worker counts for itself, so the limit of the machine is this one times the number of workers.
import type { RateLimitPluginOptions } from '@fastify/rate-limit'
import { ApiError } from '../errors.ts'
import { isLoopback } from '../http/peers.ts'

/** For routes that ask the database or the system something on each call: 30 a minute, per address and worker. */
export const EXPENSIVE_ROUTE_LIMIT = { max: 30, timeWindow: 60_000 } as const

/** @param exemptThisMachine for development only: production counts everybody, also what comes from this machine */
export function rateLimitOptions(exemptThisMachine: boolean): RateLimitPluginOptions {
  return {
    global: false,
    enableDraftSpec: true,
    // The balancer's own requests come over the Unix socket without a forwarded address.
    keyGenerator: request => clientAddress(request.ip) ?? 'local',
    allowList: request => exemptThisMachine && isLoopback(clientAddress(request.ip)),
    errorResponseBuilder: (_request, context) =>
      new ApiError('API_ERR_RATE_LIMITED', 'Too many requests from this address; wait before the next one.', {
        retryAfterS: Math.max(1, Math.ceil(context.ttl / 1000)),
      }),
  }
}

/** Typed by Fastify as always there; on a Unix socket without forwarding fields it isn't. */
function clientAddress(ip: string | undefined): string | undefined {
  return ip
}
