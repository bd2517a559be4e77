// What the contract suites need of a running test: tap's `t` has it.

/** @typeParam Self - what a subtest is given: the same as the test itself has */
export interface ContractTest<Self> {
  test(name: string, body: (t: Self) => Promise<void>): Promise<unknown>
  /** Runs when the test has ended, passed or failed. */
  teardown(release: () => unknown): void
  equal(found: unknown, wanted: unknown, ...message: [] | [string]): unknown
  same(found: unknown, wanted: unknown, ...message: [] | [string]): unknown
  ok(found: unknown, ...message: [] | [string]): unknown
}
