// Every expected failure of this package: one class, one stable code each.
//
// A message says what failed, where, why, and what to do; it never carries a password. Callers test on `code`, not on the text.

/** The codes, one sentence each; the README's table is compared with this list by a test. */
export const LOCAL_POSTGRES_ERRORS = {
  LOCAL_POSTGRES_ERR_BAD_OPTION: 'An option is out of its range, or two options contradict each other.',
  LOCAL_POSTGRES_ERR_UNSUPPORTED_PLATFORM:
    'There are no PostgreSQL binaries for this platform, or they cannot run here.',
  LOCAL_POSTGRES_ERR_NO_UNPRIVILEGED_USER: 'Started as root, but there is no other user to run the server as.',
  LOCAL_POSTGRES_ERR_FOLDER_UNUSABLE: 'The folder cannot be created, read or written, or holds something else.',
  LOCAL_POSTGRES_ERR_UNREACHABLE_FOLDER:
    'The unprivileged user cannot enter the folder, because a folder above is closed.',
  LOCAL_POSTGRES_ERR_VERSION_MISMATCH: 'The folder holds a cluster of another major version of PostgreSQL.',
  LOCAL_POSTGRES_ERR_IN_USE: 'A server that belongs to a living process runs on this folder; `ownerPid` names it.',
  LOCAL_POSTGRES_ERR_PORT_IN_USE: 'Another program listens on the port, or no port of the searched range is free.',
  LOCAL_POSTGRES_ERR_DISK_FULL: 'The disk that holds the folder is full.',
  LOCAL_POSTGRES_ERR_INITDB_FAILED: 'initdb, which creates the cluster, failed; its output is in the message.',
  LOCAL_POSTGRES_ERR_START_FAILED: 'The server ended, or was not ready in time; its last log lines are in the message.',
} as const

/** Stable code of a {@link LocalPostgresError}. */
export type LocalPostgresErrorCode = keyof typeof LOCAL_POSTGRES_ERRORS

/** A failure to start or reach the local server that its reader can do something about. */
export class LocalPostgresError extends Error {
  override readonly name = 'LocalPostgresError'
  /** Stable code: test on this, not on the message. */
  readonly code: LocalPostgresErrorCode
  /** For `LOCAL_POSTGRES_ERR_IN_USE`: the process to which the running server belongs. */
  readonly ownerPid: number | undefined

  constructor(code: LocalPostgresErrorCode, message: string, options: { cause?: unknown; ownerPid?: number } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.ownerPid = options.ownerPid
  }
}

/** True for a failure by a full disk: an error of the file system, or the text that PostgreSQL's programs print for it. */
export function meansDiskFull(failure: unknown): boolean {
  if (typeof failure === 'string')
    return failure.includes('No space left on device') || failure.includes('Disk quota exceeded')
  return hasCode(failure, 'ENOSPC', 'EDQUOT')
}

/** True when `failure` is an error of the operating system with one of these codes. */
export function hasCode(failure: unknown, ...codes: readonly string[]): boolean {
  return (
    failure instanceof Error && 'code' in failure && typeof failure.code === 'string' && codes.includes(failure.code)
  )
}

/** The error for a full disk, the same wherever it shows. */
export function diskFull(folder: string, cause: unknown): LocalPostgresError {
  return new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_DISK_FULL',
    `The disk that holds ${folder} is full. PostgreSQL needs about 250 MB there: free some, or name another folder (PLIMSOLL_DATA).`,
    { cause },
  )
}
