// Why Redis couldn't be asked. The tier turns all of these into misses; the log and the leases pass them on, since their callers have to know.

/**
 * - `offline`: there's no connection at the moment, or it broke before the answer came.
 * - `timeout`: no answer in time. The command may still be executed.
 * - `circuit-open`: it wasn't tried: the server has just failed to answer in time.
 * - `refused`: the server answered with an error; the message quotes it.
 * - `closed`: the connection was closed by its owner.
 */
export type RedisFailure = 'offline' | 'timeout' | 'circuit-open' | 'refused' | 'closed'

/** Redis couldn't be asked. Go on without it: it's tried again by itself. */
export class RedisError extends Error {
  override readonly name = 'RedisError'
  readonly code = 'CACHE_ERR_REMOTE'
  readonly reason: RedisFailure

  constructor(reason: RedisFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}
