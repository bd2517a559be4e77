// The cache of a worker: opened from the configuration, shared with the other workers of the machine, and with other machines where there's Redis.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  type Cache,
  createCache,
  defaultMachineFolder,
  type InvalidationLog,
  openCache,
  type OpenCacheOptions,
} from '@plimsoll/cache'
import { createDatabase } from '@plimsoll/db-optimizer'
import { createInvalidationLog } from '@plimsoll/db-optimizer/invalidation'
import type { Logger } from '@plimsoll/telemetry'

export interface CacheSettings {
  /** Whether the workers of the machine share what they have loaded. */
  readonly machine: boolean
  /** Where; undefined: a folder of its own in shared memory for each database. */
  readonly folder: string | undefined
  readonly maxMib: number
  /** Folder of the far tier on disk. */
  readonly diskFolder: string | undefined
  readonly redis: { readonly host: string; readonly port: number; readonly password: string | undefined } | undefined
}

/** What the cached data come from. */
export interface CacheSource {
  readonly databaseUrl: string
  /** Of the build: another one's values are never read. */
  readonly version: string
  /** How machines tell each other of changes; undefined where there's one. */
  readonly log: InvalidationLog | undefined
}

/** Opens the cache; a tier that can't be opened costs the tier, and a line in the log. */
export async function openApiCache(
  settings: CacheSettings & { readonly circuitBreaker: boolean },
  source: CacheSource,
  logger: Logger,
): Promise<Cache> {
  const onError = (error: unknown) => logger.warn({ err: error }, 'The cache can not follow what other machines change')
  return openCache(cacheOptions(settings, source, onError))
}

/** In the place of a cache where nothing is kept: every answer is loaded; one load still serves all who ask for it at the same time. */
export function keepNothing(): Cache {
  return createCache({}, { enabled: false })
}

/**
 * Invalidates all that any process has cached of this database, on this machine and, where there are several, on the others; whether it's there to be used now or not.
 */
export async function clearCache(settings: CacheSettings, databaseUrl: string): Promise<void> {
  if (!settings.machine) return
  const folder = settings.folder ?? defaultMachineFolder(databaseName(databaseUrl))
  const isShared = settings.redis !== undefined
  if (!isShared && !existsSync(folder)) return
  const database = isShared ? createDatabase({ url: databaseUrl, minConnections: 0, maxConnections: 2 }) : undefined
  const log = database && createInvalidationLog(database, { pruneIntervalMs: 0 })
  const cache = await openCache(cacheOptions(settings, { databaseUrl, version: '', log }, () => undefined))
  try {
    await cache.clear()
  } finally {
    await cache.close()
    await database?.close()
  }
}

function cacheOptions(
  settings: CacheSettings & { readonly circuitBreaker?: boolean },
  source: CacheSource,
  onError: (error: unknown) => void,
): OpenCacheOptions {
  const { folder, diskFolder, redis, circuitBreaker = true } = settings
  const name = databaseName(source.databaseUrl)
  const { log } = source
  const common = { name, epoch: source.version, onError }
  if (!settings.machine) return { ...common, machine: false }
  return {
    ...common,
    machine: { ...(folder === undefined ? {} : { folder }), mapBytes: settings.maxMib * 2 ** 20 },
    ...(diskFolder === undefined ? {} : { disk: { folder: diskFolder } }),
    ...(log === undefined ? {} : { log }),
    ...(redis === undefined
      ? {}
      : {
          redis: {
            host: redis.host,
            port: redis.port,
            keyPrefix: `plimsoll:${name}:`,
            circuitBreaker,
            ...(redis.password === undefined ? {} : { password: redis.password }),
          },
        }),
  }
}

/** The same for every process that uses this database, and for no other one; nothing of the address can be read from it. */
export function databaseName(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  const address = `${hostname}:${port === '' ? '5432' : port}${pathname}`
  return `api-${createHash('sha256').update(address).digest('hex').slice(0, 12)}`
}
