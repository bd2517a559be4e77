// Every expected failure of this package: one class, stable codes, and the one thing that a caller of a database has to know: what became of the statement.
//
// Invariants
// * No error carries a parameter. Errors of the server are copied field by field: `detail` is left out ("Key (email)=(a@b.c) already exists"), and quoted
//   values are cut from messages of SQLSTATE class 22 (invalid input syntax for type integer: "…").
// * `outcome` is never guessed: what can't be known is `unknown`.

interface ErrorRow {
  readonly message: string
  readonly remedy: string
}

/** Codes, each with what it means and what to do; the README's table is compared with this one by a test. */
export const DB_ERRORS = {
  DB_ERR_OPTION: {
    message: 'An option is unknown, outside its range, or contradicts another.',
    remedy: 'Correct the option that the message names; it gives unit and range.',
  },
  DB_ERR_BUDGET: {
    message: 'The server does not let in as many connections as all processes and routes together may open.',
    remedy: 'Fewer workers, a smaller pool, or a larger `max_connections`; the message has the sum.',
  },
  DB_ERR_UNSUPPORTED: {
    message:
      'Something of postgres.js that is not safe on pooled connections or makes no sense there; what `sql.cached` can not be used for.',
    remedy: 'Use what the message names instead.',
  },
  DB_ERR_CONNECT: {
    message: 'No connection could be opened; nothing was executed.',
    remedy: 'Is the server running, are address, user and password right? The message has the reason.',
  },
  DB_ERR_POOL_BUSY: {
    message: 'All connections were busy for too long, or too many callers were waiting already; nothing was executed.',
    remedy: 'Try again later, with less at once; if it lasts, look for slow statements before enlarging the pool.',
  },
  DB_ERR_ABORTED: {
    message: 'The caller’s AbortSignal or `cancel()` stopped it; `outcome` says whether it had begun.',
    remedy: 'None: it was asked for.',
  },
  DB_ERR_TIMEOUT: {
    message: 'The statement took longer than its deadline and was stopped; nothing of it remains.',
    remedy: 'Make it faster, or give it a longer `timeoutMs`.',
  },
  DB_ERR_CONNECTION_LOST: {
    message: 'The connection died, and nothing remains of what was under way: it changed nothing, or was rolled back.',
    remedy: 'Repeat it.',
  },
  DB_ERR_OUTCOME_UNKNOWN: {
    message: 'The connection died, or went silent, before the answer: the statement may have been executed or not.',
    remedy:
      'Look before repeating it; for what may run twice say `.with({ idempotent: true })`: it is tried again, and reported as this only when its tries are used up.',
  },
  DB_ERR_QUERY: {
    message: 'The server refused the statement; `sqlState` says why.',
    remedy: 'Correct the statement or its values.',
  },
  DB_ERR_CONFLICT: {
    message:
      'The server rolled back for another transaction’s sake: serialization failure, deadlock, lock not available.',
    remedy: 'Repeat the whole transaction.',
  },
  DB_ERR_PARAMETER: {
    message: 'A parameter or row could not be converted by the driver.',
    remedy: 'Correct the value: no `undefined`, at most 65,534 parameters, nothing that JSON can not hold.',
  },
  DB_ERR_RESULT: {
    message: 'The driver gave a result that can not be right; its connection was thrown away.',
    remedy: 'Report it: a row count and the rows differ.',
  },
  DB_ERR_TRANSACTION: {
    message: 'A transaction was used after its end, or ended by another way than its function’s return.',
    remedy: 'Await every statement inside the function; catch errors around a savepoint only.',
  },
  DB_ERR_CLOSED: {
    message: 'The pool is closed or closing; nothing was executed.',
    remedy: 'Finish work before `close()`.',
  },
} as const satisfies Readonly<Record<string, ErrorRow>>

/** A stable code; test on it, never on the text. */
export type DbErrorCode = keyof typeof DB_ERRORS

/**
 * What became of the statement, or of the whole transaction.
 *
 *     not-executed  it never reached the server, or the server never began it
 *     rolled-back   the server undid it
 *     unknown       the answer was lost
 *     failed        the server refused it for a reason that repeating doesn't change
 */
export type Outcome = 'not-executed' | 'rolled-back' | 'unknown' | 'failed'

/** What the server says about an error, without values. */
export interface ServerDiagnosis {
  /** Five characters, PostgreSQL appendix A. */
  readonly sqlState: string
  readonly severity: string
  /** Of the error in the statement's text, in characters from 1. */
  readonly position?: number
  readonly hint?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
  readonly dataType?: string
  /** Function of the server's source that reported it. */
  readonly routine?: string
}

export interface DbErrorDetails {
  readonly outcome?: Outcome
  readonly cause?: unknown
  /** Name given by `.with({ name })`. */
  readonly statementName?: string | undefined
  readonly server?: ServerDiagnosis | undefined
  /** Milliseconds spent waiting for a connection. */
  readonly waitedMs?: number | undefined
  /** Of the transaction whose commit got no answer, for `pg_xact_status`. */
  readonly xid?: string | undefined
  /** A code of Node or of the driver: ECONNREFUSED, CONNECTION_CLOSED. */
  readonly reason?: string | undefined
}

/** A failure of the database layer. */
export class DbError extends Error {
  override readonly name = 'DbError'
  readonly code: DbErrorCode
  readonly outcome: Outcome
  readonly sqlState: string | undefined
  readonly statementName: string | undefined
  readonly server: ServerDiagnosis | undefined
  readonly waitedMs: number | undefined
  readonly xid: string | undefined
  readonly reason: string | undefined

  constructor(code: DbErrorCode, message: string, details: DbErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.outcome = details.outcome ?? 'not-executed'
    this.sqlState = details.server?.sqlState
    this.statementName = details.statementName
    this.server = details.server
    this.waitedMs = details.waitedMs
    this.xid = details.xid
    this.reason = details.reason
  }
}

/** SQLSTATEs after which the same transaction may simply be run again: it was undone for another's sake. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03'])
/** Refused before anything ran: starting up, shutting down, too many connections. */
const NOT_ADMITTED: ReadonlySet<string> = new Set(['57P03', '53300'])
const QUERY_CANCELED = '57014'

/** Longest text of the server that is passed on, in characters. */
const MAX_SERVER_TEXT = 500

/** The server's own error as one of ours. */
export function queryError(error: object, statementName?: string): DbError {
  const server = diagnosisOf(error)
  const { sqlState } = server
  const label = statementName === undefined ? 'The statement' : `The statement "${statementName}"`
  const place = [
    server.constraint && `constraint ${server.constraint}`,
    server.position && `position ${server.position}`,
  ]
    .filter(Boolean)
    .join(', ')
  const why = `${sqlState}${place === '' ? '' : ` (${place})`}: ${messageWithoutValues(error, sqlState)}`
  const details = { server, statementName }
  if (sqlState === QUERY_CANCELED) {
    return new DbError('DB_ERR_TIMEOUT', `${label} was stopped by the server: ${why}.`, {
      ...details,
      outcome: 'rolled-back',
    })
  }
  if (CONFLICTS.has(sqlState)) {
    return new DbError('DB_ERR_CONFLICT', `${label} was rolled back, ${why}; it may be repeated.`, {
      ...details,
      outcome: 'rolled-back',
    })
  }
  if (NOT_ADMITTED.has(sqlState)) {
    return new DbError('DB_ERR_CONNECT', `The server lets nobody in, ${why}.`, { ...details, outcome: 'not-executed' })
  }
  // A prepared statement whose result type was changed by a migration: on a fresh connection it's prepared anew.
  const stalePlan = sqlState === '0A000' && server.routine === 'RevalidateCachedQuery'
  return new DbError('DB_ERR_QUERY', `${label} failed, ${why}.`, {
    ...details,
    outcome: stalePlan ? 'rolled-back' : 'failed',
  })
}

/** Whether this is an ErrorResponse of the server rather than a failure of the driver or the network. */
export function isServerError(error: unknown): error is Error & { readonly code: string; readonly severity: string } {
  return error instanceof Error && error.name === 'PostgresError'
}

function diagnosisOf(error: object): ServerDiagnosis {
  const text = (field: string): string | undefined => {
    const value: unknown = Reflect.get(error, field)
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const position = Number(text('position'))
  const optional = {
    hint: text('hint'),
    schema: text('schema_name'),
    table: text('table_name'),
    column: text('column_name'),
    constraint: text('constraint_name'),
    dataType: text('data type_name'),
    routine: text('routine'),
  }
  return {
    sqlState: text('code') ?? 'XX000',
    severity: text('severity') ?? 'ERROR',
    ...(Number.isInteger(position) && position > 0 ? { position } : {}),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  }
}

function messageWithoutValues(error: object, sqlState: string): string {
  const message = String(Reflect.get(error, 'message')).slice(0, MAX_SERVER_TEXT)
  return sqlState.startsWith('22') ? message.replaceAll(/"(?:[^"]|"")*"?/g, '"…"') : message
}

/** Code of an error of Node or the driver: ECONNRESET, CONNECTION_CLOSED; its class's name where it has none. */
export function reasonOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code
  return error instanceof Error ? error.name : typeof error
}
