// Failures of the test tools themselves. A test that sees one fails with its message, so the message has to tell the whole story.

/** The codes, one sentence each; the README's table is compared with this list by a test. */
export const TESTING_ERRORS = {
  TESTING_ERR_TIMEOUT: 'What the test waited for did not happen in time.',
  TESTING_ERR_PEER_CLOSED: 'The other side closed or reset the connection before the awaited bytes came.',
  TESTING_ERR_BAD_MESSAGE: 'The bytes are no HTTP/1.1 message.',
  TESTING_ERR_PROGRAM_ENDED: 'A spawned program ended before it printed the awaited line.',
  TESTING_ERR_PROGRAM_MISSING: 'A program that the test needs is not installed, and in CI it has to be.',
  TESTING_ERR_TEMPLATE_FAILED: 'The preparation of a template database failed.',
  TESTING_ERR_LEAK: 'A test left sockets, servers, timers or child processes behind.',
  TESTING_ERR_RUNAWAY_TIMERS: 'Timers of a fake clock went on scheduling each other without end.',
  TESTING_ERR_NO_FREE_PORT: 'No free port was found.',
} as const

/** Stable code of a {@link TestingError}. */
export type TestingErrorCode = keyof typeof TESTING_ERRORS

/** A failure of a test tool, or of what it watches. */
export class TestingError extends Error {
  override readonly name = 'TestingError'
  readonly code: TestingErrorCode

  constructor(code: TestingErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.code = code
  }
}
