// The eight parts that can be switched off: to find out what one of them costs or does, or because something in front does it already.
//
// All are on in every environment. Off means that the part isn't there: nothing of it is registered, started or asked for, so it costs nothing per request either.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'

const closed = { additionalProperties: false } as const

function feature(env: string, description: string) {
  return Type.Boolean({ description, default: true, env })
}

export const features = Type.Object(
  {
    loadBalancing: feature(
      'LOAD_BALANCING',
      'Several workers. Off: a single instance, one worker that gets every request.',
    ),
    caching: feature(
      'FEATURE_CACHING',
      'Keeping answers, in workers and in what they share. Off: every answer is loaded, requests for the same one at the same time still share a load; clients and caches on the way are told to store nothing.',
    ),
    compression: feature('FEATURE_COMPRESSION', 'Compressed answers. Off: all go out as they are.'),
    security: feature(
      'FEATURE_SECURITY',
      'Header fields for browsers: content policy, CORS, HSTS. Off: a proxy in front has to send them, and the log says so at the start. Validation, limits of size, and what only operators may call stay.',
    ),
    monitoring: feature(
      'FEATURE_MONITORING',
      'Figures of requests, statements and the cache, slow statements in the log, the pages about performance, load reports to the balancer. Off: health pages and the figures of the process stay.',
    ),
    optimization: feature(
      'FEATURE_OPTIMIZATION',
      'Watching memory, shedding load when it is short, one statement for many reads by id, warming the cache. Off: each read by id is a statement of its own.',
    ),
    circuitBreaker: feature(
      'FEATURE_CIRCUIT_BREAKER',
      'Leaving alone for a while what has just failed repeatedly: a route to the database, Redis. Off: each request tries for itself, as long as its limits let it.',
    ),
    rateLimit: feature(
      'FEATURE_RATE_LIMIT',
      "Limits by client address, user and account, in workers: for what is expensive to answer, for signing up and in. Off: none; the balancer's limits are its own.",
    ),
  },
  closed,
)

/** Which parts are there. */
export type Features = DeepReadonly<Static<typeof features>>

/** What a configuration has that switches nothing off. */
export const ALL_FEATURES: Features = {
  loadBalancing: true,
  caching: true,
  compression: true,
  security: true,
  monitoring: true,
  optimization: true,
  circuitBreaker: true,
  rateLimit: true,
}

/** Those that aren't there, in their order. */
export function switchedOff(given: Features): readonly (keyof Features)[] {
  return (Object.keys(ALL_FEATURES) as (keyof Features)[]).filter(name => !given[name])
}
