// A test file for test-run.test.ts: says what it was given into the file named by SAYS_INTO, then waits, or ends as SAYS_THEN tells it.
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'

const { SAYS_INTO = '', SAYS_THEN, PLIMSOLL_TEST_DATABASE_URL: url = '' } = process.env
const { hostname, port } = new URL(url)
connect(Number(port), hostname).once('connect', function () {
  this.destroy()
  writeFileSync(SAYS_INTO, JSON.stringify({ url, pid: process.pid }))
  if (SAYS_THEN !== 'wait') process.exit(Number(SAYS_THEN))
})
if (SAYS_THEN === 'wait') {
  setInterval(() => {}, 1000)
  process.on('SIGTERM', () => process.exit(5))
}
