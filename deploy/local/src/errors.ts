// What can keep the stack from starting; each says what, where, why and what to do, in one line.
export const LOCAL_ERRORS = {
  LOCAL_ERR_PORT_IN_USE: 'Another program listens on a port that the stack needs.',
  LOCAL_ERR_DATA_FOLDER: 'The data folder cannot be made, read or written.',
  LOCAL_ERR_CHILD_FAILED: 'A part of the stack ended while it was needed.',
  LOCAL_ERR_CHILD_SLOW: 'A part of the stack was not ready in time.',
} as const

export type LocalErrorCode = keyof typeof LOCAL_ERRORS

export class LocalError extends Error {
  override readonly name = 'LocalError'
  readonly code: LocalErrorCode

  constructor(code: LocalErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
