// How much memory the fleet may take, and what is done before it's too much.
import { option as Type } from '@plimsoll/config'

const closed = { additionalProperties: false } as const

export const memory = Type.Object(
  {
    optimizer: Type.Boolean({
      description:
        'Whether each worker watches its memory: under pressure the cache shrinks and warming pauses, a leak is found by its slope and told.',
      default: true,
      env: 'MEMORY_OPTIMIZER',
    }),
    recycle: Type.Boolean({
      description:
        'Whether a worker that leaks, is fragmented or stays in an emergency is replaced; its successor starts first. Off: it is logged only.',
      default: true,
      env: 'MEMORY_RECYCLE',
    }),
    shareMib: Type.Optional(
      Type.Integer({
        description:
          'Memory for one worker, which pressure is measured by. The cluster gives it to its workers; not set: an equal part of what there is.',
        unit: 'MiB',
        minimum: 32,
        maximum: 4_194_304,
        env: 'MEMORY_SHARE_MIB',
      }),
    ),
    limitMib: Type.Optional(
      Type.Integer({
        description:
          "Memory for the whole fleet, its supervisor included; workers' heaps are sized to fit it, or the container's limit where that is smaller. Not set: the container's; without one, the machine's memory bounds nothing but Node's own defaults.",
        unit: 'MiB',
        minimum: 300,
        maximum: 4_194_304,
        env: 'MEMORY_LIMIT_MIB',
        when: 'Set it where the container shares its memory with other programs, such as a balancer beside the fleet.',
      }),
    ),
    collectWhenIdle: Type.Boolean({
      description:
        'Whether an idle worker collects garbage once a minute, so that a slow leak is found on a quiet service too.',
      default: false,
      env: 'MEMORY_COLLECT_WHEN_IDLE',
    }),
    profileFolder: Type.Optional(
      Type.String({
        description:
          'Folder for a heap profile when a leak is found or memory runs short: who allocates what is still there, without values. Not set: none is made.',
        minLength: 1,
        env: 'MEMORY_PROFILE_FOLDER',
      }),
    ),
  },
  closed,
)

/** Of the cluster alone: when workers are replaced. */
export const recycling = Type.Object(
  {
    maxPerHour: Type.Optional(
      Type.Integer({
        description:
          'Most workers replaced in an hour for reasons of memory or age; emergencies are counted and not held back. Not set: 6, or two for each worker where that is more.',
        unit: 'workers',
        minimum: 0,
        maximum: 3600,
        zero: 'emergencies only',
        env: 'API_RECYCLES_PER_HOUR',
      }),
    ),
    minIntervalMs: Type.Integer({
      description: 'Shortest time between two such replacements.',
      unit: 'ms',
      default: 30_000,
      minimum: 0,
      maximum: 3_600_000,
      env: 'API_RECYCLE_INTERVAL_MS',
    }),
    maxAgeS: Type.Integer({
      description:
        'Age at which a worker is replaced, by chance up to a fifth earlier, so that not all are due together.',
      unit: 's',
      default: 0,
      minimum: 0,
      maximum: 2_147_483,
      zero: 'at no age',
      env: 'API_WORKER_MAX_AGE_S',
    }),
  },
  closed,
)
