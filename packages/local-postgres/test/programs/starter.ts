// Started by tests as a process of its own: starts a server with the options given as JSON, says so in one line, and waits for a signal.
//     SIGTERM  stops the server and ends     SIGUSR2  ends without stopping it, by process.exit
import { LocalPostgresError, startLocalPostgres, type LocalPostgresOptions } from '@plimsoll/local-postgres'

try {
  const pg = await startLocalPostgres(JSON.parse(process.argv[2] ?? '') as LocalPostgresOptions)
  const forever = setInterval(() => {}, 60_000)
  process.on('SIGTERM', () => {
    clearInterval(forever)
    void pg.stop()
  })
  process.on('SIGUSR2', () => process.exit(0))
  const { url, pid, freshlyCreated, serverUser, port } = pg
  process.stdout.write(`${JSON.stringify({ started: { url, pid, freshlyCreated, serverUser, port } })}\n`)
} catch (error) {
  if (!(error instanceof LocalPostgresError)) throw error
  process.stdout.write(`${JSON.stringify({ failed: { code: error.code, message: error.message } })}\n`)
  process.exitCode = 1
}
