// What every answer says about itself to browsers and caches, and which origins may read it.
//
// Options for @fastify/helmet and @fastify/cors, and the header rules that they don't have: HSTS only over TLS (RFC 6797, section 7.2: never over plain HTTP).
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyHelmetOptions } from '@fastify/helmet'
import fastifyPlugin from 'fastify-plugin'
import { isLoopback } from '../http/peers.ts'

export type Environment = 'development' | 'staging' | 'production'

const PREFLIGHT_MAX_AGE_S = 86_400

/** Helmet for JSON: nothing may be loaded, framed or sniffed. Pages set a policy of their own. */
export function helmetOptions(): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Set below, and only over TLS.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    // For pages only, or for browsers that are gone: on JSON they are bytes without effect.
    dnsPrefetchControl: false,
    ieNoOpen: false,
    originAgentCluster: false,
  }
}

/**
 * CORS with credentials for the listed origins only.
 *
 * An origin is listed exactly (`https://app.example.org`) or with a wildcard for its subdomains (`https://*.example.org`, any depth, not the domain
 * itself). `null` (sandboxed frames, files) never is allowed.
 * @param localOrigins whether any origin on this machine is allowed too
 */
export function corsOptions(origins: readonly string[], localOrigins: boolean): FastifyCorsOptions {
  return {
    origin: (origin, answer) => {
      answer(null, origin !== undefined && (isListed(origin, origins) || (localOrigins && isLocal(origin))))
    },
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match'],
    exposedHeaders: ['cache-status', 'etag', 'idempotency-replayed', 'location', 'retry-after', 'x-request-id'],
    maxAge: PREFLIGHT_MAX_AGE_S,
    // A preflight without its headers would be answered 400 as plain text; as an ordinary OPTIONS it does no harm.
    strictPreflight: false,
  }
}

/** Whether an entry of the list of origins can be understood; the configuration refuses others. */
export function isOriginPattern(text: string): boolean {
  const example = text.replace('://*.', '://x.')
  return !example.includes('*') && URL.canParse(example) && new URL(example).origin === example
}

/** Whether a wildcard stands for all names of a top-level domain, `https://*.org`: whoever registers one is let in. */
export function isWideOrigin(text: string): boolean {
  const [, suffix] = text.split('://*.')
  return suffix !== undefined && !suffix.includes('.')
}

function isListed(origin: string, patterns: readonly string[]): boolean {
  return patterns.some(pattern => {
    const [scheme, suffix] = pattern.split('*')
    if (suffix === undefined) return origin === pattern
    if (scheme === undefined || !origin.startsWith(scheme) || !origin.endsWith(suffix)) return false
    return /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(origin.slice(scheme.length, origin.length - suffix.length))
  })
}

function isLocal(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const { hostname, protocol } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''))
}

/** Tells browsers that came over TLS to come back no other way. */
export const strictTransport = fastifyPlugin<{ readonly maxAgeS: number }>(
  (app, { maxAgeS }, done) => {
    const field = `max-age=${maxAgeS}; includeSubDomains`
    app.addHook('onSend', (request, reply, payload, next) => {
      if (request.protocol === 'https') void reply.header('strict-transport-security', field)
      next(null, payload)
    })
    done()
  },
  { name: 'strict-transport' },
)
