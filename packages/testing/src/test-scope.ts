// What this package needs of a running test. tap's `t` fits, and so does anything else with these few methods.

export interface TestScope {
  readonly name: string
  /** Registers a function that runs when the test has ended, passed or failed; the last one registered runs first. */
  teardown(release: () => unknown): void
  /** Prints a line beside the test's result. */
  comment(line: string): void
  /** False once an assertion has failed. */
  passing(): boolean
  fail(message: string): unknown
  /** Sets the number of assertions; 0 with a reason skips the test. */
  plan(assertions: number, reason?: string): void
}

/** A test with subtests, for checks around each of them. */
export interface TestScopeWithSubtests {
  beforeEach(hook: (t: TestScope) => Promise<void> | void): void
  afterEach(hook: (t: TestScope) => Promise<void> | void): void
}
