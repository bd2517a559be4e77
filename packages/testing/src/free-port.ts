// A free port on 127.0.0.1, for programs that can't listen on port 0 and say which one they got.
//
// It's below 32768: the ports above are lent by the system to outgoing connections, and one of those may sit on "our" port a moment later. It's picked at
// random, so that test files that run at the same time rarely pick the same.
import { isPortFree } from '@plimsoll/local-postgres'
import { TestingError } from './errors.ts'

const FIRST_PORT = 10_000
const LAST_PORT = 32_767
const MAX_TRIES = 50

/** @throws TESTING_ERR_NO_FREE_PORT after 50 taken ones. */
export async function freePort(random: { next(): number } = { next: Math.random }): Promise<number> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const port = FIRST_PORT + Math.floor(random.next() * (LAST_PORT - FIRST_PORT + 1))
    if (await isPortFree(port)) return port
  }
  throw new TestingError(
    'TESTING_ERR_NO_FREE_PORT',
    `${MAX_TRIES} ports of 127.0.0.1 from ${FIRST_PORT} to ${LAST_PORT} were taken.`,
  )
}
