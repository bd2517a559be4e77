// What a suite is, and what it's given. A suite is a file below suites/ that exports one of these as `suite`.

/** Everything that a suite needs from the process it runs in. */
export interface BenchIo {
  /** What stood behind the suite's name on the command line. */
  readonly args: readonly string[]
  /** Absolute path of the repository. */
  readonly checkout: string
  /** The Node that runs this, for programs that the suite starts. */
  readonly nodePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** An empty folder, removed at the end. */
  readonly temporary: string
  /** Aborted by Ctrl-C: the suite ends what it has started and rejects. */
  readonly signal: AbortSignal
  write(text: string): void
  /** Keeps figures as bench/results/<suite>-<time>.json, with the machine, the Node version and the commit; gives the file's path. */
  save(figures: Readonly<Record<string, unknown>>): string
}

export interface Suite {
  /** The file's name without its ending. */
  readonly name: string
  /** One line for the list. */
  readonly summary: string
  /** Its options, one per line, for --help. */
  readonly options: string
  /** @throws Error when an answer was wrong: figures of a program that doesn't work are worth nothing. */
  run(io: BenchIo): Promise<void>
}
