// The options of the API's three programs: the cluster (main.ts), a worker (worker/main.ts) and the database commands (database/main.ts).
//
// All three read the same environment, and the cluster passes its own on to the workers. What a program doesn't use isn't among its options.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { auth } from './auth-options.ts'
import { cache } from './cache-options.ts'
import { connectTimeoutS, database, databaseUrl, directUrl } from './database-options.ts'
import { features } from './feature-options.ts'
import { http } from './http-options.ts'
import { limits } from './limit-options.ts'
import { memory, recycling } from './memory-options.ts'
import { environment, log } from './process-options.ts'
import { retention } from './retention-options.ts'

const closed = { additionalProperties: false } as const

const workers = Type.Optional(
  Type.Integer({
    description:
      'Number of workers. Not set: one per core, at least 2, and no more than database.connectionBudget has connections for.',
    unit: 'workers',
    minimum: 1,
    maximum: 256,
    env: 'API_WORKERS',
  }),
)

const maxWorkers = Type.Optional(
  Type.Integer({
    description:
      'Number of workers at most: above 75 % of event-loop use one more is started, below 35 % one is taken away, never under the number of workers. Not set: the number stays.',
    unit: 'workers',
    minimum: 1,
    maximum: 256,
    env: 'API_MAX_WORKERS',
  }),
)

export const clusterSchema = Type.Object(
  {
    environment,
    workers,
    maxWorkers,
    adminPort: Type.Integer({
      description: "Port on 127.0.0.1 for the fleet's health, metrics and control.",
      default: 9902,
      minimum: 0,
      maximum: 65_535,
      zero: 'a free port',
      env: 'API_ADMIN_PORT',
    }),
    controlToken: Type.Optional(
      Type.String({
        description: 'Bearer token for replacing workers. Not set: one is made up at each start, so nobody can.',
        minLength: 16,
        secret: true,
        env: 'API_CONTROL_TOKEN',
      }),
    ),
    runFolder: Type.Optional(
      Type.String({
        description:
          "Folder of the workers' sockets and of endpoints.json, the list for the balancer. One fleet per folder; its path has at most 80 bytes. Not set: plimsoll-api-<user id> in the system's folder for temporary files.",
        minLength: 1,
        env: 'API_RUN_FOLDER',
      }),
    ),
    inspectPort: Type.Integer({
      description: 'Port on 127.0.0.1 on which worker 0 waits for an inspector.',
      default: 0,
      minimum: 0,
      maximum: 65_535,
      zero: 'no inspector',
    }),
    features,
    database,
    cache,
    memory,
    recycling,
    http,
    auth,
    limits,
    retention,
    log,
  },
  closed,
)

export const workerSchema = Type.Object(
  {
    environment,
    workers,
    listen: Type.String({
      description:
        'Where a worker without a cluster listens: host:port or unix:/path. In a cluster the supervisor gives it a Unix socket.',
      default: '127.0.0.1:3001',
      pattern: '^(unix:/.+|.+:[0-9]{1,5})$',
      placeholder: 'host:port',
      env: 'API_LISTEN',
    }),
    features,
    database,
    cache,
    memory,
    http,
    auth,
    limits,
    retention,
    log,
  },
  closed,
)

export const databaseCommandSchema = Type.Object(
  {
    environment,
    size: Type.Enum(['small', 'full'], { description: 'How much demo data the command seed loads.', default: 'full' }),
    advise: Type.Boolean({
      description:
        'Whether the command verify tries out indexes for what reads a table from end to end. It builds them and rolls back, which locks their tables meanwhile: refused in production.',
      default: false,
    }),
    progress: Type.Enum(['text', 'json'], {
      description: 'How progress is printed: lines to read, or one JSON object per line.',
      default: 'text',
    }),
    database: Type.Object({ url: databaseUrl, directUrl, connectTimeoutS }, closed),
    cache,
  },
  closed,
)

export type ClusterConfig = DeepReadonly<Static<typeof clusterSchema>>
export type WorkerConfig = DeepReadonly<Static<typeof workerSchema>>
export type DatabaseCommandConfig = DeepReadonly<Static<typeof databaseCommandSchema>>
