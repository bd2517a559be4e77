// What a worker runs: the part of a launch that a new version of the service may change.
//
// A slot keeps the program of the process that serves: after a crash it's that program which is started again, also in the middle of a
// roll to another one.

/** What a worker runs, and with what. */
export interface WorkerProgram {
  /** Path of the program. */
  readonly entry: string
  /** Command-line arguments. */
  readonly args: readonly string[]
  /** The whole environment but for the variables that say which worker it is. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Node's own flags, without those of the heap plan. */
  readonly execArgv: readonly string[]
}

/** The program with some of it changed; frozen, and never the same object: a roll tells old from new by identity. */
export function changeProgram(program: WorkerProgram, change: Partial<WorkerProgram>): WorkerProgram {
  return Object.freeze({
    entry: change.entry ?? program.entry,
    args: Object.freeze([...(change.args ?? program.args)]),
    env: Object.freeze({ ...(change.env ?? program.env) }),
    execArgv: Object.freeze([...(change.execArgv ?? program.execArgv)]),
  })
}
