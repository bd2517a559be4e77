// One shape for every error that leaves the system: RFC 9457 problem details with a stable `code`.
//
// Invariants
// * A problem is plain data: it can be logged, serialised and compared.
// * It never carries a stack, a query or a path of the server: whoever builds it passes what the client may read, and nothing is added here.
// * Fields that weren't given are absent, not null.

/** Media type of a problem body (RFC 9457, section 3). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** Where to read about a code: `type` is this prefix and the code in lower case; it's an identifier, not necessarily a page (RFC 9457, section 3.1.1). */
export const PROBLEM_TYPE_PREFIX = 'urn:plimsoll:problem:'

/** One thing wrong with a request: which field, and what rule it breaks. The value itself is never repeated. */
export interface ProblemIssue {
  /** Path of the field: `query.limit`, `body.title`. */
  readonly field: string
  /** What's wrong and what would be right, as a sentence without the value. */
  readonly message: string
}

/** What a caller knows about the failure. */
export interface ProblemInput {
  /** HTTP status code of the answer, 400-599. */
  readonly status: number
  /** Stable code: `AREA_ERR_THING`. */
  readonly code: string
  /** Short summary that's the same for every occurrence of the code. */
  readonly title: string
  /** What happened this time and what to do about it; safe for the client to read. */
  readonly detail?: string
  /** The request's target, or another identifier of this occurrence. */
  readonly instance?: string
  /** Id under which the logs know this request. */
  readonly requestId?: string
  /** Which party caused it, where a proxy has to say so. */
  readonly source?: 'client' | 'upstream' | 'balancer'
  /** Seconds after which a new try may succeed; repeated in the `retry-after` field by the sender. */
  readonly retryAfterS?: number
  /** Every field that was refused. */
  readonly issues?: readonly ProblemIssue[]
}

/** Body of an error answer. */
export interface Problem extends ProblemInput {
  /** URI reference that identifies the code (RFC 9457, section 3.1.1). */
  readonly type: string
}

/**
 * Builds the body of an error answer.
 * @throws RangeError when `status` isn't between 400 and 599: an answer that isn't an error needs no problem.
 */
export function problem(input: ProblemInput): Problem {
  if (!Number.isInteger(input.status) || input.status < 400 || input.status > 599) {
    throw new RangeError(`A problem needs a status from 400 to 599; ${input.code} was given ${input.status}.`)
  }
  return {
    type: PROBLEM_TYPE_PREFIX + input.code.toLowerCase().replaceAll('_', '-'),
    title: input.title,
    status: input.status,
    code: input.code,
    ...(input.detail === undefined ? {} : { detail: input.detail }),
    ...(input.instance === undefined ? {} : { instance: input.instance }),
    ...(input.requestId === undefined ? {} : { requestId: input.requestId }),
    ...(input.source === undefined ? {} : { source: input.source }),
    ...(input.retryAfterS === undefined ? {} : { retryAfterS: input.retryAfterS }),
    ...(input.issues === undefined ? {} : { issues: input.issues }),
  }
}
