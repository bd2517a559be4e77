// The command line, as a user meets it.
import path from 'node:path'
import t from 'tap'
import { spawnProgram, until } from '@plimsoll/testing'

const MAIN = path.join(import.meta.dirname, '../src/main.ts')

await t.test('--help names every option with its unit and default', async t => {
  const program = await spawnProgram(t, ['node', MAIN, '--help'])
  t.equal((await program.exited).code, 0)
  const help = program.stdout
  for (const flag of [
    '--listen',
    '--upstream',
    '--strategy',
    '--health.path',
    '--outlier.ejection-ms',
    '--retry.budget-ratio',
    '--discovery.dns',
    '--limits.max-head-bytes',
    '--timeouts.try-ms',
    '--shutdown.drain-ms',
    '--admin-read-only',
    '--check-config',
    '--config',
  ])
    t.ok(help.includes(flag), flag)
  t.match(help, /--timeouts\.try-ms <ms>\s[^]*?Default 10000;/)
})

await t.test('--check-config only checks', async t => {
  const good = await spawnProgram(t, ['node', MAIN, '--check-config', '--upstream=http://127.0.0.1:1'])
  t.equal((await good.exited).code, 0)
  t.match(good.stdout, /valid/)
  const bad = await spawnProgram(t, [
    'node',
    MAIN,
    '--check-config',
    '--upstream=http://127.0.0.1:1',
    '--health.path=ready',
    '--strategy=fastest',
  ])
  t.equal((await bad.exited).code, 1)
  t.match(bad.stderr, /--strategy[^]*least-connections/, 'with what is allowed')
})

await t.test('the ready line is one JSON object; a generated token goes to standard error alone', async t => {
  const program = await spawnProgram(t, [
    'node',
    MAIN,
    '--listen=127.0.0.1:0',
    '--admin=127.0.0.1:0',
    '--upstream=http://127.0.0.1:1',
    '--shutdown.grace-ms=0',
  ])
  const ready = JSON.parse(await program.line(/"msg":"listening"/)) as Record<string, unknown>
  t.match(ready, { msg: 'listening', listen: /^127\.0\.0\.1:\d+$/, admin: /^127\.0\.0\.1:\d+$/, pid: Number })
  // The two streams come independently of each other.
  await until(() => program.stderr.includes('token of the admin API'), { what: 'the token' })
  const token = /token of the admin API is ([\w-]{43})/.exec(program.stderr)?.[1] ?? ''
  t.not(token, '')
  t.notOk(program.stdout.includes(token))
  const asked = await fetch(`http://${String(ready['admin'])}/admin/pools`, {
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(asked.status, 200)
  t.same(await program.stop(), { code: 0, signal: null })
})

await t.test('a limit of the system that is too low for the options is named at the start', async t => {
  const program = await spawnProgram(t, [
    'bash',
    '-c',
    `ulimit -n 256; exec "${process.execPath}" "${MAIN}" --listen=127.0.0.1:0 --admin=127.0.0.1:0 --upstream=http://127.0.0.1:1 --shutdown.grace-ms=0`,
  ])
  await program.line(/"msg":"listening"/)
  await until(() => /256[^]*ulimit -n|ulimit -n[^]*256/.test(program.stdout), { what: 'the warning' })
  t.pass('the limit is named')
  await program.stop()
})
