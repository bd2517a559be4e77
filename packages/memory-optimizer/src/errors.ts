// Every expected failure of this package: one class, stable codes. What fails while memory is watched is none: it shows in `state()` and on a channel.

interface ErrorRow {
  readonly message: string
  readonly remedy: string
}

/** Codes, each with what it means and what to do; the README's table is generated from this one. */
export const MEMORY_ERRORS = {
  MEMORY_ERR_OPTION: {
    message: 'An option is outside its range, or contradicts another.',
    remedy: 'Correct the option that the message names; it gives unit and range.',
  },
  MEMORY_ERR_CLOSED: {
    message: 'The monitor, the responder or the optimizer was closed.',
    remedy: 'Close it last; register responses before.',
  },
  MEMORY_ERR_RESPONSE: {
    message: 'A response to pressure has failed or took longer than its `timeoutMs`. The others go on.',
    remedy: 'See `cause`. It counts as applied, is tried again after `retryMs`, and is reverted with the rest.',
  },
  MEMORY_ERR_PROFILE: {
    message:
      'A heap profile was not made: one runs already, it grew too large, its file could not be written, or somebody else has ended its sampling.',
    remedy:
      'The message says which. One profile at a time, by one `createHeapSampler()` that all share; give a folder on a volume that has room.',
  },
  MEMORY_ERR_SNAPSHOT: {
    message:
      'A heap snapshot was refused, or failed. It stops the process for seconds and takes up to 12 times its heap.',
    remedy:
      'The message says what is missing: opt-in, a drained process, free memory, or that another process writes one.',
  },
} as const satisfies Record<string, ErrorRow>

export type MemoryErrorCode = keyof typeof MEMORY_ERRORS

/** @see MEMORY_ERRORS */
export class MemoryError extends Error {
  override readonly name = 'MemoryError'
  readonly code: MemoryErrorCode

  constructor(code: MemoryErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
