// Where answers are kept, and who shares them.
import { option as Type } from '@plimsoll/config'

const closed = { additionalProperties: false } as const

export const cache = Type.Object(
  {
    machine: Type.Boolean({
      description: 'Whether the workers of this machine share what they have loaded, in shared memory.',
      default: true,
      env: 'CACHE_L2',
      when: 'Turn it off if its native library crashes here; workers then keep values for a second only, since they can not know what others change.',
    }),
    folder: Type.Optional(
      Type.String({
        description:
          "Folder of the machine's shared memory for the cache; every process that uses the same database gives the same one. Not set: one per database in /dev/shm.",
        minLength: 1,
        env: 'CACHE_FOLDER',
      }),
    ),
    maxMib: Type.Integer({
      description: "Most of the shared memory that the machine's tier takes; less when there is less.",
      unit: 'MiB',
      default: 64,
      minimum: 8,
      maximum: 65_536,
      env: 'CACHE_MAX_MIB',
    }),
    diskFolder: Type.Optional(
      Type.String({
        description:
          'Folder of the far tier on this machine, which keeps more and outlives restarts. Not set: no far tier, unless there is Redis.',
        minLength: 1,
        env: 'CACHE_DISK_FOLDER',
      }),
    ),
    redisHost: Type.Optional(
      Type.String({
        description:
          'Host of Redis or Valkey: the far tier that several machines share, and how they tell each other of changes. Not set: one machine.',
        minLength: 1,
        env: 'REDIS_HOST',
      }),
    ),
    redisPort: Type.Integer({
      description: 'Port of Redis or Valkey.',
      default: 6379,
      minimum: 1,
      maximum: 65_535,
      env: 'REDIS_PORT',
    }),
    redisPassword: Type.Optional(
      Type.String({ description: 'Password of Redis or Valkey.', secret: true, minLength: 1, env: 'REDIS_PASSWORD' }),
    ),
    warmKeys: Type.Array(Type.String({ maxLength: 256, pattern: '^[\\w.:-]{1,64} .*$' }), {
      description:
        'What each worker loads at its start whether it was used before or not: namespace, blank, key. The most used of the last run come after them.',
      default: [],
      env: 'CACHE_WARM',
      placeholder: 'namespace key',
    }),
  },
  closed,
)
