// Every expected failure of this package: one class, stable codes. A tier's failure is none: it costs hits and shows in `stats()`.

interface ErrorRow {
  readonly message: string
  readonly remedy: string
}

/** Codes, each with what it means and what to do; the README's table is compared with this one by a test. */
export const CACHE_ERRORS = {
  CACHE_ERR_OPTION: {
    message: 'An option is unknown, outside its range, or contradicts another.',
    remedy: 'Correct the option that the message names; it gives unit and range.',
  },
  CACHE_ERR_LOAD_TIMEOUT: {
    message: 'The loader took longer than the namespace’s hard time-out, and there was nothing older to serve.',
    remedy: 'Make the loader faster, or give it a longer `hardTimeoutMs`; its signal is aborted, so that it can stop.',
  },
  CACHE_ERR_ABORTED: {
    message: 'The caller’s AbortSignal fired before the value was there.',
    remedy: 'None: it was asked for. The load goes on while others wait for it.',
  },
  CACHE_ERR_VALUE: {
    message: 'A value can’t be kept: it has no serialised form (a function, a socket, a cycle of class instances).',
    remedy: 'Cache plain data: objects, arrays, strings, numbers, dates, maps, sets, buffers.',
  },
  CACHE_ERR_NOT_SPREAD: {
    message: 'An invalidation holds in this process, but other processes or machines couldn’t be told.',
    remedy: 'Repeat it. Until it succeeds they may serve the old value for as long as its time lasts.',
  },
  CACHE_ERR_REMOTE: {
    message:
      'Redis couldn’t be asked: out of reach, too slow, or it refused. Only the log and the leases say so; the tier misses.',
    remedy: 'Look at `reason` and at the server; it’s tried again by itself.',
  },
  CACHE_ERR_CLOSED: {
    message: 'The cache was closed.',
    remedy: 'Close it after the last request.',
  },
} as const satisfies Record<string, ErrorRow>

export type CacheErrorCode = keyof typeof CACHE_ERRORS

/** @see CACHE_ERRORS */
export class CacheError extends Error {
  override readonly name = 'CacheError'
  readonly code: CacheErrorCode

  constructor(code: CacheErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
