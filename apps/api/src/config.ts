// Every option of the API, for its three programs: the cluster (main.ts), a worker (worker/main.ts) and the database commands (database/main.ts).
//
// One file, so that every option of the three has one place: the length is the table's. All three read the same environment, and the cluster passes its own on to the workers. What a program doesn't use isn't among its options.
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import { defaultLogLevel, LOG_LEVELS, type LogLevel } from '@plimsoll/telemetry'
import type { Static } from 'typebox'
import type { CacheSettings } from './cache/cache.ts'
import { routesTo } from './database/address.ts'
import { mostWorkers, poolSize, smallestBudget, type PoolSize } from './database/pool-size.ts'
import { isNetwork } from './http/peers.ts'
import { isOriginPattern, type Environment } from './plugins/security.ts'

const closed = { additionalProperties: false } as const

const environment = Type.Enum(['development', 'staging', 'production'], {
  description: 'Kind of installation: decides the defaults of the log level, of CORS and of the documentation page.',
  default: 'development',
  env: 'NODE_ENV',
})

const log = Type.Object(
  {
    level: Type.Optional(
      Type.Enum([...LOG_LEVELS], {
        description: 'Lowest level that is logged. Not set: debug in development, info in staging, warn in production.',
        env: 'LOG_LEVEL',
      }),
    ),
    file: Type.Optional(
      Type.String({
        description:
          'Path of log files without their ending; each process adds its name and rotates its own file at 20 MiB, keeping five. Not set: standard output.',
        env: 'API_LOG_FILE',
        minLength: 1,
      }),
    ),
  },
  closed,
)

const databaseUrl = Type.String({
  description:
    'Address of PostgreSQL: postgres://user:password@host:port/database. With database.directUrl set: of the pooler in front of it.',
  env: 'DATABASE_URL',
  pattern: '^postgres(ql)?://',
  placeholder: 'url',
  secret: true,
})
const directUrl = Type.Optional(
  Type.String({
    description:
      'Address of the same database without the pooler, which then has to be one in transaction mode (PgBouncer): for migrations and the other database commands, and whenever the pooler can not be reached. Not set: database.url leads to PostgreSQL itself.',
    env: 'DATABASE_DIRECT_URL',
    pattern: '^postgres(ql)?://',
    placeholder: 'url',
    secret: true,
  }),
)
const connectTimeoutS = Type.Integer({
  description: 'Longest time to open a connection.',
  unit: 's',
  default: 10,
  minimum: 1,
  maximum: 300,
  env: 'DB_CONNECTION_TIMEOUT',
})

const database = Type.Object(
  {
    url: databaseUrl,
    directUrl,
    minConnections: Type.Optional(
      Type.Integer({
        description: 'Connections that each worker opens at its start. Not set: 2 in development, else 5.',
        unit: 'connections',
        minimum: 0,
        maximum: 1000,
        zero: 'the first query opens the first',
        env: 'DB_MIN_CONNECTIONS',
      }),
    ),
    maxConnections: Type.Optional(
      Type.Integer({
        description:
          'Connections that each worker may open at most, by each route. Not set: 10 in development, else 20.',
        unit: 'connections',
        minimum: 1,
        maximum: 1000,
        when: 'Raise it when requests wait while the database has cores and disks to spare; database.connectionBudget limits it.',
        env: 'DB_MAX_CONNECTIONS',
      }),
    ),
    connectionBudget: Type.Integer({
      description:
        'Connections that all workers together may open, by all routes and with one worker more during a rolling restart; each worker gets its share.',
      unit: 'connections',
      default: 90,
      minimum: 4,
      maximum: 100_000,
      when: 'Change it when max_connections of PostgreSQL is not 100, or other programs share it.',
      env: 'DB_CONNECTION_BUDGET',
    }),
    connectTimeoutS,
    commandTimeoutS: Type.Integer({
      description: 'Longest time for one statement; PostgreSQL stops it then.',
      unit: 's',
      default: 30,
      minimum: 1,
      maximum: 3600,
      env: 'DB_COMMAND_TIMEOUT',
    }),
    acquireTimeoutMs: Type.Integer({
      description: 'Longest wait of a statement for a connection; then the answer is 503 API_ERR_DATABASE_BUSY.',
      unit: 'ms',
      default: 5000,
      minimum: 10,
      maximum: 600_000,
      when: 'Lower it to shed load earlier. Above http.handlerTimeoutMs it has no effect.',
      env: 'DB_ACQUIRE_TIMEOUT_MS',
    }),
    slowQueryMs: Type.Optional(
      Type.Integer({
        description:
          'Waiting and running together from which on a statement is logged as slow, without its values. Not set: 100 in development, else 500.',
        unit: 'ms',
        minimum: 0,
        maximum: 3_600_000,
        zero: 'every statement is',
        env: 'DB_SLOW_QUERY_MS',
      }),
    ),
    probeIntervalMs: Type.Integer({
      description:
        'Time between two looks at the database in the background, ± 10 %; one second while it does not answer.',
      unit: 'ms',
      default: 10_000,
      minimum: 100,
      maximum: 3_600_000,
      env: 'API_DB_PROBE_INTERVAL_MS',
    }),
  },
  closed,
)

const http = Type.Object(
  {
    handlerTimeoutMs: Type.Integer({
      description:
        "Longest time for the answer to a request. Below the balancer's 10 s per try, so that clients get the API's reason.",
      unit: 'ms',
      default: 9000,
      minimum: 10,
      maximum: 600_000,
      env: 'API_HANDLER_TIMEOUT_MS',
    }),
    maxBodyBytes: Type.Integer({
      description: 'Largest body of a request; a route may set its own.',
      unit: 'bytes',
      default: 64 * 1024,
      minimum: 1024,
      maximum: 64 * 1024 * 1024,
      env: 'API_MAX_BODY_BYTES',
    }),
    trustedProxies: Type.Array(Type.String({ maxLength: 64 }), {
      description:
        "Addresses and networks whose x-forwarded-* fields, request ids and deadlines are believed, besides whoever is on a worker's Unix socket.",
      default: [],
      env: 'API_TRUSTED_PROXIES',
      placeholder: 'ip or network',
    }),
    corsOrigins: Type.Array(Type.String({ maxLength: 256 }), {
      description:
        'Origins whose pages may read answers, with credentials: https://app.example.org, or https://*.example.org for its subdomains.',
      default: [],
      env: 'API_CORS_ORIGINS',
      placeholder: 'origin',
    }),
  },
  closed,
)

const cache = Type.Object(
  {
    enabled: Type.Boolean({
      description:
        'Whether answers are kept. Off: every answer is loaded; requests for the same one at the same time still share a load.',
      default: true,
      env: 'CACHE_ENABLED',
    }),
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

export const clusterSchema = Type.Object(
  {
    environment,
    workers,
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
    database,
    cache,
    http,
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
    database,
    cache,
    http,
    log,
  },
  closed,
)

export const databaseCommandSchema = Type.Object(
  {
    environment,
    size: Type.Enum(['small', 'full'], { description: 'How much demo data the command seed loads.', default: 'full' }),
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

/** The programs, as `loadConfig` takes them. */
export const clusterProgram = {
  name: 'plimsoll-api',
  schema: clusterSchema,
  check: (config: ClusterConfig) => checkServing(config, workerCount(config)),
}
export const workerProgram = {
  name: 'plimsoll-api-worker',
  schema: workerSchema,
  check: (config: WorkerConfig) => checkServing(config, config.workers ?? 1),
}
export const databaseProgram = {
  name: 'plimsoll-api-database',
  operands: 'migrate | plan | rehearse | repair NUMBER pending|done | seed | reset',
  schema: databaseCommandSchema,
}

/** What the schema can't say. */
function checkServing(
  config: Pick<WorkerConfig, 'environment' | 'database' | 'cache' | 'http'>,
  workers: number,
): string[] {
  const { http, cache } = config
  const far = cache.redisHost === undefined ? 'cache.diskFolder' : 'cache.redisHost'
  const { connectionBudget } = config.database
  const { minConnections, maxConnections } = poolLimits(config)
  const needed = smallestBudget({ workers, routes: routesTo(config.database).length })
  return [
    ...(minConnections > maxConnections
      ? [
          `database.minConnections (${minConnections}) is above database.maxConnections (${maxConnections}); lower the one or raise the other`,
        ]
      : []),
    ...(connectionBudget < needed
      ? [
          `database.connectionBudget (${connectionBudget}) is below ${needed}, the least for workers (${workers}, and one more during a restart) with a connection and a probe each by every route; start fewer workers, or raise it and max_connections of PostgreSQL`,
        ]
      : []),
    ...(cache.redisHost !== undefined && cache.diskFolder !== undefined
      ? ['cache.diskFolder and cache.redisHost contradict each other: there is one far tier']
      : []),
    ...(!cache.machine && (cache.redisHost ?? cache.diskFolder) !== undefined
      ? [
          `cache.machine is off, but ${far} is set: what the machine shares says which values of the far tier are still good; turn the one on or leave the other out`,
        ]
      : []),
    ...http.trustedProxies
      .filter(entry => !isNetwork(entry))
      .map(entry => `http.trustedProxies: "${entry}" is neither an address nor a network such as 10.0.0.0/8`),
    ...http.corsOrigins
      .filter(entry => !isOriginPattern(entry))
      .map(
        entry =>
          `http.corsOrigins: "${entry}" is no origin; write https://app.example.org, without a path, or https://*.example.org`,
      ),
  ]
}

// Defaults that depend on the environment or the machine, which a schema can't have.

/** The level to log at. */
export function logLevel(config: {
  readonly environment: Environment
  readonly log: { readonly level?: LogLevel }
}): LogLevel {
  return config.log.level ?? defaultLogLevel(config.environment)
}

/** Limits of each worker's pool, before its share of the budget is known. */
export function poolLimits(config: Pick<WorkerConfig, 'environment' | 'database'>): {
  minConnections: number
  maxConnections: number
} {
  const { environment, database } = config
  const [min, max] = environment === 'development' ? [2, 10] : [5, 20]
  return {
    minConnections: database.minConnections ?? Math.min(min, database.maxConnections ?? min),
    maxConnections: database.maxConnections ?? max,
  }
}

/**
 * The pool of each of so many workers.
 * @throws DB_ERR_BUDGET, which `check` has refused before
 */
export function workerPool(config: Pick<WorkerConfig, 'environment' | 'database'>, workers: number): PoolSize {
  return poolSize({
    ...poolLimits(config),
    workers,
    budget: config.database.connectionBudget,
    routes: routesTo(config.database).length,
  })
}

/** The cache as the worker opens it. */
export function cacheSettings({ cache }: Pick<WorkerConfig, 'cache'>): CacheSettings {
  const { redisHost, redisPort, redisPassword, folder, diskFolder, enabled, machine, maxMib } = cache
  const redis = redisHost === undefined ? undefined : { host: redisHost, port: redisPort, password: redisPassword }
  return { enabled, machine, folder, maxMib, diskFolder, redis }
}

/** From when on a statement is slow. */
export function slowQueryMs(config: Pick<WorkerConfig, 'environment' | 'database'>): number {
  return config.database.slowQueryMs ?? (config.environment === 'development' ? 100 : 500)
}

/** Where commands and the check of the schema find the database: never through a pooler, which has no sessions. */
export function commandDatabase({ url, directUrl, connectTimeoutS }: DatabaseCommandConfig['database']): {
  readonly url: string
  readonly connectTimeoutS: number
} {
  return { url: directUrl ?? url, connectTimeoutS }
}

/** @param cores of this machine */
export function workerCount(
  config: Pick<ClusterConfig, 'workers' | 'database'>,
  cores: number = availableParallelism(),
): number {
  const { connectionBudget, ...address } = config.database
  const most = mostWorkers({ budget: connectionBudget, routes: routesTo(address).length })
  return config.workers ?? Math.max(1, Math.min(most, Math.max(2, cores)))
}

/** @param userId id of the user who runs the program; 0 where the system has none */
export function runFolder(config: Pick<ClusterConfig, 'runFolder'>, userId: number): string {
  return path.resolve(config.runFolder ?? path.join(tmpdir(), `plimsoll-api-${userId}`))
}

/**
 * The environment by which the cluster passes its configuration on to its workers, from whatever source it came.
 * @param base what else workers shall see; its own settings of the same names are replaced or, where there is no value, removed
 */
export function workerEnvironment(
  config: ClusterConfig,
  base: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const { environment, database, cache, http, log } = config
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value))
  return {
    ...base,
    NODE_ENV: environment,
    API_WORKERS: String(workerCount(config)),
    DATABASE_URL: database.url,
    DATABASE_DIRECT_URL: database.directUrl,
    DB_MIN_CONNECTIONS: text(database.minConnections),
    DB_MAX_CONNECTIONS: text(database.maxConnections),
    DB_CONNECTION_BUDGET: text(database.connectionBudget),
    DB_CONNECTION_TIMEOUT: text(database.connectTimeoutS),
    DB_COMMAND_TIMEOUT: text(database.commandTimeoutS),
    DB_ACQUIRE_TIMEOUT_MS: text(database.acquireTimeoutMs),
    DB_SLOW_QUERY_MS: text(database.slowQueryMs),
    API_DB_PROBE_INTERVAL_MS: text(database.probeIntervalMs),
    CACHE_ENABLED: String(cache.enabled),
    CACHE_L2: String(cache.machine),
    CACHE_FOLDER: cache.folder,
    CACHE_MAX_MIB: String(cache.maxMib),
    CACHE_DISK_FOLDER: cache.diskFolder,
    REDIS_HOST: cache.redisHost,
    REDIS_PORT: String(cache.redisPort),
    REDIS_PASSWORD: cache.redisPassword,
    CACHE_WARM: cache.warmKeys.join(','),
    API_HANDLER_TIMEOUT_MS: text(http.handlerTimeoutMs),
    API_MAX_BODY_BYTES: text(http.maxBodyBytes),
    API_TRUSTED_PROXIES: http.trustedProxies.join(','),
    API_CORS_ORIGINS: http.corsOrigins.join(','),
    LOG_LEVEL: log.level,
    API_LOG_FILE: log.file,
  }
}
