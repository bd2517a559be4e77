// A cache from options: which tiers there are, and where they lie. What isn't asked for isn't loaded: lmdb and the Redis client are imported when they're used.
import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Cache,
  type CacheOptions,
  type CacheParts,
  type CacheTools,
  checkCacheOptions,
  createCache,
} from './cache.ts'
import { CacheError } from './errors.ts'
import type { InvalidationLog } from './log/invalidation-log.ts'
import { BlindMachineMap } from './machine/blind-machine-map.ts'
import type { RedisOptions } from './redis/redis-options.ts'

/** What the processes of a machine share. */
export interface MachineOptions {
  /** A folder in shared memory that belongs to this user. Default `plimsoll-cache-<name>-<user id>` in /dev/shm, or in the folder for temporary files. */
  readonly folder?: string
  /** Size of the tier's file, in bytes; less where there's less room. Default 64 MiB. */
  readonly mapBytes?: number
  /** The largest value that's kept, in bytes. Default 1 MiB. */
  readonly maxValueBytes?: number
}

export interface DiskOptions {
  readonly folder: string
  /** Default 256 MiB. */
  readonly mapBytes?: number
  /** Default 1 MiB. */
  readonly maxValueBytes?: number
}

export interface OpenCacheOptions extends CacheOptions {
  /** Tells the caches of a machine apart; letters, digits, `-`, `_`. Default `default`. */
  readonly name?: string
  /** Default: on. false: nothing is shared; unless this process is `alone`, strict namespaces then load every time, and bounded ones serve for their bound. */
  readonly machine?: MachineOptions | false
  /** No other process caches or changes these data. Contradicts `machine`. Default false. */
  readonly alone?: boolean
  /** The far tier on this machine's disk. Contradicts `redis`. Default: none. */
  readonly disk?: DiskOptions
  /** The far tier that machines share. */
  readonly redis?: RedisOptions & { readonly maxValueBytes?: number }
  /** How machines tell each other of invalidations. Default: a stream in Redis, when there's `redis`. */
  readonly log?: InvalidationLog
}

const KNOWN: ReadonlySet<string> = new Set<keyof OpenCacheOptions>([
  'name',
  'machine',
  'alone',
  'disk',
  'redis',
  'log',
  'enabled',
  'epoch',
  'pollMs',
  'silenceMs',
  'onError',
])

/** Where a machine's shared folder lies unless it's said. */
export function defaultMachineFolder(name: string): string {
  const user = process.getuid?.() ?? 0
  return path.join(sharedMemory(), `plimsoll-cache-${name}-${user}`)
}

function sharedMemory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

/**
 * Opens the tiers and begins to follow the log. A tier that can't be opened costs the tier: see `stats()`.
 * @throws CACHE_ERR_OPTION
 */
export async function openCache(options: OpenCacheOptions = {}, tools: CacheTools = {}): Promise<Cache> {
  const unknown = Object.keys(options).find(key => !KNOWN.has(key))
  if (unknown !== undefined) throw bad(`there's no option "${unknown}".`)
  checkCacheOptions(options)
  const { name = 'default', machine = {}, alone = false, disk, redis, log } = options
  if (!/^[\w-]{1,40}$/.test(name)) throw bad(`name is 1 to 40 letters, digits, - and _, not "${name}".`)
  if (alone && options.machine)
    throw bad('alone and machine contradict each other: a process that is alone shares nothing.')
  if (disk && redis) throw bad('disk and redis contradict each other: there is one far tier.')
  const shared = alone || machine === false ? undefined : machine
  if (shared === undefined && (disk ?? redis ?? log))
    throw bad('disk, redis and log need machine: its map says which of their values are still good.')
  const parts = {
    ...(alone ? {} : shared === undefined ? { map: new BlindMachineMap() } : await machineParts(name, shared)),
    ...(disk ? await diskPart(disk) : {}),
    ...(redis ? await redisParts(redis, log === undefined) : {}),
    ...(log ? { log } : {}),
  } satisfies CacheParts
  return createCache(parts, options, tools).start()
}

async function machineParts(name: string, options: MachineOptions): Promise<Pick<CacheParts, 'map' | 'machine'>> {
  const { LmdbMachineMap } = await import('./lmdb/lmdb-machine-map.ts')
  const { LmdbTier } = await import('./lmdb/lmdb-tier.ts')
  const { folder = defaultMachineFolder(name), ...sizes } = options
  return { map: new LmdbMachineMap({ folder }), machine: new LmdbTier({ folder, ...sizes }) }
}

async function diskPart(options: DiskOptions): Promise<Pick<CacheParts, 'far'>> {
  const { LmdbTier } = await import('./lmdb/lmdb-tier.ts')
  return { far: new LmdbTier({ ...options, durable: true }) }
}

async function redisParts(
  { maxValueBytes, ...options }: RedisOptions & { readonly maxValueBytes?: number },
  logged: boolean,
): Promise<Pick<CacheParts, 'far' | 'log' | 'clusterLeases' | 'connection'>> {
  const { openRedis, RedisTier, RedisLog, RedisLeases } = await import('./redis/index.ts')
  const connection = openRedis(options)
  return {
    connection,
    far: new RedisTier(connection, maxValueBytes === undefined ? {} : { maxValueBytes }),
    clusterLeases: new RedisLeases(connection),
    ...(logged ? { log: new RedisLog(connection) } : {}),
  }
}

function bad(message: string): CacheError {
  return new CacheError('CACHE_ERR_OPTION', `openCache: ${message}`)
}
