// What is left when processes don't end as they should, and what the next start makes of it.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { startLocalPostgres, stopOrphanedPostgres } from '@plimsoll/local-postgres'
import { isAlive, leakCheck, spawnProgram, until, type SpawnedProgram, type TestScope } from '@plimsoll/testing'
import { temporaryFolder } from '../temporary-folder.ts'

leakCheck(t)

const folder = await temporaryFolder(t)

interface Started {
  readonly started: { readonly url: string; readonly pid: number }
}

async function startElsewhere(
  t: TestScope,
  options: object = {},
): Promise<{ program: SpawnedProgram; pid: number; url: string }> {
  const program = await spawnProgram(t, [
    'node',
    path.join(import.meta.dirname, '../programs', 'starter.ts'),
    JSON.stringify({ folder, durability: 'off', ...options }),
  ])
  const { started } = JSON.parse(await program.line('{"started"', { timeoutMs: 20_000 })) as Started
  return { program, ...started }
}

const pidFile = path.join(folder, 'data', 'postmaster.pid')

await t.test(
  'the server of a killed starter is found, told from a living one’s, stopped in order, and its data used',
  async t => {
    const killed = await startElsewhere(t)
    await t.rejects(
      stopOrphanedPostgres({ folder }),
      { code: 'LOCAL_POSTGRES_ERR_IN_USE', ownerPid: killed.program.pid },
      'while its starter lives',
    )
    const sql = postgres(killed.url, { max: 1, onclose: () => {} })
    t.teardown(() => sql.end({ timeout: 0 }))
    await sql`create table kept as select 1 as value`
    killed.program.kill('SIGKILL')
    await killed.program.exited
    t.ok(isAlive(killed.pid), 'it outlives its starter')
    const steps: string[] = []
    const pg = await startLocalPostgres({ folder, durability: 'off', onProgress: step => steps.push(step) })
    t.teardown(() => pg.stop())
    t.notOk(isAlive(killed.pid))
    t.match(steps, [`stopping a PostgreSQL (pid ${killed.pid}) whose starter is gone`])
    t.notMatch(pg.log(), 'not properly shut down')
    const again = postgres(pg.url, { max: 1 })
    t.teardown(() => again.end({ timeout: 1 }))
    t.equal((await again`select from kept`).length, 1)
  },
)

await t.test('an orphan can be stopped without starting another; without one there is nothing to do', async t => {
  const killed = await startElsewhere(t)
  killed.program.kill('SIGKILL')
  await killed.program.exited
  t.equal(await stopOrphanedPostgres({ folder }), true)
  t.notOk(isAlive(killed.pid))
  t.equal(await stopOrphanedPostgres({ folder }), false)
  t.equal(await stopOrphanedPostgres({ folder: path.join(folder, 'missing') }), false)
})

await t.test('stopOnExit takes the server along when the starter exits, and nothing does without it', async t => {
  const polite = await startElsewhere(t, { stopOnExit: true })
  polite.program.kill('SIGUSR2')
  await polite.program.exited
  await until(() => !isAlive(polite.pid), { what: 'the server to end with its starter' })
  const careless = await startElsewhere(t)
  careless.program.kill('SIGUSR2')
  await careless.program.exited
  t.ok(isAlive(careless.pid))
  t.equal(await stopOrphanedPostgres({ folder }), true)
})

await t.test('Ctrl-C, which reaches the whole process group, is left to the starter', async t => {
  const started = await startElsewhere(t, {})
  const stat = await readFile(`/proc/${started.pid}/stat`, 'utf8').catch(() => undefined)
  if (stat !== undefined) {
    // Fields behind the name: state, parent, group, session (proc_pid_stat(5)).
    const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    t.strictSame([group, session], [String(started.pid), String(started.pid)])
  }
  t.strictSame(await started.program.stop(), { code: 0, signal: null })
  t.notOk(isAlive(started.pid))
})

await t.test('a postmaster.pid whose process id belongs to another program by now does not stop a start', async t => {
  await writeFile(pidFile, `${process.pid}\n${path.join(folder, 'data')}\n1\n15432\n\n127.0.0.1\n1 1\nready\n`)
  t.equal(await stopOrphanedPostgres({ folder }), false, 'and that program is left alone')
  const pg = await startLocalPostgres({ folder, durability: 'off' })
  await pg.stop()
})
