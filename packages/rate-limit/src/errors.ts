// Mistakes of the program that uses this package. A client can cause none of them.

/** The codes, one sentence each. */
export const RATE_LIMIT_ERRORS = {
  RATE_LIMIT_ERR_KEYS: 'A request was given without a key for each rule.',
  RATE_LIMIT_ERR_OPTION: 'An option has an unknown name or a value out of its range.',
} as const

/** Stable code of a {@link RateLimitError}. */
export type RateLimitErrorCode = keyof typeof RATE_LIMIT_ERRORS

/** Thrown for options and keys that can't be. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError'
  /** Stable code: test on this, not on the message. */
  readonly code: RateLimitErrorCode

  constructor(code: RateLimitErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
