// The one place of this package, beside main.ts, that reads environment variables: test files are programs without a main.ts, and this is their edge.
//
//     PLIMSOLL_TEST_DATABASE_URL  address of a PostgreSQL as superuser, set by the test run; without it each test file starts a server of its own
//     PLIMSOLL_TEST_SEED          seed for random tests, to repeat a failure
//     CI                          "true": a missing program fails a test that needs it instead of skipping it
//     PATH                        where programs are looked for

/** The name under which the test run tells its tests where PostgreSQL is. */
export const DATABASE_URL_VARIABLE = 'PLIMSOLL_TEST_DATABASE_URL'

export interface TestEnvironment {
  readonly databaseUrl: string | undefined
  readonly seed: number | undefined
  readonly inCi: boolean
  readonly path: string
  /** Everything, for child processes. */
  readonly variables: Readonly<NodeJS.ProcessEnv>
}

export function readTestEnvironment(): TestEnvironment {
  // oxlint-disable-next-line node/no-process-env -- the edge of test files, see above
  const variables = process.env
  const seed = Number(variables['PLIMSOLL_TEST_SEED'] ?? Number.NaN)
  return {
    databaseUrl: variables[DATABASE_URL_VARIABLE] || undefined,
    seed: Number.isInteger(seed) ? seed : undefined,
    inCi: variables['CI'] === 'true',
    path: variables['PATH'] ?? '',
    variables,
  }
}
