// From the options to what each part takes, with the defaults that depend on the environment or the machine, which a schema can't have.
import { randomBytes } from 'node:crypto'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import type { RecyclingOptions } from '@plimsoll/supervisor'
import type { LogLevel } from '@plimsoll/telemetry'
import type { AuthOptions } from '../auth/auth.ts'
import { readKeyring } from '../auth/keyring.ts'
import { readKeysFile } from '../auth/keys-file.ts'
import type { CacheSettings } from '../cache/cache.ts'
import { routesTo } from '../database/address.ts'
import { mostWorkers as mostWithin, poolSize, type PoolSize } from '../database/pool-size.ts'
import type { WorkerMemorySettings } from '../memory/worker-memory.ts'
import type { Environment } from '../plugins/security.ts'
import { weakKeys } from './default-secrets.ts'
import { ENVIRONMENTS } from './environments.ts'
import type { ClusterConfig, DatabaseCommandConfig, WorkerConfig } from './schemas.ts'

/** The level to log at. */
export function logLevel(config: {
  readonly environment: Environment
  readonly log: { readonly level?: LogLevel }
}): LogLevel {
  return config.log.level ?? ENVIRONMENTS[config.environment].logLevel
}

/** Limits of each worker's pool, before its share of the budget is known. */
export function poolLimits(config: Pick<WorkerConfig, 'environment' | 'database'>): {
  minConnections: number
  maxConnections: number
} {
  const { environment, database } = config
  const { minConnections: least, maxConnections: most } = ENVIRONMENTS[environment]
  return {
    minConnections: database.minConnections ?? Math.min(least, database.maxConnections ?? least),
    maxConnections: database.maxConnections ?? most,
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

/** libuv's pool has four threads unless it's told other: one is left for files, names and compression. */
const MAX_HASH_SLOTS = 3

/**
 * How one of so many workers lets people in.
 * @throws API_ERR_SIGNING_KEYS
 */
export function authOptions(
  config: Pick<WorkerConfig, 'environment' | 'auth'>,
  workers: number,
  cores: number = availableParallelism(),
): AuthOptions {
  const { auth } = config
  const { issuer, audience, hashMemoryKib, hashPasses, hashSlots } = auth
  // One core is for all else; where there's only one, half of it.
  const forHashes = Math.max(cores - 1, 0.5)
  const slots = hashSlots ?? Math.min(Math.max(1, Math.floor(forHashes / workers)), MAX_HASH_SLOTS)
  return {
    keys: signingKeys(config),
    issuer,
    audience,
    accessTokenMs: auth.accessTokenS * 1000,
    lives: { tokenMs: auth.refreshTokenS * 1000, familyMs: auth.sessionS * 1000 },
    hashing: { memoryKib: hashMemoryKib, passes: hashPasses, lanes: 1 },
    hashSlots: slots,
    hashRest: Math.max(0, (slots * workers) / forHashes - 1),
  }
}

function signingKeys({ environment, auth }: Pick<WorkerConfig, 'environment' | 'auth'>): AuthOptions['keys'] {
  const { keys = madeUpKeys(), keysFile } = auth
  if (keysFile === undefined) return readKeyring(keys)
  return { file: path.resolve(keysFile), refuse: ENVIRONMENTS[environment].refuseDanger ? weakKeys : undefined }
}

/**
 * The same for all workers of a fleet that was given none; production is refused before. What no worker could use stops the fleet before any is forked.
 * @throws API_ERR_SIGNING_KEYS
 */
export function withSigningKeys(config: ClusterConfig): ClusterConfig {
  const { keys, keysFile } = config.auth
  if (keys === undefined && keysFile === undefined) return { ...config, auth: { ...config.auth, keys: madeUpKeys() } }
  const given = signingKeys(config)
  if ('file' in given) readKeysFile(given.file, given.refuse)
  return config
}

function madeUpKeys(): string {
  return JSON.stringify({ sign: 'made-up', keys: { 'made-up': randomBytes(32).toString('base64url') } })
}

/** The cache as the worker opens it. */
export function cacheSettings({ cache }: Pick<WorkerConfig, 'cache'>): CacheSettings {
  const { redisHost, redisPort, redisPassword, folder, diskFolder, machine, maxMib } = cache
  const redis = redisHost === undefined ? undefined : { host: redisHost, port: redisPort, password: redisPassword }
  return { machine, folder, maxMib, diskFolder, redis }
}

/** How one of so many workers watches its memory; undefined: it doesn't. */
export function workerMemory(
  { memory }: Pick<WorkerConfig, 'memory'>,
  workers: number,
): WorkerMemorySettings | undefined {
  const { optimizer, recycle, shareMib, collectWhenIdle, profileFolder } = memory
  if (!optimizer) return undefined
  return {
    recycle,
    shareBytes: shareMib === undefined ? undefined : shareMib * 2 ** 20,
    workers,
    collectWhenIdle,
    profileFolder: profileFolder === undefined ? undefined : path.resolve(profileFolder),
  }
}

/**
 * How long a worker that ends accepts, and answers what is under way. A request has its own time limit: nothing that may still be answered is cut. With the time for the
 * database to close it stays within half a minute, unless requests may take longer.
 */
export function drainTimes({ http }: Pick<WorkerConfig, 'http'>): {
  readonly acceptMs: number
  readonly closeMs: number
} {
  return { acceptMs: 8000, closeMs: Math.max(12_000, http.handlerTimeoutMs + 3000) }
}

/** Longest time for a worker to end, from telling it to. */
export function drainTimeoutMs(config: Pick<WorkerConfig, 'http'>): number {
  const { acceptMs, closeMs } = drainTimes(config)
  return Math.max(30_000, acceptMs + closeMs + 8000)
}

/** From when on a statement is slow. */
export function slowQueryMs(config: Pick<WorkerConfig, 'environment' | 'database'>): number {
  return config.database.slowQueryMs ?? ENVIRONMENTS[config.environment].slowQueryMs
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
  config: Pick<ClusterConfig, 'features' | 'workers' | 'maxWorkers' | 'database'>,
  cores: number = availableParallelism(),
): number {
  if (!config.features.loadBalancing) return 1
  const { connectionBudget, ...address } = config.database
  const most = mostWithin({ budget: connectionBudget, routes: routesTo(address).length })
  return config.workers ?? Math.max(1, Math.min(most, Math.max(2, cores), config.maxWorkers ?? Infinity))
}

/** The most workers there may be at once, not counting the one more while one is replaced. */
export function mostWorkers(config: Pick<ClusterConfig, 'features' | 'workers' | 'maxWorkers' | 'database'>): number {
  if (!config.features.loadBalancing) return 1
  return Math.max(workerCount(config), config.maxWorkers ?? 0)
}

/** @param userId id of the user who runs the program; 0 where the system has none */
export function runFolder(config: Pick<ClusterConfig, 'runFolder'>, userId: number): string {
  return path.resolve(config.runFolder ?? path.join(tmpdir(), `plimsoll-api-${userId}`))
}

/** When workers are replaced for reasons of memory or age; what isn't set is the supervisor's default. */
export function recyclingSettings({ recycling }: Pick<ClusterConfig, 'recycling'>): Partial<RecyclingOptions> {
  const { maxPerHour, minIntervalMs, maxAgeS } = recycling
  return { ...(maxPerHour === undefined ? {} : { maxPerHour }), minIntervalMs, maxAgeMs: maxAgeS * 1000 }
}
