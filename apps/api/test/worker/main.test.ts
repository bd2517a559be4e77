// One worker as a program by itself, without a supervisor.
import t from 'tap'
import { spawnProgram } from '@plimsoll/testing'
import { demoDatabase } from '../fixture/demo-database.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

const database = await demoDatabase(t)

await t.test('a worker alone serves on its own address, shows its figures there, and ends by SIGTERM', async t => {
  const program = await spawnProgram(t, ['node', 'apps/api/src/worker/main.ts', '--listen', '127.0.0.1:0'], {
    env: { DATABASE_URL: database.url, LOG_LEVEL: 'warn', FEATURE_CACHING: 'false', FEATURE_SECURITY: 'false' },
  })
  const { address } = JSON.parse(await program.line('"msg":"listening"', { timeoutMs: 30_000 })) as { address: string }
  t.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.match(await (await fetch(`${address}/health`)).json(), {
    status: 'ok',
    worker: { number: 0, generation: 0, pid: program.pid },
  })
  const metrics = await fetch(`${address}/metrics`)
  t.match(await metrics.text(), /^api_requests_total\{route="\/health",method="GET",code="200"\} 1$/m)
  t.same(await program.stop(), { code: 0, signal: null })
  t.equal(program.stderr, '')
  t.match(program.stdout, /"category":"security".*features\.security is off/, 'it does not go without that unawares')
})

await t.test('help and a check of the configuration need no database', async t => {
  const help = await spawnProgram(t, ['node', 'apps/api/src/worker/main.ts', '--help'], {
    env: { DATABASE_URL: undefined },
  })
  t.same(await help.exited, { code: 0, signal: null })
  t.match(help.stdout, /--listen <host:port>/)
  const check = await spawnProgram(t, ['node', 'apps/api/src/worker/main.ts', '--check-config'], {
    env: { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' },
  })
  t.same(await check.exited, { code: 0, signal: null })
  t.equal(check.stdout, 'The configuration is valid.\n')
})
