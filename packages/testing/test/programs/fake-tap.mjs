// Stands in for tap in test-run.test.ts: says what it was given, then ends as it's told by its first argument.
import { connect } from 'node:net'

const [how] = process.argv.slice(2)
const { port } = new URL(process.env['PLIMSOLL_TEST_DATABASE_URL'] ?? '')
connect(Number(port), '127.0.0.1').once('connect', function () {
  this.destroy()
  process.stdout.write(
    `${JSON.stringify({ args: process.argv.slice(2), url: process.env['PLIMSOLL_TEST_DATABASE_URL'], pid: process.pid })}\n`,
  )
  if (how !== 'wait') process.exit(Number(how))
})
if (how === 'wait') {
  setInterval(() => {}, 1000)
  process.on('SIGTERM', () => process.exit(5))
}
