// Everything that can be wrong with a configuration, as one error that names all of it.
//
// Invariants
// * A ConfigError has at least one issue; each issue is one line that says where the value came from, what's wrong and what to do.
// * No message repeats the value of a secret option, nor a password inside a URL.

/** One row of a package's table of error codes. */
export interface ErrorTableRow {
  /** What the code means, one sentence. */
  readonly message: string
  /** What whoever reads it should do. */
  readonly remedy?: string
  /** HTTP status that a client sees, for errors that become an answer. */
  readonly status?: number
  /** Which party caused it, where a program has to say so: `client`, `upstream`, `balancer`. */
  readonly source?: string
}

/** All codes of a package: `AREA_ERR_THING` → its row. `renderErrorTable` makes the README's table of it. */
export type ErrorTable = Readonly<Record<string, ErrorTableRow>>

/** Every code of this package. */
export const CONFIG_ERRORS = {
  CONFIG_ERR_UNKNOWN_OPTION: {
    message: 'A flag, or a key of the file, that no option has.',
    remedy: 'Correct the name: the nearest known one is suggested, and --help lists all.',
  },
  CONFIG_ERR_INVALID_VALUE: {
    message: 'A value of the wrong type, outside its range or not one of the allowed words.',
    remedy: 'Give what the message asks for.',
  },
  CONFIG_ERR_MISSING_VALUE: {
    message: 'A flag without its value, or an option without a default that nobody has set.',
    remedy: 'Set it by the flag, the environment variable or the key that the message names.',
  },
  CONFIG_ERR_REPEATED_OPTION: {
    message: 'A flag given twice that takes one value, or a key twice in one object of the file.',
    remedy: 'Keep one of them. Lists take their flag several times.',
  },
  CONFIG_ERR_UNEXPECTED_OPERAND: {
    message: 'A word on the command line that belongs to no flag.',
    remedy: 'Remove it, or quote a value that has spaces. A boolean is given as --x, --x=false or --no-x.',
  },
  CONFIG_ERR_CONTRADICTION: {
    message: 'Options that are valid by themselves and contradict each other.',
    remedy: 'Change one of the options that the message names.',
  },
  CONFIG_ERR_FILE_UNREADABLE: {
    message: 'The file of --config does not exist or may not be read.',
    remedy: 'Check the path and the rights of the user that runs the program.',
  },
  CONFIG_ERR_FILE_INVALID: {
    message: 'The file of --config is not one JSON object.',
    remedy: 'Correct the file at the line and column of the message. JSON has no comments and no trailing commas.',
  },
  CONFIG_ERR_SCHEMA_INVALID: {
    message: "A mistake of the program's author: a schema with a default that it refuses, two options of one name, ...",
    remedy: 'Correct the schema. No input of a user causes it.',
  },
  CONFIG_ERR_MARKER_MISSING: {
    message: 'A text that should hold a generated table has not exactly one pair of markers for it.',
    remedy: 'Put <!-- NAME:start --> and <!-- NAME:end --> into the text, once and in this order.',
  },
} as const satisfies ErrorTable

/** A stable code of this package; test on it, never on the text of a message. */
export type ConfigErrorCode = keyof typeof CONFIG_ERRORS

/** Which source a value came from, weakest first. */
export type ConfigSource = 'default' | 'file' | 'env' | 'flag'

/** One problem. */
export interface ConfigIssue {
  readonly code: ConfigErrorCode
  /** Path of the option or of the key inside its value: `health.intervalMs`, `upstream[1].weight`; empty where there's none. */
  readonly path: string
  /** Where the value came from; `unset` when it came from nowhere, `schema` when the program's author is to blame. */
  readonly source: ConfigSource | 'unset' | 'schema'
  /** The whole line: where, what, and what to do about it. */
  readonly message: string
}

/**
 * All problems of a configuration at once. `message` is one line for one problem, and a heading with one indented line each for several:
 * a program prints it after its own name and exits with 1. `code` is the code of the first issue.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: ConfigErrorCode
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly [ConfigIssue, ...ConfigIssue[]], options?: ErrorOptions) {
    super(
      issues.length === 1
        ? issues[0].message
        : `${issues.length} problems in the configuration:\n${issues.map(issue => `  ${issue.message}`).join('\n')}`,
      options,
    )
    this.code = issues[0].code
    this.issues = issues
  }
}

/** @throws ConfigError when there's at least one issue. */
export function throwIssues(issues: readonly ConfigIssue[]): void {
  const [first, ...others] = issues
  if (first) throw new ConfigError([first, ...others])
}
