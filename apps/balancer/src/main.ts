// The command line: `plimsoll-balancer --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3001`.
//
// Standard output gets one line when it's ready, and the log; standard error gets one line when it can't start. Exit codes: 0 stopped
// in order, 1 couldn't start or a request had to be cut at the end.
import { readFileSync } from 'node:fs'
import { loadConfig } from '@plimsoll/config'
import { createLogger } from '@plimsoll/telemetry'
import { createBalancer } from './balancer.ts'
import { balancerProgram } from './program.ts'

async function run(): Promise<void> {
  const load = () =>
    loadConfig(balancerProgram, {
      env: process.env,
      argv: process.argv.slice(2),
      readFile: path => readFileSync(path, 'utf8'),
    })
  const loaded = load()
  if (loaded.kind === 'help') {
    process.stdout.write(loaded.text)
    return
  }
  if (loaded.kind === 'check') {
    process.stdout.write('The configuration is valid.\n')
    return
  }
  const { config } = loaded
  const logger = createLogger({ level: config.log.level, name: 'balancer' })
  const readConfig = () => (load() as typeof loaded).config
  const balancer = createBalancer(config, { logger, random: { next: Math.random }, readConfig })
  const { generatedAdminToken, ...addresses } = await balancer.start()
  // Not where logs go: whoever reads them must not be able to change anything.
  if (generatedAdminToken !== null)
    process.stderr.write(
      `plimsoll-balancer: the token of the admin API is ${generatedAdminToken} (give one with ADMIN_TOKEN)\n`,
    )
  // Written past the log's level: programs wait for this line.
  process.stdout.write(`${JSON.stringify({ msg: 'listening', pid: process.pid, ...addresses })}\n`)
  const stop = () => {
    void balancer.stop().then(cut => process.exit(cut > 0 ? 1 : 0))
  }
  process.once('SIGTERM', stop)
  // A terminal that's closed sends it too; a service is told to read its configuration again.
  if (process.stdout.isTTY) process.once('SIGHUP', stop)
  else process.on('SIGHUP', () => void balancer.reload())
  process.once('SIGINT', stop)
  // Under a supervisor that has died there's nobody left to stop us.
  process.once('disconnect', stop)
}

run().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
})

function explain(error: unknown): string {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE')
    return `plimsoll-balancer: port ${port} is in use (${code}). Stop the program that has it, or choose another with --listen or --admin.`
  if (code === 'EACCES')
    return `plimsoll-balancer: not allowed to listen on port ${port} (${code}). Use a port above 1023, or give the program the capability CAP_NET_BIND_SERVICE.`
  return `plimsoll-balancer: ${message}`
}
