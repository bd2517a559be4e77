// How the parts of a worker beside its database are, on the detailed health page.
import { PRESSURE_LEVELS } from '@plimsoll/memory-optimizer'
import { Type, type Static, type TBoolean } from 'typebox'
import { ALL_FEATURES, type Features as FeatureSwitches } from '../../config/feature-options.ts'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const NullableCount = Type.Union([Count, Type.Null()])

/** A tier that several processes share; why it is as it is stands in the log. */
export const SharedTier = Type.Object(
  {
    state: Type.Enum(['none', 'on', 'degraded', 'off'], {
      description: '`degraded`: it fails at the moment, and is tried again; `off`: after failures. The log says why.',
    }),
    entries: NullableCount,
    bytes: NullableCount,
  },
  { ...closed, description: 'As this worker sees it; null: it can not tell.' },
)
export type SharedTier = Static<typeof SharedTier>

export const CacheHealth = Type.Object(
  {
    state: Type.Enum(['off', 'on', 'degraded'], {
      description: '`degraded`: a shared tier fails, or changes of others can not be heard of.',
    }),
    inTouch: Type.Boolean({ description: 'Whether it hears of the changes that others make.' }),
    hitRatio: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], {
      description: 'Of this worker, since its start; null before the first look-up.',
    }),
    entries: Type.Integer({ minimum: 0, description: "In this worker's memory." }),
    bytes: Type.Integer({ minimum: 0, description: 'Of those, estimated.' }),
    machine: SharedTier,
    far: SharedTier,
  },
  closed,
)
export type CacheHealth = Static<typeof CacheHealth>

export const Integrations = Type.Object(
  {
    redis: Type.Object(
      { state: Type.Enum(['none', 'on', 'degraded', 'off'], { description: '`none`: not configured.' }) },
      closed,
    ),
  },
  { ...closed, description: 'Services outside of this one, beside the database.' },
)
export type Integrations = Static<typeof Integrations>

export const Services = Type.Object(
  {
    databaseProbe: Type.Object(
      {
        state: Type.Enum(['running', 'failing'], { description: '`failing`: its last look was not answered.' }),
        checkedAt: Type.Union([Type.String(), Type.Null()]),
      },
      closed,
    ),
    warmUp: Type.Object({ state: Type.Enum(['none', 'waiting', 'running', 'done', 'stopped']) }, closed),
    memoryWatcher: Type.Object(
      {
        state: Type.Enum(['none', 'running']),
        pressure: Type.Union([Type.Enum(PRESSURE_LEVELS), Type.Null()]),
        leak: Type.Union([Type.Enum(['gathering', 'warming-up', 'steady', 'leak']), Type.Null()], {
          description: 'The verdict on the slope of the live memory.',
        }),
      },
      closed,
    ),
    loadReports: Type.Object({ state: Type.Enum(['none', 'running']) }, closed),
  },
  { ...closed, description: 'What runs in the background of this worker.' },
)
export type Services = Static<typeof Services>

const switches = Object.fromEntries(Object.keys(ALL_FEATURES).map(name => [name, Type.Boolean()])) as Record<
  keyof FeatureSwitches,
  TBoolean
>
export const Features = Type.Object(switches, { ...closed, description: 'Which parts are switched on.' })
