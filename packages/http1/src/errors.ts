// Mistakes of the program that uses this package. What a peer sends is never an exception: it is a `Refusal` given to the sink.

/** Thrown for a wrong call, never for received octets; `code` says which. */
export class Http1UsageError extends Error {
  /** `HTTP1_ERR_LIMIT`, `HTTP1_ERR_FIELD_LINE` or `HTTP1_ERR_REENTRY`. */
  readonly code: 'HTTP1_ERR_LIMIT' | 'HTTP1_ERR_FIELD_LINE' | 'HTTP1_ERR_REENTRY'

  constructor(code: Http1UsageError['code'], message: string) {
    super(message)
    this.name = 'Http1UsageError'
    this.code = code
  }
}
