// What each SQLSTATE that PostgreSQL 18 lists (appendix A, "PostgreSQL Error Codes") says of the statement that it answers.
//
// An ERROR undoes the statement, or the transaction that it's part of: so the question is only whether a repetition can end otherwise. Where it can't, the
// class is `never`. `unknown` are the few with which the server itself says that it doesn't know, or that the session is going away at a moment
// that may be after the commit. A code that isn't in the table follows its class (the first two characters), and a class that isn't is an
// application's own (RAISE ... USING ERRCODE): it's the work of a function, and final.
//
// The second column of each entry holds for a statement that was sent. While a connection is being made nothing was: see classify-outcome.ts.
import type { ClassReason, RetryClass } from './classification.ts'

export type Verdict = readonly [kind: RetryClass, reason: ClassReason]

const REFUSED: Verdict = ['never', 'statement-refused']
const DATA: Verdict = ['never', 'data-refused']
const RAISED: Verdict = ['never', 'raised-by-function']
const FAULT: Verdict = ['never', 'server-fault']
const LOST: Verdict = ['unknown', 'connection-lost']

const BY_CODE: Readonly<Record<string, Verdict>> = {
  // 08, connection exceptions. The server raises them for connections of its own (foreign tables, dblink), PgBouncer for all that ails it.
  // sqlclient_unable_to_establish_sqlconnection, sqlserver_rejected_establishment_of_sqlconnection: a foreign server couldn't be reached; undone here.
  '08001': ['rolled-back', 'foreign-server'],
  '08004': ['rolled-back', 'foreign-server'],
  // transaction_resolution_unknown says it by its name.
  '08007': LOST,
  // protocol_violation: PgBouncer reports a server that went away in the middle of a statement with this code too.
  '08P01': ['unknown', 'protocol'],

  // 25, transaction states. read_only_sql_transaction: a standby, or a primary that became one; the primary may take it.
  '25006': ['rolled-back', 'read-only-server'],
  // idle_in_transaction_session_timeout, transaction_timeout: undone, and the next attempt takes as long.
  '25P03': ['never', 'time-limit'],
  '25P04': ['never', 'time-limit'],

  // invalid_sql_statement_name: the prepared statement is gone (DISCARD ALL, a pooler's other server). Nothing ran; a fresh slot prepares again.
  '26000': ['rolled-back', 'stale-plan'],

  // 40, transaction rollback. What to do is the chapter "Serialization Failure Handling" (13.5): run the whole transaction again.
  '40000': ['rolled-back', 'serialization'],
  '40001': ['rolled-back', 'serialization'],
  '40P01': ['rolled-back', 'deadlock'],
  // transaction_integrity_constraint_violation: the data are at fault.
  '40002': DATA,
  // statement_completion_unknown says it by its name.
  '40003': LOST,

  '42501': ['never', 'access-refused'],

  // 53, insufficient resources. disk_full and configuration_limit_exceeded don't pass within a second.
  '53000': ['rolled-back', 'out-of-memory'],
  '53100': ['never', 'disk-full'],
  '53200': ['rolled-back', 'out-of-memory'],
  '53300': ['rolled-back', 'too-many-connections'],
  '53400': REFUSED,

  // lock_not_available: NOWAIT or lock_timeout; undone, and the lock's holder goes on.
  '55P03': ['rolled-back', 'lock-not-available'],

  // 57, operator intervention. query_canceled: statement_timeout or a cancel. Who set the limit doesn't want it twice.
  '57014': ['never', 'canceled'],
  // admin_shutdown, crash_shutdown, idle_session_timeout: the session ends. It may be after the commit and before the answer (the wait for a
  // synchronous standby ends with admin_shutdown when the transaction is committed here already).
  '57P01': ['unknown', 'terminated'],
  '57P02': ['unknown', 'terminated'],
  '57P05': ['unknown', 'terminated'],
  // cannot_connect_now, of a pooler's new server connection: the statement wasn't passed on.
  '57P03': ['rolled-back', 'starting-or-stopping'],
  '57P04': ['never', 'access-refused'],

  // fdw_unable_to_establish_connection: undone here.
  HV00N: ['rolled-back', 'foreign-server'],
  HV001: ['rolled-back', 'out-of-memory'],
}

const BY_CLASS: Readonly<Record<string, Verdict>> = {
  // Not errors: a server doesn't send them in an ErrorResponse. Should one, it's the work of a function that raised it.
  '00': RAISED,
  '01': RAISED,
  '02': RAISED,
  '03': REFUSED, // sql_statement_not_yet_complete
  '08': LOST, // connection_exception, connection_does_not_exist, connection_failure: a foreign server's part may be committed
  '09': RAISED, // triggered_action_exception
  '0A': REFUSED, // feature_not_supported; a stale plan is told apart by its routine
  '0B': REFUSED, // invalid_transaction_initiation
  '0F': REFUSED, // locator_exception
  '0L': REFUSED, // invalid_grantor
  '0P': REFUSED, // invalid_role_specification
  '0Z': RAISED, // diagnostics_exception
  '10': REFUSED, // invalid_argument_for_xquery
  '20': RAISED, // case_not_found
  '21': DATA, // cardinality_violation: also two rows of one upsert with the same key
  '22': DATA, // data_exception
  '23': DATA, // integrity_constraint_violation
  '24': REFUSED, // invalid_cursor_state
  '25': REFUSED, // invalid_transaction_state
  '26': ['rolled-back', 'stale-plan'], // invalid_sql_statement_name
  '27': DATA, // triggered_data_change_violation
  '28': ['never', 'access-refused'], // invalid_authorization_specification
  '2B': REFUSED, // dependent_privilege_descriptors_still_exist
  '2D': REFUSED, // invalid_transaction_termination
  '2F': RAISED, // sql_routine_exception
  '34': REFUSED, // invalid_cursor_name
  '38': RAISED, // external_routine_exception
  '39': RAISED, // external_routine_invocation_exception
  '3B': REFUSED, // savepoint_exception
  '3D': ['never', 'access-refused'], // invalid_catalog_name: there's no such database
  '3F': REFUSED, // invalid_schema_name
  '40': ['rolled-back', 'serialization'], // transaction_rollback
  '42': REFUSED, // syntax_error_or_access_rule_violation
  '44': DATA, // with_check_option_violation
  '53': ['rolled-back', 'out-of-memory'], // insufficient_resources
  '54': REFUSED, // program_limit_exceeded
  '55': REFUSED, // object_not_in_prerequisite_state
  '57': ['never', 'canceled'], // operator_intervention
  '58': FAULT, // system_error: errors of the server's files
  F0: FAULT, // config_file_error
  HV: ['never', 'server-fault'], // fdw_error
  P0: RAISED, // plpgsql_error, raise_exception, assert_failure
  XX: FAULT, // internal_error, data_corrupted, index_corrupted
}

/** Classes (first two characters) whose failures depend on the values sent: the same statement with other rows may be right. */
const ROW_CLASSES: ReadonlySet<string> = new Set(['20', '21', '22', '23', '27', '44', 'P0'])

/** The verdict on a statement that the server answered with this SQLSTATE, with severity ERROR. */
export function verdictOf(sqlState: string): Verdict {
  return own(BY_CODE, sqlState) ?? own(BY_CLASS, sqlState.slice(0, 2)) ?? RAISED
}

/** Whether the table knows the code by its class, at least. */
export function isListed(sqlState: string): boolean {
  return Object.hasOwn(BY_CODE, sqlState) || Object.hasOwn(BY_CLASS, sqlState.slice(0, 2))
}

/** Whether a row, and not the statement or the server, is at fault: then others of the same statement may be right. */
export function isRowFailure(sqlState: string): boolean {
  return ROW_CLASSES.has(sqlState.slice(0, 2))
}

function own(table: Readonly<Record<string, Verdict>>, key: string): Verdict | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
