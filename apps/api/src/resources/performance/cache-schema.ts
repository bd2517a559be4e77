// What clients send to and get from the addresses about the cache.
import { Type, type Static } from 'typebox'
import { Line } from '../../http/text-schema.ts'
import { SharedTier } from '../health/components-schema.ts'
import { about, Bytes, closed, Count, NullableRatio, Time } from './parts.ts'

const Namespace = Type.Object(
  {
    name: Type.String(),
    hits: Type.Object(
      { memory: Count, machine: Count, far: Count },
      { ...closed, description: 'By the tier that had it.' },
    ),
    misses: Type.Integer({ minimum: 0, description: 'Calls that found nothing to serve, and waited for a load.' }),
    hitRatio: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
      description: 'Hits of all look-ups; null before the first.',
    }),
    staleServed: Type.Integer({ minimum: 0, description: 'Values served past their time, within their windows.' }),
    loads: Type.Object({ ok: Count, failed: Count, timedOut: Count }, closed),
    entries: Type.Integer({ minimum: 0, description: 'In the memory of workers.' }),
    bytes: Type.Integer({ minimum: 0, description: 'Of those, estimated.' }),
  },
  closed,
)

export const CacheStats = Type.Object(
  {
    ...about,
    hitRatio: NullableRatio,
    namespaces: Type.Array(Namespace, { description: 'By name.' }),
    tiers: Type.Object(
      {
        memory: Type.Object({ entries: Count, bytes: Bytes }, { ...closed, description: 'Of all workers together.' }),
        machine: SharedTier,
        far: SharedTier,
      },
      closed,
    ),
    workersOutOfTouch: Type.Integer({
      minimum: 0,
      description: 'Workers that can not know of all changes, and serve within their bound only.',
    }),
  },
  { ...closed, description: 'What the cache has done, and holds.' },
)
export type CacheStats = Static<typeof CacheStats>

/** What to forget: exactly one of the three. */
export const CacheClear = Type.Object(
  {
    namespace: Type.Optional(Line({ minLength: 1, maxLength: 80, description: 'Everything of this namespace.' })),
    tags: Type.Optional(
      Type.Array(Line({ minLength: 1, maxLength: 200 }), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: 'Everything that carries one of these tags, in every namespace.',
      }),
    ),
    all: Type.Optional(Type.Literal(true, { description: 'Everything.' })),
  },
  {
    ...closed,
    minProperties: 1,
    maxProperties: 1,
    description: 'What to forget: `namespace`, `tags` or `all`, one of them.',
    examples: [{ namespace: 'courses' }, { tags: ['course:1'] }, { all: true }],
  },
)
export type CacheClear = Static<typeof CacheClear>

export const CacheCleared = Type.Object(
  {
    cleared: Type.Enum(['namespace', 'tags', 'all']),
    namespace: Type.Union([Type.String(), Type.Null()]),
    tags: Type.Array(Type.String()),
    at: Time,
    freedBytes: Type.Union([Bytes, Type.Null()], {
      description:
        'In the memory of the worker that answered; null for tags, whose values are found out when they are asked for.',
    }),
    onThisMachineWithinMs: Type.Integer({
      minimum: 0,
      description:
        'After this time no worker of this machine serves what was there before; the one that answered does not from now on. Other machines follow as long after they have heard of it.',
    }),
  },
  closed,
)
export type CacheCleared = Static<typeof CacheCleared>
