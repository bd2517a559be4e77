// What can be read off an error without knowing who made it: PostgreSQL's answer, the operating system's refusal, the driver's own, or ours.
//
// Told apart by shape, not by class: there may be two copies of the driver in a process, and wrappers keep the driver's error as their `cause`.
import type { Outcome } from '../errors.ts'

export type Failure =
  /** An ErrorResponse: SQLSTATE, severity (not localised), and the routine of the server's source that raised it. */
  | {
      readonly from: 'server'
      readonly code: string
      readonly severity: string
      readonly routine: string
      /** What an error of this package, which knows what was sent, says of it. */
      readonly outcome: Outcome | undefined
    }
  /** An error of this package without an answer of the server. */
  | { readonly from: 'own'; readonly code: string; readonly outcome: Outcome | undefined }
  /** An error of a system call; `call` is its name ('connect', 'read', 'getaddrinfo'), '' where unknown. */
  | { readonly from: 'system'; readonly code: string; readonly call: string }
  /** A code of the driver or of TLS. */
  | { readonly from: 'driver'; readonly code: string }
  /** The reason of an AbortSignal. */
  | { readonly from: 'abort' }
  /** Anything else that was thrown. */
  | { readonly from: 'elsewhere' }

const SQLSTATE = /^[0-9A-Z]{5}$/
const SYSTEM_CODE = /^E(?!RR_)[A-Z][A-Z0-9_]*$/
/** The driver's codes, Node's and OpenSSL's are upper-case words joined by underscores. */
const DRIVER_CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/
const OUTCOMES: ReadonlySet<string> = new Set<Outcome>(['not-executed', 'rolled-back', 'unknown', 'failed'])
/** postgres.js reports the cancel of a query that still waited with the server's code, made up by itself. */
const QUERY_CANCELED = '57014'
/** Causes followed at most: enough for a wrapper around a wrapper, and an end to a circle. */
const MAX_CAUSES = 4

/** Reads an error, or the first of its causes that says something. Never throws. */
export function readFailure(error: unknown): Failure {
  let current: unknown = error
  for (let depth = 0; depth <= MAX_CAUSES && isObject(current); depth++) {
    const failure = readOne(current)
    if (failure !== undefined) return failure
    current = current['cause']
  }
  return { from: 'elsewhere' }
}

function readOne(error: Record<string, unknown>): Failure | undefined {
  const code = text(error['code'])
  if (code.startsWith('DB_ERR_')) return readOwn(error, code)
  const severity = text(error['severity'])
  if (SQLSTATE.test(code) && (severity !== '' || code === QUERY_CANCELED)) {
    return { from: 'server', code, severity, routine: text(error['routine']), outcome: undefined }
  }
  if (SYSTEM_CODE.test(code)) return { from: 'system', code, call: text(error['syscall']) }
  if (DRIVER_CODE.test(code)) return { from: 'driver', code }
  const name = text(error['name'])
  if (name === 'AbortError' || name === 'TimeoutError') return { from: 'abort' }
  // Several addresses of one name were tried: Node gives one error for all of them.
  if (Array.isArray(error['errors'])) {
    for (const one of error['errors']) {
      const failure = isObject(one) ? readOne(one) : undefined
      if (failure !== undefined) return failure
    }
  }
  return undefined
}

function readOwn(error: Record<string, unknown>, code: string): Failure {
  const said = text(error['outcome'])
  const outcome = OUTCOMES.has(said) ? (said as Outcome) : undefined
  const server = error['server']
  if (!isObject(server)) return { from: 'own', code, outcome }
  const sqlState = text(server['sqlState'])
  return {
    from: 'server',
    code: sqlState,
    severity: text(server['severity']),
    routine: text(server['routine']),
    outcome,
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
