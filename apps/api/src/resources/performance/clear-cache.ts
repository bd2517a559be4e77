// Makes the cache forget, in every process that shares what it holds.
//
// The cache tells the others what was cleared (the machine's shared memory, and the log between machines), and they find it out at the next value that they would
// serve: at once where the namespace is strict, within a second else. Where workers share nothing they keep values for a second only.
import { CacheError, type Cache } from '@plimsoll/cache'
import { ApiError } from '../../errors.ts'
import type { CacheClear, CacheCleared } from './cache-schema.ts'

/** The bound that every namespace keeps, in one way or the other. */
const ON_THIS_MACHINE_WITHIN_MS = 1000
const RETRY_AFTER_S = 1

/** @throws API_ERR_CACHE_NAMESPACE, API_ERR_CACHE_NOT_CLEARED */
export async function clearCache(
  cache: Pick<Cache, 'clear' | 'invalidateTags' | 'stats'>,
  { namespace, tags }: CacheClear,
  clock: { now(): number },
): Promise<CacheCleared> {
  if (namespace !== undefined && !Object.hasOwn(cache.stats().namespaces, namespace))
    throw new ApiError('API_ERR_CACHE_NAMESPACE', 'There is no such namespace; `/performance/cache/stats` lists them.')
  let freedBytes: number | null = null
  try {
    if (tags === undefined) freedBytes = Math.round(await cache.clear(namespace))
    else await cache.invalidateTags(tags)
  } catch (error) {
    throw error instanceof CacheError && error.code === 'CACHE_ERR_NOT_SPREAD' ? notSpread(error) : error
  }
  return {
    cleared: tags !== undefined ? 'tags' : namespace !== undefined ? 'namespace' : 'all',
    namespace: namespace ?? null,
    tags: tags ?? [],
    at: new Date(clock.now()).toISOString(),
    freedBytes,
    onThisMachineWithinMs: ON_THIS_MACHINE_WITHIN_MS,
  }
}

function notSpread(cause: CacheError): ApiError {
  return new ApiError(
    'API_ERR_CACHE_NOT_CLEARED',
    'This worker has forgotten it, but others could not be told; do it again in a moment.',
    { cause, retryAfterS: RETRY_AFTER_S },
  )
}
