// Every expected failure of this package: one class, one stable code each. Test on `code`; the text may change.

/** Codes of this package's errors. */
export type SupervisorErrorCode =
  | 'SUPERVISOR_ERR_OPTION'
  | 'SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG'
  | 'SUPERVISOR_ERR_RUN_FOLDER'
  | 'SUPERVISOR_ERR_RUN_FOLDER_IN_USE'
  | 'SUPERVISOR_ERR_WORKER_START_FAILED'
  | 'SUPERVISOR_ERR_REPLACE_FAILED'
  | 'SUPERVISOR_ERR_OTHERS_NOT_READY'
  | 'SUPERVISOR_ERR_DEPLOY_FAILED'
  | 'SUPERVISOR_ERR_UNKNOWN_WORKER'
  | 'SUPERVISOR_ERR_NOT_RUNNING'
  | 'SUPERVISOR_ERR_CONTROL_LISTEN'
  | 'SUPERVISOR_ERR_FLEET_FIGURES'

/** What all errors of this package have in common. */
export class SupervisorError extends Error {
  readonly code: SupervisorErrorCode

  constructor(code: SupervisorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** An option has a value outside its range, or two options contradict each other. */
export class OptionError extends SupervisorError {
  constructor(message: string) {
    super('SUPERVISOR_ERR_OPTION', message)
  }
}

/** A worker's socket path would be longer than a Unix socket address can hold. */
export class SocketPathTooLongError extends SupervisorError {
  constructor(path: string, bytes: number, maxBytes: number) {
    super(
      'SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG',
      `The socket path ${path} has ${bytes} bytes, and at most ${maxBytes} are safe: the kernel cuts longer ones without an error. Choose a shorter run folder.`,
    )
  }
}

/** The run folder can't be made, read or written. */
export class RunFolderError extends SupervisorError {
  constructor(folder: string, cause: unknown) {
    super(
      'SUPERVISOR_ERR_RUN_FOLDER',
      `The run folder ${folder} can't be used: ${messageOf(cause)}. Choose one that this user can write to.`,
      { cause },
    )
  }
}

/** Another living supervisor works in this run folder. */
export class RunFolderInUseError extends SupervisorError {
  constructor(folder: string) {
    super(
      'SUPERVISOR_ERR_RUN_FOLDER_IN_USE',
      `Another supervisor is running on the run folder ${folder}. Stop it, or choose another run folder for this one.`,
    )
  }
}

/** A worker ended, or took too long, before it was ever ready. The message carries its last lines on standard error. */
export class WorkerStartFailedError extends SupervisorError {
  readonly worker: number
  /** The last 4 kB that the worker wrote to standard error. */
  readonly stderr: string

  constructor(worker: number, why: string, stderr: string, cause?: unknown) {
    super(
      'SUPERVISOR_ERR_WORKER_START_FAILED',
      `Worker ${worker} didn't start: ${why}.${lastWords(stderr)}`,
      cause === undefined ? undefined : { cause },
    )
    this.worker = worker
    this.stderr = stderr
  }
}

/** A worker's next generation didn't get ready, or failed on probation. The generation before it, if there was one, keeps serving. */
export class ReplaceFailedError extends SupervisorError {
  readonly worker: number
  /** `start`: it didn't get ready. `probation`: it did, and failed then. */
  readonly phase: 'start' | 'probation'
  /** The last 4 kB that the new generation wrote to standard error. */
  readonly stderr: string

  constructor(
    worker: number,
    generation: number,
    phase: 'start' | 'probation',
    why: string,
    isOldServing: boolean,
    stderr: string,
  ) {
    const what = phase === 'start' ? "didn't get ready" : 'got ready and failed on probation'
    super(
      'SUPERVISOR_ERR_REPLACE_FAILED',
      `Generation ${generation} of worker ${worker} ${what}: ${why}. ${isOldServing ? 'The one before it keeps serving' : 'There is none before it to keep serving; a worker that ended is started again with back-off'}.${lastWords(stderr)}`,
    )
    this.worker = worker
    this.phase = phase
    this.stderr = stderr
  }
}

/**
 * Workers are out of service and didn't come back in time: a worker that serves isn't replaced meanwhile, and a roll to another program that leaves
 * workers like this hasn't succeeded.
 */
export class OthersNotReadyError extends SupervisorError {
  /** The worker that isn't replaced; null when all of a roll's were, and it's the fleet that isn't ready afterwards. */
  readonly worker: number | null

  constructor(worker: number | null, others: readonly number[], waitedMs: number) {
    const missing = `${describeWorkers(others)} ${others.length === 1 ? "isn't" : "aren't"} ready, also after ${waitedMs / 1000} s`
    super(
      'SUPERVISOR_ERR_OTHERS_NOT_READY',
      worker === null
        ? `All workers were replaced, but ${missing}. See the log for what keeps them from it.`
        : `Worker ${worker} isn't replaced: ${missing}, and only one may be out of service at a time. Bring that in order, or replace it first.`,
    )
    this.worker = worker
  }
}

/** A roll to another program failed; the workers that ran it already were rolled back. The cause says what failed. */
export class DeployFailedError extends SupervisorError {
  /** Workers that couldn't be rolled back: they run the new program, or are tried with the old one again and again. */
  readonly stuck: readonly number[]

  constructor(cause: unknown, rolledBack: readonly number[], stuck: readonly number[]) {
    const back = rolledBack.length === 0 ? 'No worker had changed' : `Rolled back: ${describeWorkers(rolledBack)}`
    const left = stuck.length === 0 ? '' : ` Could NOT be rolled back: ${describeWorkers(stuck)}; see the log.`
    super('SUPERVISOR_ERR_DEPLOY_FAILED', `The new program was not taken over. ${back}.${left} ${messageOf(cause)}`, {
      cause,
    })
    this.stuck = stuck
  }
}

function describeWorkers(workers: readonly number[]): string {
  return `${workers.length === 1 ? 'worker' : 'workers'} ${workers.join(', ')}`
}

/** There is no worker of this number. */
export class UnknownWorkerError extends SupervisorError {
  constructor(worker: number, workers: number) {
    super('SUPERVISOR_ERR_UNKNOWN_WORKER', `There's no worker ${worker}; the fleet has 0 to ${workers - 1}.`)
  }
}

/** The call makes no sense in the supervisor's present state, for example because it's being stopped. */
export class NotRunningError extends SupervisorError {
  constructor(what: string, state: string) {
    super('SUPERVISOR_ERR_NOT_RUNNING', `Can't ${what}: the supervisor is ${state}.`)
  }
}

/** The control server can't listen on its address. */
export class ControlListenError extends SupervisorError {
  constructor(host: string, port: number, cause: unknown) {
    super(
      'SUPERVISOR_ERR_CONTROL_LISTEN',
      `The control server can't listen on ${host}:${port}: ${messageOf(cause)}. Stop what uses it, or choose another port.`,
      { cause },
    )
  }
}

/** A worker asked its supervisor for the fleet's figures and got none. */
export class FleetFiguresError extends SupervisorError {
  constructor(why: string) {
    super('SUPERVISOR_ERR_FLEET_FIGURES', `The supervisor gave no figures of the fleet: ${why}.`)
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function lastWords(stderr: string): string {
  const text = stderr.trim()
  return text === '' ? ' It wrote nothing to standard error.' : ` Its last lines on standard error:\n${text}`
}
