// Mistakes of the program that uses this package. Reading and writing reports never throws.

/** The codes, one sentence each. */
export const LOAD_REPORT_ERRORS = {
  LOAD_REPORT_ERR_OPTION: 'An option of a reporter has an unknown name or a value out of its range.',
} as const

/** Stable code of a {@link LoadReportError}. */
export type LoadReportErrorCode = keyof typeof LOAD_REPORT_ERRORS

/** Thrown by `createLoadReporter`. */
export class LoadReportError extends Error {
  override readonly name = 'LoadReportError'
  /** Stable code: test on this, not on the message. */
  readonly code: LoadReportErrorCode

  constructor(code: LoadReportErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
