// What a client is told when the cache gave up on a load. What a loader throws comes through the cache as it is.
import { CacheError } from '@plimsoll/cache'
import { ApiError } from '../errors.ts'

const RETRY_AFTER_S = 1

/** The error to answer with: an ApiError for what isn't a bug, everything else as it came. */
export function fromCache(error: unknown): unknown {
  if (!(error instanceof CacheError)) return error
  switch (error.code) {
    case 'CACHE_ERR_ABORTED':
      // What the signal was aborted with says more: the deadline, or a client that went away.
      return error.cause instanceof Error ? error.cause : error
    case 'CACHE_ERR_LOAD_TIMEOUT':
      return new ApiError('API_ERR_DATABASE_TIMEOUT', 'The database took too long; try again in a moment.', {
        cause: error,
        retryAfterS: RETRY_AFTER_S,
      })
    case 'CACHE_ERR_CLOSED':
    case 'CACHE_ERR_NOT_SPREAD':
    case 'CACHE_ERR_OPTION':
    case 'CACHE_ERR_REMOTE':
    case 'CACHE_ERR_VALUE':
      return error
    default:
      return error.code satisfies never
  }
}
