// How many requests of one client address are let through.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { limitedEndpointIssues } from '../admission/limited-endpoints.ts'

/** A window may be as long as the package keeps one. */
const MAX_WINDOW_MS = 2_000_000_000

const limit = (description: string, byDefault: number) =>
  Type.Integer({
    description,
    unit: 'requests',
    default: byDefault,
    minimum: 0,
    maximum: 1_000_000_000,
    zero: 'no such rule',
  })
const windowMs = (description: string, byDefault: number) =>
  Type.Integer({ description, unit: 'ms', default: byDefault, minimum: 100, maximum: MAX_WINDOW_MS })

export const rateLimitOptions = Type.Object(
  {
    enabled: Type.Boolean({
      description:
        'Limits by client address; who has had its share gets 429 before anything is done for the request. Off, because only you know what your clients need and who is in front: behind another proxy name that one in trusted-proxies first, else all clients share one address.',
      default: false,
      env: 'RATE_LIMIT',
    }),
    overallLimit: limit('Requests of one address in any overall-window-ms, whatever they are for.', 1000),
    overallWindowMs: windowMs(
      'Window of overall-limit. It slides: there is no moment when all counts begin anew.',
      900_000,
    ),
    endpointLimit: limit('Requests of one address to one of the endpoints in any endpoint-window-ms.', 100),
    endpointWindowMs: windowMs('Window of endpoint-limit.', 60_000),
    endpoints: Type.Array(Type.String(), {
      description:
        'What counts as one endpoint, one flag each, at most 256: /courses also stands for /courses/7 and whatever the method, * for any one segment as in /courses/*/lessons, and / for what no other names. The longest counts. What none names is under overall-limit alone.',
      default: [],
      placeholder: '/path',
    }),
    exempt: Type.Array(Type.String(), {
      description: 'Client addresses that are not limited: addresses, ranges like 10.0.0.0/8, or "unix".',
      default: [],
    }),
    ipv6PrefixBits: Type.Integer({
      description:
        'Bits of an IPv6 address that make one client: a host has a whole /64 to choose from. 56 or 48 where a customer gets more.',
      unit: 'bits',
      default: 64,
      minimum: 16,
      maximum: 128,
    }),
    maxKeys: Type.Integer({
      description:
        'Addresses with a count of their own, for endpoint-limit addresses times endpoints. With more at once newcomers share counts, and lb_rate_limit_sharing says so. Takes up to 580 bytes each and rule, as they come.',
      unit: 'keys',
      default: 50_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    fields: Type.Boolean({
      description:
        'Whether answers that are let through say in RateLimit and RateLimit-Policy what is left. Refusals always do.',
      default: true,
    }),
  },
  { additionalProperties: false },
)

/** What the schema can't say, but for addresses. One sentence per problem. */
export function rateLimitIssues(rateLimit: DeepReadonly<Static<typeof rateLimitOptions>>): string[] {
  const { enabled, overallLimit, endpointLimit, endpoints } = rateLimit
  const issues = limitedEndpointIssues(endpoints).map(issue => `rateLimit.endpoints: ${issue}`)
  if (enabled && overallLimit === 0 && (endpointLimit === 0 || endpoints.length === 0)) {
    issues.push(
      'rateLimit.enabled is on, but rateLimit.overallLimit is 0 and there is no rule by endpoint (rateLimit.endpointLimit with rateLimit.endpoints): nothing would be limited',
    )
  }
  return issues
}
